import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { type Message, type Parser, parser } from '@relayrace/fixtures/wire'
import type { SocketGateway } from '@relayrace/gateway'
import { expect, onTestFinished, test } from 'vitest'
import { createDuplexGateway } from '../src/index.ts'
import { type Input, readOurs } from './fuzz/compare.ts'
import { readCorpus } from './fuzz/corpus.ts'
import { Mutator } from './fuzz/mutate.ts'
import { headLimit } from './fuzz/node-parser.ts'
import type { Read } from './reading.ts'
import { random, seed } from './seed.ts'
import { until } from './sockets.ts'

const count = 10_000
const atOnce = 64
const limit = 100_000

/** Somebody who answers on raw connections. `said` is told what comes, piece by piece. */
interface Origin {
  readonly port: number
  readonly sockets: Set<Socket>
}

async function startOrigin(accept: (socket: Socket) => void): Promise<Origin> {
  const sockets = new Set<Socket>()
  const server: Server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    accept(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, sockets }
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

/** Nothing of it is left: no exchange, no socket on either side. */
async function leavesNothing(gateway: SocketGateway, origin: Origin): Promise<void> {
  await until(() => gateway.inFlight === 0, 'the end of all exchanges')
  await gateway.close(0)
  await until(() => origin.sockets.size === 0, 'the end of all upstream connections')
}

/** Runs that many jobs, so many at a time. */
async function all(jobs: number, job: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let index = next++; index < jobs; index = next++) await job(index)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

const shown = (message: Message): string => String(message).slice(0, 300)

const inOriginForm = (method: string, target: string): string => {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, '')
  if (path === target || path.startsWith('/')) return path
  return path === '' && method === 'OPTIONS' ? '*' : `/${path}`
}

test(`${count} damaged requests: the origin gets what was sent, or nothing`, { timeout: limit }, async () => {
  const mutator = new Mutator(
    random('requests'),
    readCorpus().filter(({ kind }) => kind === 'request'),
  )
  /** Whose port it is. Ports are used again. */
  const owners = new Map<number | undefined, string>()
  /** What the origin got from each client. */
  const got = new Map<string, Message[]>()
  const wrong: string[] = []
  const origin = await startOrigin((socket) => {
    readRequests(socket, (message) => {
      const name = message.get('x-client') ?? 'nobody'
      got.set(name, [...(got.get(name) ?? []), message])
      if (message.verdict === 'malformed') wrong.push(`the origin got ${shown(message)}`)
      if (message.verdict !== 'complete') return
      const text = `${name} ${message.target}`
      const head = `HTTP/1.1 200 OK\r\nX-Client: ${name}\r\nX-Target: ${message.target}\r\nContent-Length: ${text.length}\r\n\r\n`
      socket.write(message.method === 'HEAD' ? head : head + text, 'latin1')
    })
  })
  const gateway = createDuplexGateway({
    upstream: `http://127.0.0.1:${origin.port}`,
    // Nobody waits for the end of what has none.
    timeouts: { requestHead: 100, requestBody: 100, idle: 100 },
    rewrite: ({ fields }, { request }) => fields.set('X-Client', owners.get(request.remotePort) ?? 'nobody'),
  })
  onTestFinished(() => gateway.close(0))
  const { url } = await gateway.listen()
  let answers = 0

  const checks: (() => void)[] = []

  await all(count, async (number) => {
    const text = mutator.next()
    const pieces = mutator.cuts(text.length)
    const model = readOurs({ kind: 'request', text, to: 'GET', cuts: [] }).messages
    const complain = (what: string): void => {
      wrong.push(`${what}\n  sent: ${JSON.stringify(text.slice(0, 600))}`)
    }
    const client = connect({ port: Number(url.port), host: url.hostname, noDelay: true })
    client.on('error', () => {})
    await once(client, 'connect')
    const gone = new Promise((resolve) => client.once('close', resolve))
    const name = `client-${number}`
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
          }
          index++
        }
        reading = answer()
      }
    })
    for (const [i, place] of pieces.entries()) {
      client.write(text.slice(pieces[i - 1] ?? 0, place), 'latin1')
      await new Promise((resolve) => setImmediate(resolve))
    }
    client.write(text.slice(pieces.at(-1) ?? 0), 'latin1')
    await gone
    checks.push(() => {
      // What the origin got was sent, in that order, and no more of it.
      let from = 0
      for (const message of got.get(name) ?? []) {
        const at = model.findIndex((sent, i) => i >= from && isSame(sent, message))
        if (at === -1) complain(`nobody sent ${shown(message)}`)
        from = at + 1
      }
    })
  })

  await leavesNothing(gateway, origin)
  for (const check of checks) check()

  expect(wrong.slice(0, 5).join('\n'), `SEED=${seed}`).toBe('')
  expect([...got.keys()]).not.toContain('nobody')
  expect(answers).toBeGreaterThan(count / 2)
})

