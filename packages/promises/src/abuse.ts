/** What every strategy survives: damaged requests by the ten thousand, and damaged responses. */

import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { random, seed } from '@relayrace/fixtures/seed'
import { type Message, type Parser, parser } from '@relayrace/fixtures/wire'
import type { Gateway, GatewayOptions, Strategy } from '@relayrace/gateway'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readCorpus } from './damage/corpus.ts'
import { Mutator } from './damage/mutate.ts'
import { headLimit } from './damage/node-parser.ts'
import { nodeReader, type Reader, type Said } from './damage/reader.ts'

const many = Number(process.env.ABUSE ?? 30_000)
/** Exchanges that have an end. Few, so that none of them lasts as long as `patience`. */
const atOnce = 32
/** Those that wait for the end of what has none. */
const stalledAtOnce = 800
/** How long the gateway waits, in milliseconds. */
const patience = 1_000
/** Of a test, in milliseconds. The machine may be busy. */
const limit = 300_000

/**
 * @param reader Says what there is in the bytes: the parser that the strategy has, or one that is as strict.
 * @param most Of each, where another strategy has the same parsers and is asked for more.
 */
export function abuseOf(create: Strategy<Gateway>, reader: Reader = nodeReader, most: number = many): void {
  const count = Math.min(most, many)
  describe(`F3 damaged messages by the ${count}: nothing is smuggled, nothing leaks, nothing dies`, () => {
    test('requests: the origin gets what was sent, or nothing', { timeout: limit }, () =>
      damagedRequests(create, reader, count),
    )
    test('responses: each client gets its own, whole, or sees that it is broken', { timeout: limit }, () =>
      damagedResponses(create, reader, count),
    )
  })
}

/** What follows a text that could go on: the gateway must still be in step to answer it. */
const sentinel = 'GET /in-step HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

async function damagedRequests(create: Strategy<Gateway>, reader: Reader, count: number): Promise<void> {
  const mutator = mutatorOf('request')
  const texts = Array.from({ length: count }, () => mutator.next())
  const models = await reader.requests(texts)
  const followed = await reader.requests(texts.map((text) => text + sentinel))
  const inStep = followed.map(
    (messages, i) => messages.length > (models[i]?.length ?? 0) && messages.at(-1)?.line[1] === '/in-step',
  )

  const faults = new Faults()
  /** Whose port it is. Ports are used again. */
  const owners = new Map<number | undefined, string>()
  /** What the origin got from each client. */
  const got = new Map<string, Message[]>()
  const { gateway, url, settled } = await stage(
    create,
    { requestHead: patience, idle: patience },
    (socket) =>
      readRequests(socket, (message) => {
        const name = message.get('x-client') ?? 'nobody'
        got.set(name, [...(got.get(name) ?? []), message])
        if (message.verdict === 'malformed') faults.add(`the origin got ${shown(message)}`)
        if (message.verdict !== 'complete') return
        const text = `${name} ${message.target}`
        const head = `HTTP/1.1 200 OK\r\nX-Client: ${name}\r\nX-Target: ${message.target}\r\nContent-Length: ${text.length}\r\n\r\n`
        socket.write(message.method === 'HEAD' ? head : head + text, 'latin1')
      }),
    ({ fields }, { request }) => fields.set('X-Client', owners.get(request.remotePort) ?? 'nobody'),
  )
  let answers = 0
  let answeredInStep = 0

  const stalls = (number: number): boolean => !inStep[number]
  await all(count, stalls, async (number) => {
    const text = texts[number] as string
    const model = (inStep[number] ? followed[number] : models[number]) as Said[]
    const name = `client-${number}`
    const complain = (what: string): void => faults.add(what, text)
    const client = await dial(url)
    const gone = new Promise((resolve) => client.once('close', resolve))
    owners.set(client.localPort, name)

    // What comes back is a sound answer to each request in turn, and each is this client's.
    let index = 0
    const answer = (): Parser => parser('response', { to: String(model[index]?.line[0] ?? 'GET') })
    let reading = answer()
    client.on('data', (bytes: Buffer) => {
      for (let rest = bytes; rest.length > 0 && reading.message.verdict !== 'malformed'; ) {
        rest = rest.subarray(reading.push(rest))
        if (!reading.done) return
        const { message } = reading
        if (message.verdict === 'malformed') complain(`the client got ${shown(message)}`)
        if (message.status >= 200) {
          answers++
          const [method = '', target = ''] = (model[index]?.line ?? []).map(String)
          if (message.has('x-client')) {
            if (message.get('x-client') !== name) complain('somebody else’s answer')
            if (message.get('x-target') !== inOriginForm(method, target)) complain('another request’s answer')
            if (target === '/in-step') answeredInStep++
          }
          index++
        }
        reading = answer()
      }
    })
    await sendInPieces(client, inStep[number] ? text + sentinel : text, mutator.cuts(text.length))
    await gone
  })

  await settled()
  for (const [number, model] of models.entries()) {
    // What the origin got was sent, once. In what order is not said: requests in a pipeline may go side by side.
    const sent = new Set(inStep[number] ? followed[number] : model)
    const arrived = got.get(`client-${number}`) ?? []
    for (const message of arrived.toSorted((a, b) => Number(isBroken(a)) - Number(isBroken(b)))) {
      const original = [...sent].find((one) => isSame(one, message))
      if (original === undefined) faults.add(`nobody sent ${shown(message)}`, texts[number])
      else sent.delete(original)
    }
  }
  expect(gateway.inFlight).toBe(0)
  expect(faults.text, `SEED=${seed}`).toBe('')
  expect([...got.keys()]).not.toContain('nobody')
  // It was not all refused.
  expect(answers).toBeGreaterThan(count / 2)
  expect(answeredInStep).toBeGreaterThan(count / 20)
}

