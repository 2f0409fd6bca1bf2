/** DUPLX: request and response are two streams, and either may end first. RFC 9112 §9.3 to §9.6. */

import { createHash } from 'node:crypto'
import { type Exchange, type Message, Missed } from '@relayrace/fixtures/wire'
import { type Case, chunks, each, get, head, reply, type Stage } from '../case.ts'
import { answered, check, complete, equal } from '../expect.ts'
import { whole } from './strm.ts'

const KiB = 1024
const MiB = 1024 * KiB

export const duplx: readonly Case[] = [
  {
    id: 'DUPLX-01',
    rule: 'ours: RFC 9110 §7.5 lets a server answer before it has the whole request',
    level: 'SHOULD',
    title: 'relays a response that has begun while the request goes on, both at the same time',
    async run({ connect, origin }) {
      const client = await connect()
      client.send(head('POST /duplx HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked') + chunks('first'))
      const exchange = await origin.request()
      await exchange.body(5)
      exchange.send(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunks('go'))
      const response = await client.responding()
      await response.body(2)
      client.send(chunks('second'))
      const content = await exchange.body(11)
      equal(content.toString(), 'firstsecond', 'the content at the origin')
      exchange.send(chunks('again'))
      await response.body(7)
      client.send('0\r\n\r\n')
      complete(await exchange.done(), 'the request at the origin')
      exchange.send('0\r\n\r\n')
      answered(await response.done(), 200, 'goagain')
    },
  },
  {
    id: 'DUPLX-02',
    rule: 'ours, after RFC 9112 §9.5 and §9.6',
    level: 'MUST',
    title: 'lets a client that is still sending read the whole answer that came early',
    deliveries: ['coalesced'],
    run: Object.fromEntries(
      ['Content-Length', 'chunked'].flatMap((framing) =>
        Object.entries({
          'with FIN at once': 0,
          'with FIN after 100 ms': 100,
          'with FIN after 500 ms': 500,
        }).map(([name, delay]) => [
          `${framing}, ${name}`,
          (stage: Stage) => earlyAnswers(stage, framing === 'chunked', delay),
        ]),
      ),
    ),
  },
  {
    id: 'DUPLX-03',
    rule: 'RFC 9112 §9.3, §9.5',
    level: 'MUST',
    title: 'takes the rest of an upload that was answered early for no request of its own',
    deliveries: ['coalesced', 'random splits'],
    run: each({ 'Content-Length': false, chunked: true }, async (stage, inChunks) => {
      const { connect, origin, pass, recover } = stage
      const smuggled = get('/smuggled').repeat(200)
      const framing = inChunks ? 'Transfer-Encoding: chunked' : `Content-Length: ${2 * smuggled.length}`
      const part = inChunks ? chunks(smuggled) : smuggled
      const client = await connect()
      client.send(head('POST /duplx HTTP/1.1', 'Host: a', framing) + part)
      const rest = once(() => client.send(part + (inChunks ? '0\r\n\r\n' : '')))
      const exchange = await requestOrAll(stage, rest)
      await exchange.body(1)
      exchange.send(reply('early'))
      answered(await client.response(), 200, 'early')
      rest()
      await pass(100)
      const stray = origin.requests.find(({ target }) => target === '/smuggled')
      check(stray === undefined, 'the origin received a part of the upload as a request')
      await recover(client)
    }),
  },
  {
    id: 'DUPLX-04',
    rule: 'ours: neither stream waits for the other',
    level: 'SHOULD',
    title: 'moves content both ways at the same time, as fast as it comes',
    deliveries: ['coalesced'],
    alone: true,
    async run({ connect, origin }) {
      const total = 16 * MiB
      const piece = Buffer.alloc(64 * KiB, 'duplex')
      const client = await connect()
      client.send(head('POST /duplx HTTP/1.1', 'Host: a', `Content-Length: ${total}`), whole)
      client.send(piece, whole)
      const exchange = await origin.request()
      exchange.send(head('HTTP/1.1 200 OK', `Content-Length: ${total}`), whole)
      const pour = async (to: Pick<typeof client, 'send'>, bytes: number): Promise<void> => {
        for (let sent = 0; sent < bytes; sent += piece.length) if (!(await to.send(piece, whole))) return
      }
      const within = { within: 20_000 }
      const response = await client.responding({ keep: 0 })
      // Neither gets beyond its half before the other has come so far.
      pour(client, total / 2 - piece.length)
      pour(exchange, total / 2)
      await Promise.all([exchange.body(total / 2, within), response.body(total / 2, within)])
      pour(client, total / 2)
      pour(exchange, total / 2 - piece.length)
      const there = await exchange.done(within)
      pour(exchange, piece.length)
      const back = await response.done(within)
      const sum = hashOf(piece, total)
      equal(complete(there, 'the request at the origin').sha256, sum, 'the SHA-256 of the request')
      equal(answered(back, 200).sha256, sum, 'the SHA-256 of the response')
    },
  },
  {
    id: 'DUPLX-06',
    rule: 'ours, after RFC 9110 §15.6.3',
    level: 'MUST',
    title: 'answers, with the words of the origin or 502, when the origin answers early and resets',
    deliveries: ['coalesced'],
    run: {
      // Chance decides here too: see `earlyAnswers`.
      'at once': async (stage) => {
        for (let tries = 0; tries < 50; tries++) await answerAndReset(stage, 0)
      },
      'after 50 ms': (stage) => answerAndReset(stage, 50),
    },
  },
  {
    id: 'DUPLX-07',
    rule: 'RFC 9112 §9.3',
    level: 'MUST',
    title: 'forwards all of an upload although the response was complete before it',
    async run(stage) {
      const client = await stage.connect()
      client.send(head('POST /duplx HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked') + chunks('first'))
      const rest = once(() => client.send(`${chunks('second')}0\r\n\r\n`))
      const exchange = await requestOrAll(stage, rest)
      await exchange.body(5)
      exchange.send(reply('early'))
      const early = answered(await client.response(), 200, 'early')
      if (!/close/i.test(early.all('connection').join())) rest()
      const request = await exchange.done()
      if (request.verdict === 'complete') equal(request.text, 'firstsecond', 'the content at the origin')
      // It may give up the connection instead, but visibly.
      else await client.ended()
      await stage.recover(client)
    },
  },
]