function isSame(sent: Read, message: Message): boolean {
  const [method, target] = sent.line.map(String) as [string, string]
  if (message.method !== method || message.target !== inOriginForm(method, target)) return false
  if (message.verdict === 'complete') return sent.complete && sent.content.equals(message.body)
  return sent.content.subarray(0, message.bodyLength).equals(message.body)
}

test(`${count} damaged responses: each client gets its own, whole, or sees that it is broken`, {
  timeout: limit,
}, async () => {
  const dice = random('choices')
  const mutator = new Mutator(
    random('responses'),
    readCorpus().filter(({ kind }) => kind === 'response'),
  )
  const wrong: string[] = []
  /** What the origin said to each request, by its number. */
  const said = new Map<string, Input[]>()
  const ends = new Map<Input, boolean>()
  const origin = await startOrigin((socket) => {
    readRequests(socket, ({ method, target, verdict }) => {
      if (verdict === 'malformed') wrong.push(`the origin got a malformed request`)
      if (verdict !== 'complete') return
      const number = target.slice(1)
      const text = mutator.next().replace(/^(HTTP\/[^\r\n]*)\r\n/gm, `$1\r\nX-Number: ${number}\r\n`)
      const input: Input = { kind: 'response', text, to: method, cuts: [] }
      said.set(number, [...(said.get(number) ?? []), input])
      const end = dice()
      ends.set(input, end < 0.4)
      // What comes after an answer comes with it: later it could be taken for the next one, by anybody.
      const last = endOfAnswer(input)
      const places = mutator.cuts(text.length).filter((place) => place < last)
      const send = (i: number): void => {
        socket.write(text.slice(places[i - 1] ?? 0, places[i]), 'latin1')
        if (i < places.length) setImmediate(() => send(i + 1))
        else if (end < 0.4) socket.end()
        else if (end < 0.5) socket.resetAndDestroy()
      }
      send(0)
    })
  })
  const gateway = createDuplexGateway({
    upstream: `http://127.0.0.1:${origin.port}`,
    timeouts: { responseHead: 100, responseBody: 100 },
    limits: { responseHead: headLimit },
  })
  onTestFinished(() => gateway.close(0))
  const { url } = await gateway.listen()
  const clients: Socket[] = []
  onTestFinished(() => {
    for (const socket of clients) socket.destroy()
  })
  let whole = 0
  const idle: Socket[] = []

  await all(count, async (number) => {
    let client = idle.pop()
    if (client === undefined || client.destroyed) {
      client = connect({ port: Number(url.port), host: url.hostname, noDelay: true })
      clients.push(client)
      client.on('error', () => {})
      await once(client, 'connect')
    }
    const method = dice() < 0.2 ? 'HEAD' : dice() < 0.2 ? 'POST' : 'GET'
    let reading = parser('response', { to: method })
    const { promise, resolve } = Promise.withResolvers<number>()
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

    const { message } = reading
    const inputs = said.get(String(number)) ?? []
    const complain = (what: string): void => {
      wrong.push(
        `${what}\n  ${method}, got ${shown(message)}\n  said: ${JSON.stringify(inputs.map(({ text }) => text.slice(0, 600)))}`,
      )
    }
    if (more > 0) complain('bytes after the answer')
    if (message.verdict === 'malformed') complain('a malformed answer')
    if (message.headComplete && !message.has('proxy-status')) {
      if (message.get('x-number') !== String(number)) complain('somebody else’s answer')
      if (message.verdict === 'complete') {
        whole++
        if (!inputs.some((input) => isAnswer(input, ends.get(input) === true, message)))
          complain('not what was said')
      }
    }
    said.delete(String(number))
    for (const input of inputs) ends.delete(input)
    if (message.verdict === 'complete' && !/close/.test(message.get('connection') ?? '')) idle.push(client)
    else client.destroy()
  })

  expect(wrong.slice(0, 5).join('\n'), `SEED=${seed}`).toBe('')
  expect(whole).toBeGreaterThan(count / 10)
  for (const socket of clients) socket.destroy()
  await leavesNothing(gateway, origin)
})

/** Where the first final response in it ends. */
function endOfAnswer(input: Input): number {
  const { ends, messages } = readOurs(input)
  return messages.length === ends.length ? (ends.at(-1) ?? 0) : input.text.length
}

/** Whether the answer is the first final response of what was said. */
function isAnswer(input: Input, ended: boolean, message: Message): boolean {
  const answer = readOurs(input).messages.find(({ line: [, status] }) => Number(status) >= 200)
  if (answer === undefined || answer.line[1] !== message.status) return false
  // Without an end of the connection it was whole only if it says itself where it ends.
  return answer.complete && (ended || answer.framing !== 'close') && answer.content.equals(message.body)
}