async function damagedResponses(create: Strategy<Gateway>, reader: Reader, count: number): Promise<void> {
  const dice = random('choices')
  const mutator = mutatorOf('response')
  /** What the origin says to each request, and how its connection ends then. */
  const scripts = Array.from({ length: count }, (_, number) => {
    const to = dice() < 0.2 ? 'HEAD' : dice() < 0.2 ? 'POST' : 'GET'
    const text = mutator.next().replace(/^(HTTP\/[^\r\n]*)\r\n/gm, `$1\r\nX-Number: ${number}\r\n`)
    // What comes after an answer comes with it: later it could be taken for the next one, by anybody.
    const last = endOfAnswer(text, to)
    const cuts = mutator.cuts(text.length).filter((place) => place < last)
    const end = dice()
    return { to, text, cuts, end: end < 0.4 ? 'fin' : end < 0.5 ? 'reset' : 'none' } as const
  })
  const models = await reader.responses(scripts)

  const faults = new Faults()
  const { url, settled } = await stage(create, { responseHead: patience, responseBody: patience }, (socket) =>
    readRequests(socket, ({ target, verdict }) => {
      if (verdict === 'malformed') faults.add('the origin got a malformed request')
      const script = scripts[Number(target.slice(1))]
      if (verdict !== 'complete' || script === undefined) return
      sendInPieces(socket, script.text, script.cuts).then(() => {
        if (script.end === 'fin') socket.end()
        else if (script.end === 'reset') socket.resetAndDestroy()
      })
    }),
  )
  const idle: Socket[] = []
  let whole = 0

  const stalls = (number: number): boolean =>
    scripts[number]?.end === 'none' && !isWhole(answerIn(models[number] as Said[]), false)
  await all(count, stalls, async (number) => {
    const { to, text, end } = scripts[number] as (typeof scripts)[number]
    const complain = (what: string): void => faults.add(what, text)
    const client = await idleOr(idle, url)
    const { message, more } = await ask(client, to, number)
    if (more > 0) complain('bytes after the answer')
    if (message.verdict === 'malformed') complain(`a malformed answer: ${shown(message)}`)
    // Where the line end of the status line is damaged there is no number: undici reads some that Node refuses.
    const numbered = text.includes(`X-Number: ${number}`)
    if (numbered && message.headComplete && !message.has('proxy-status')) {
      if (message.get('x-number') !== String(number)) complain(`somebody else’s answer: ${shown(message)}`)
      if (message.verdict === 'complete') {
        whole++
        const said = answerIn(models[number] as Said[])
        if (!isWhole(said, end === 'fin') || !isSameAnswer(said, message))
          complain(`not what was said to ${to}: ${shown(message)}`)
      }
    }
    if (message.verdict === 'complete' && !/close/.test(message.get('connection') ?? '')) idle.push(client)
    else client.destroy()
  })

  for (const client of idle) client.destroy()
  await settled()
  expect(faults.text, `SEED=${seed}`).toBe('')
  // It was not all refused.
  expect(whole).toBeGreaterThan(count / 10)
}

