/** FLUSH: what has come goes on at once, whether more follows or not. */

import type { Client, Exchange } from '@relayrace/fixtures/wire'
import { type Case, chunks, each, get, head, type Stage } from '../case.ts'
import { check, complete, soonEnough } from '../expect.ts'

const chunkedHead = (type: string): string =>
  head('HTTP/1.1 200 OK', `Content-Type: ${type}`, 'Transfer-Encoding: chunked')

export const flush: readonly Case[] = [
  {
    id: 'FLUSH-01',
    rule: 'ours: a client that waits for the head must not wait for content',
    level: 'MUST',
    title: 'relays the head of a response within 100 ms, although no content follows',
    deliveries: ['coalesced'],
    run: each(
      {
        'an event stream': chunkedHead('text/event-stream'),
        'any chunked response': chunkedHead('text/plain'),
        'with Content-Length': head('HTTP/1.1 200 OK', 'Content-Length: 100'),
        'until the connection closes': head('HTTP/1.1 200 OK', 'Connection: close'),
      },
      (stage, responseHead) =>
        soonest(100, 'the head of the response', async () => {
          const { client, exchange } = await asked(stage)
          const sent = performance.now()
          exchange.send(responseHead)
          await client.responding()
          const took = performance.now() - sent
          client.close()
          return took
        }),
    ),
  },
  {
    id: 'FLUSH-02',
    rule: 'ours: an event is for now',
    level: 'MUST',
    title: 'relays each event within 50 ms, and never waits for the next one',
    deliveries: ['coalesced'],
    run: (stage) => events(stage, chunkedHead('text/event-stream')),
  },
  {
    id: 'FLUSH-03',
    rule: 'ours: an origin may want to answer before it has seen content',
    level: 'SHOULD',
    title: 'forwards the head of a request within 100 ms, although no content follows',
    deliveries: ['coalesced'],
    run: each(
      { chunked: 'Transfer-Encoding: chunked', 'Content-Length': 'Content-Length: 100' },
      (stage, framing) =>
        soonest(100, 'the head of the request', async () => {
          const client = await stage.connect()
          const sent = performance.now()
          client.send(head('POST /flush HTTP/1.1', 'Host: a', framing))
          await stage.origin.request()
          const took = performance.now() - sent
          client.close()
          return took
        }),
    ),
  },
  {
    id: 'FLUSH-04',
    rule: 'ours: what streams is known by its framing, not by its type',
    level: 'SHOULD',
    title: 'relays each part of a response without a length within 50 ms, whatever its type',
    deliveries: ['coalesced'],
    run: {
      ...each(
        {
          ndjson: chunkedHead('application/x-ndjson'),
          'plain text': chunkedHead('text/plain'),
          'an event stream with a parameter': chunkedHead('text/event-stream; charset=utf-8'),
          'bytes of no type': head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'),
          grpc: chunkedHead('application/grpc-web+proto'),
        },
        (stage, responseHead) => events(stage, responseHead),
      ),
      'until the connection closes': (stage) =>
        events(stage, head('HTTP/1.1 200 OK', 'Connection: close'), (text) => text),
    },
  },
  {
    id: 'FLUSH-05',
    rule: 'ours: compression must not become a buffer',
    level: 'SHOULD',
    title: 'relays each event within 50 ms also to a client that accepts compression',
    deliveries: ['coalesced'],
    run: (stage) =>
      events(stage, chunkedHead('text/event-stream'), chunks, [
        'Accept-Encoding: gzip, deflate, br, zstd',
        'Accept: text/event-stream',
      ]),
  },
  {
    id: 'FLUSH-06',
    rule: 'RFC 9112 §6.3',
    level: 'SHOULD',
    title: 'completes a response within 100 ms of its last byte, although the origin keeps the connection',
    deliveries: ['coalesced'],
    run: each(
      {
        'Content-Length': [head('HTTP/1.1 200 OK', 'Content-Length: 10'), 'hello', 'world'],
        chunked: [chunkedHead('text/plain'), chunks('hello'), '0\r\n\r\n'],
        'nothing at all': [head('HTTP/1.1 200 OK', 'Content-Length: 0').slice(0, -2), '', '\r\n'],
      },
      (stage, [responseHead = '', first = '', last = '']) =>
        soonest(100, 'the end of the response', async () => {
          const { client, exchange } = await asked(stage)
          await exchange.send(responseHead + first)
          const response = first === '' ? undefined : await client.responding()
          await response?.body(5)
          const sent = performance.now()
          exchange.send(last)
          complete(await (response?.done() ?? client.response()))
          const took = performance.now() - sent
          client.close()
          return took
        }),
    ),
  },
  {
    id: 'FLUSH-07',
    rule: 'ours: an upload may be live too',
    level: 'SHOULD',
    title: 'forwards each part of a request within 50 ms, and never waits for the next one',
    deliveries: ['coalesced'],
    run: each(
      {
        chunked: { framing: 'Transfer-Encoding: chunked', part: (text: string) => chunks(text) },
        'Content-Length': { framing: 'Content-Length: 1000', part: (text: string) => text },
      },
      async ({ connect, origin }, { framing, part }) => {
        const client = await connect()
        client.send(head('POST /flush HTTP/1.1', 'Host: a', framing) + part(event))
        const exchange = await origin.request()
        await exchange.body(event.length)
        await timed('a part of the request', async (count) => {
          client.send(part(event))
          await exchange.body((count + 1) * event.length)
        })
        client.close()
      },
    ),
  },
  {
    id: 'FLUSH-08',
    rule: 'ours: a tunnel carries conversations',
    level: 'SHOULD',
    needs: ['upgrade'],
    title: 'relays small pieces of a tunnel within 50 ms, one way and the other',
    deliveries: ['coalesced'],
    async run({ ask }) {
      const { client, exchange, response } = await ask(get('/flush', ...websocket))
      check(exchange !== undefined, 'it answered without asking the origin')
      exchange.send(
        head(
          'HTTP/1.1 101 Switching Protocols',
          'Connection: Upgrade',
          'Upgrade: websocket',
          'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
        ),
      )
      check((await response).status === 101, `the response is ${(await response).startLine}, not 101`)
      await timed('ping and pong', async () => {
        client.send('ping')
        await exchange.connection.take(4)
        exchange.send('pong')
        await client.take(4)
      })
    },
  },
]