const tooLarge = `${head('HTTP/1.1 413 Content Too Large', 'Content-Length: 9', 'Connection: close')}too large`

function tooLargeIn(response: Message): void {
  answered(response, 413, 'too large')
}

async function earlyAnswer(
  { connect, origin, pass }: Stage,
  inChunks: boolean,
  delay: number,
): Promise<void> {
  const client = await connect()
  const framing = inChunks ? 'Transfer-Encoding: chunked' : `Content-Length: ${8 * MiB}`
  client.send(head('POST /duplx HTTP/1.1', 'Host: a', framing))
  const piece = 'x'.repeat(64 * KiB)
  const part = Buffer.from(inChunks ? chunks(piece) : piece)
  const pour = async (): Promise<void> => {
    for (let count = 0; count < 128; count++) if (!(await client.send(part, whole))) return
    if (inChunks) client.send('0\r\n\r\n')
  }
  pour()
  const exchange = await origin.request()
  await exchange.body(64 * KiB)
  await exchange.send(tooLarge)
  await pass(delay)
  exchange.connection.end()
  tooLargeIn(await client.response({ within: 8000 }))
}

/** Whether a gateway reads or writes first then is chance: it is asked often enough for both. */
async function earlyAnswers(stage: Stage, inChunks: boolean, delay: number): Promise<void> {
  await Promise.all(Array.from({ length: 40 }, () => earlyAnswer(stage, inChunks, delay)))
}

async function answerAndReset({ connect, origin, pass }: Stage, delay: number): Promise<void> {
  const client = await connect()
  client.send(head('POST /duplx HTTP/1.1', 'Host: a', `Content-Length: ${8 * MiB}`))
  client.send(Buffer.alloc(8 * MiB, 'x'))
  const exchange = await origin.request()
  await exchange.body(64 * KiB)
  exchange.connection.pause()
  await exchange.send(tooLarge)
  await pass(delay)
  exchange.connection.reset()
  const response = complete(await client.response())
  if (response.status !== 502) tooLargeIn(response)
  client.close()
}

/** Who collects a request before forwarding it is sent the rest of it first. */
async function requestOrAll({ origin }: Stage, rest: () => void): Promise<Exchange> {
  try {
    return await origin.request({ within: 1000 })
  } catch (error) {
    if (!(error instanceof Missed)) throw error
    rest()
    return origin.request()
  }
}

function once(send: () => unknown): () => void {
  let sent = false
  return () => {
    if (!sent) send()
    sent = true
  }
}

function hashOf(piece: Buffer, total: number): string {
  const hash = createHash('sha256')
  for (let count = 0; count < total / piece.length; count++) hash.update(piece)
  return hash.digest('hex')
}