/** A gateway before an origin that answers on raw connections, and the claim that in the end nothing is left of either. */
async function stage(
  create: Strategy<Gateway>,
  timeouts: GatewayOptions['timeouts'],
  accept: (socket: Socket) => void,
  rewrite: GatewayOptions['rewrite'] = () => {},
): Promise<{ gateway: Gateway; url: URL; settled: () => Promise<void> }> {
  const warnings: string[] = []
  const warn = ({ message }: Error): unknown => warnings.push(message)
  process.on('warning', warn)
  onTestFinished(() => void process.off('warning', warn))

  const before = { descriptors: descriptors(), listeners: listenersOfProcess() }
  const sockets = new Set<Socket>()
  const origin = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    accept(socket)
  })
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    origin.close()
  })
  const gateway = create({
    upstream: `http://127.0.0.1:${(origin.address() as AddressInfo).port}`,
    timeouts: { requestBody: patience, ...timeouts },
    limits: { responseHead: headLimit },
    rewrite,
  })
  onTestFinished(() => gateway.close(0))
  const { url } = await gateway.listen()
  return {
    gateway,
    url,
    async settled() {
      await until(() => gateway.inFlight === 0, 'the end of all exchanges')
      await until(() => gateway.pool.connections === gateway.pool.idle, 'no upstream connection in use')
      await gateway.close(0)
      await until(() => sockets.size === 0, 'the end of all upstream connections')
      origin.close()
      await until(() => descriptors() <= before.descriptors, 'as many descriptors as before')
      expect(listenersOfProcess()).toBe(before.listeners)
      expect(warnings).toEqual([])
    },
  }
}

/** Tells of each request that comes on a connection, once no more of it will. */
function readRequests(socket: Socket, came: (message: Message) => void): void {
  let reading: Parser = parser('request')
  socket.on('data', (bytes: Buffer) => {
    for (let rest = bytes; rest.length > 0 && reading.message.verdict !== 'malformed'; ) {
      rest = rest.subarray(reading.push(rest))
      if (!reading.done) return
      const { message } = reading
      if (message.verdict === 'complete') reading = parser('request')
      came(message)
    }
  })
  socket.on('close', () => {
    if (reading.message.head === '' || reading.done) return
    reading.end('fin')
    came(reading.message)
  })
}

/** What came back, and how many bytes came after it. */
async function ask(
  client: Socket,
  method: string,
  number: number,
): Promise<{ message: Message; more: number }> {
  const { promise, resolve } = Promise.withResolvers<number>()
  let reading = parser('response', { to: method })
  const take = (bytes: Buffer): void => {
    for (let rest = bytes; rest.length > 0; ) {
      rest = rest.subarray(reading.push(rest))
      if (!reading.done) return
      if (reading.message.verdict === 'malformed' || reading.message.status >= 200) {
        resolve(rest.length)
        return
      }
      reading = parser('response', { to: method })
    }
  }
  const closed = (): void => {
    reading.end('fin')
    resolve(0)
  }
  client.on('data', take)
  client.once('close', closed)
  client.write(
    method === 'POST'
      ? `POST /${number} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`
      : `${method} /${number} HTTP/1.1\r\nHost: a\r\n\r\n`,
  )
  const more = await promise
  client.off('data', take)
  client.off('close', closed)
  return { message: reading.message, more }
}