const websocket = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
]

const event = 'data: tick 12345678\n\n'

async function asked(
  { connect, origin }: Stage,
  ...fields: string[]
): Promise<{ client: Client; exchange: Exchange }> {
  const client = await connect()
  client.send(get('/flush', ...fields))
  return { client, exchange: await origin.request() }
}

/** The origin sends an event only when the one before has arrived, so none can push another along. */
async function events(
  stage: Stage,
  responseHead: string,
  part: (text: string) => string = chunks,
  fields: readonly string[] = [],
): Promise<void> {
  const { client, exchange } = await asked(stage, ...fields)
  exchange.send(responseHead + part(event))
  const response = await client.responding()
  await response.body(event.length)
  await timed('an event', async (count) => {
    exchange.send(part(event))
    await response.body((count + 1) * event.length)
  })
  check(response.message.text.startsWith(event + event), 'the events are not those that were sent')
  client.close()
}

/** Who holds something back does so each time; a busy machine does not. */
async function soonest(limit: number, what: string, once: () => Promise<number>): Promise<void> {
  let best = Number.POSITIVE_INFINITY
  for (let count = 0; count < 5 && best > limit; count++) best = Math.min(best, await once())
  soonEnough(best, limit, `${what} took at least ${best.toFixed()} ms`)
}

async function timed(what: string, once: (count: number) => Promise<void>): Promise<void> {
  const limit = 50
  const took: number[] = []
  for (let count = 1; count <= 10; count++) {
    const start = performance.now()
    await once(count)
    took.push(performance.now() - start)
  }
  const half = took.sort((a, b) => a - b)[4] ?? 0
  soonEnough(half, limit, `${what} takes ${half.toFixed()} ms, half of the time more`)
}