async function idleOr(idle: Socket[], url: URL): Promise<Socket> {
  for (let known = idle.pop(); known !== undefined; known = idle.pop()) if (!known.destroyed) return known
  return dial(url)
}

async function dial({ port, hostname }: URL): Promise<Socket> {
  const client = connect({ port: Number(port), host: hostname, noDelay: true })
  client.on('error', () => {})
  await once(client, 'connect')
  return client
}

async function sendInPieces(socket: Socket, text: string, cuts: readonly number[]): Promise<void> {
  for (const [i, place] of cuts.entries()) {
    socket.write(text.slice(cuts[i - 1] ?? 0, place), 'latin1')
    await new Promise((resolve) => setImmediate(resolve))
  }
  socket.write(text.slice(cuts.at(-1) ?? 0), 'latin1')
}

/** Runs that many jobs, so many at a time. One that stalls keeps nobody waiting. */
async function all(
  jobs: number,
  stalls: (index: number) => boolean,
  job: (index: number) => Promise<void>,
): Promise<void> {
  const stalled = new Set<Promise<void>>()
  let next = 0
  const worker = async (): Promise<void> => {
    for (let index = next++; index < jobs; index = next++) {
      const running = job(index)
      if (!stalls(index)) {
        await running
        continue
      }
      stalled.add(running)
      running.finally(() => stalled.delete(running)).catch(() => {})
      if (stalled.size >= stalledAtOnce) await Promise.race(stalled)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  await Promise.all(stalled)
}

/** Resolves at the first look that finds it so, looking again at every turn of the event loop. */
async function until(look: () => boolean, what: string, within = 20_000): Promise<void> {
  const deadline = performance.now() + within
  while (!look()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${within} ms`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

class Faults {
  readonly #found: string[] = []

  add(what: string, bytes?: string): void {
    this.#found.push(bytes === undefined ? what : `${what}\n  sent: ${JSON.stringify(bytes.slice(0, 600))}`)
  }

  /** The first few. */
  get text(): string {
    const { length } = this.#found
    return [...this.#found.slice(0, 5), ...(length > 5 ? [`and ${length - 5} more`] : [])].join('\n')
  }
}

function mutatorOf(kind: 'request' | 'response'): Mutator {
  return new Mutator(
    random(kind),
    readCorpus().filter((entry) => entry.kind === kind),
  )
}

const isBroken = ({ verdict }: Message): boolean => verdict !== 'complete'

const shown = (message: Message): string => String(message).slice(0, 300)

const descriptors = (): number => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0)

const listenersOfProcess = (): number =>
  process.eventNames().reduce((sum, name) => sum + process.listenerCount(name as string), 0)

function inOriginForm(method: string, target: string): string {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, '')
  if (path === target || path.startsWith('/')) return path
  return path === '' && method === 'OPTIONS' ? '*' : `/${path}`
}

function isSame({ line, complete, content }: Said, message: Message): boolean {
  const [method = '', target = ''] = line.map(String)
  if (message.method !== method || message.target !== inOriginForm(method, target)) return false
  if (message.verdict === 'complete') return complete && content.equals(message.body)
  return content.subarray(0, message.bodyLength).equals(message.body)
}

/** Where the first final response in it ends, if a strict parser finds one. */
function endOfAnswer(text: string, to: string): number {
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length; ) {
    const reading = parser('response', { to })
    at += reading.push(bytes.subarray(at))
    if (reading.message.verdict === 'malformed') return 0
    if (!reading.done) return bytes.length
    if (reading.message.status >= 200) return at
  }
  return bytes.length
}

/** The first final response. */
const answerIn = (said: readonly Said[]): Said | undefined =>
  said.find(({ line: [, status] }) => Number(status) >= 200)

/** Without an end of the connection it is whole only if it says itself where it ends. */
const isWhole = (answer: Said | undefined, ended: boolean): answer is Said =>
  answer?.complete === true && (ended || !answer.untilClose)

function isSameAnswer({ line, content }: Said, message: Message): boolean {
  return line[1] === message.status && content.equals(message.body)
}
