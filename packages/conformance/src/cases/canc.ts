/** CANC: who gives up is heard on the other side, at once and in both directions. */

import { setTimeout as every } from 'node:timers/promises'
import type { Client } from '@relayrace/fixtures/wire'
import { type Case, chunks, each, get, head, reply, type Stage } from '../case.ts'
import { answered, check, equal, truncated } from '../expect.ts'

/** "At once", on a machine that is busy with other things too. */
const atOnce = { within: 500 }
const soon = { within: 2000 }

const leavings = { 'full close': 'close', reset: 'reset' } as const satisfies Record<string, keyof Client>

const streamHead = head('HTTP/1.1 200 OK', 'Content-Type: text/event-stream', 'Transfer-Encoding: chunked')

export const canc: readonly Case[] = [
  {
    id: 'CANC-01',
    rule: 'ours, after Go’s TestReverseProxyCancellation',
    level: 'MUST',
    title: 'closes the upstream connection when the client leaves before there is a response',
    deliveries: ['coalesced'],
    run: each(leavings, async ({ connect, origin }, leave) => {
      const client = await connect()
      client.send(get('/canc'))
      const exchange = await origin.request()
      client[leave]()
      await exchange.connection.ended(soon)
    }),
  },
  {
    id: 'CANC-02',
    rule: 'ours',
    level: 'MUST',
    title: 'closes the upstream connection when the client leaves while content flows',
    deliveries: ['coalesced'],
    run: each(leavings, async ({ connect, origin, signal }, leave) => {
      const client = await connect()
      client.send(get('/canc'))
      const exchange = await origin.request()
      exchange.send(streamHead)
      const flow = async (): Promise<void> => {
        while (!signal.aborted && exchange.connection.ending === undefined) {
          if (!(await exchange.send(chunks('data: tick\n\n')))) return
          await every(50)
        }
      }
      const flowing = flow()
      await (await client.responding()).body(20)
      client[leave]()
      await exchange.connection.ended(soon)
      await flowing
    }),
  },
  {
    id: 'CANC-03',
    rule: 'ours',
    level: 'MUST',
    title: 'closes the upstream connection when the client leaves a stream in which nothing flows',
    deliveries: ['coalesced'],
    run: each(leavings, async ({ connect, origin }, leave) => {
      const client = await connect()
      client.send(get('/canc'))
      const exchange = await origin.request()
      exchange.send(streamHead + chunks('data: only\n\n'))
      await (await client.responding()).body(12)
      client[leave]()
      await exchange.connection.ended(soon)
    }),
  },
  {
    id: 'CANC-04',
    rule: 'RFC 9112 §8',
    level: 'MUST',
    title:
      'closes the upstream connection when the client leaves in the middle of a chunk, and never reuses it',
    run: each(leavings, async ({ connect, origin, exchange }, leave) => {
      const client = await connect()
      client.send(`${head('POST /canc HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')}a\r\nhello`)
      const asked = await origin.request(atOnce).catch(() => undefined)
      client[leave]()
      // One that waits for the whole request before it asks must not ask at all.
      const left = asked ?? (await origin.request(atOnce).catch(() => undefined))
      if (left) truncated(await left.done(soon), 'the request at the origin')
      const next = await exchange(get('/canc/next'), reply('ok'))
      answered(next.response, 200, 'ok')
      const requests = left?.connection.requests.length ?? 1
      equal(requests, 1, 'the number of requests on the connection that was left')
    }),
  },
  {
    id: 'CANC-07',
    rule: 'ours',
    level: 'SHOULD',
    title: 'keeps the upstream connection when the client leaves right after a complete response',
    async run({ exchange, origin }) {
      const first = await exchange(get('/canc/1'), reply('one'))
      answered(first.response, 200, 'one')
      first.client.close()
      await first.client.closed
      const second = await exchange(get('/canc/2'), reply('two'))
      answered(second.response, 200, 'two')
      equal(origin.connections.length, 1, 'the number of upstream connections')
    },
  },
  {
    id: 'CANC-08',
    rule: 'RFC 9112 §9.6',
    level: 'MAY',
    title:
      'delivers the response to a client that has closed its half, or closes both connections; it never hangs',
    deliveries: ['coalesced', 'head and body'],
    async run({ connect, origin, pass }) {
      const client = await connect()
      client.send(get('/canc'))
      const exchange = await origin.request()
      client.end()
      await pass(150)
      if (client.ending !== undefined) {
        // It has given the client up, and so the request.
        await exchange.connection.ended(soon)
        return
      }
      exchange.send(reply('ok'))
      // What comes is judged only if something comes.
      const response = await client.response().catch(() => undefined)
      if (response && response.verdict !== 'incomplete' && response.status < 500)
        answered(response, 200, 'ok')
      await client.ended()
    },
  },
  {
    id: 'CANC-09',
    rule: 'RFC 9110 §15.6.3',
    level: 'MUST',
    title: 'answers 502 when the origin resets during the upload, and then stops taking it',
    async run({ connect, origin }) {
      const client = await connect()
      client.send(
        head('POST /canc HTTP/1.1', 'Host: a', `Content-Length: ${8 * 1024 * 1024}`) + 'x'.repeat(65536),
      )
      const exchange = await origin.request()
      await exchange.body(1)
      exchange.connection.reset()
      answered(await client.response(), 502)
      await client.ended()
    },
  },
  {
    id: 'CANC-10',
    rule: 'ours',
    level: 'MUST',
    title: 'survives fifty clients that reset the connection while content flows to them',
    deliveries: ['coalesced'],
    async run(stage) {
      for (let count = 0; count < 50; count++) await resetWhileReading(stage)
    },
  },
  {
    id: 'CANC-11',
    rule: 'ours',
    level: 'SHOULD',
    title:
      'hears that a client has left a stream in which nothing flows, whatever it has sent behind its request',
    deliveries: ['coalesced'],
    run: each(
      {
        'half a head': 'GET /canc/2 HTTP/1.1\r\nHo',
        'half a request': `${head('POST /canc/2 HTTP/1.1', 'Host: a', 'Content-Length: 100000')}half`,
      },
      async ({ connect, origin }, behind) => {
        for (const leave of Object.values(leavings)) {
          const client = await connect()
          client.send(get('/canc') + behind)
          const exchange = await origin.request()
          exchange.send(streamHead + chunks('data: only\n\n'))
          await (await client.responding()).body(12)
          client[leave]()
          await exchange.connection.ended(soon)
        }
      },
    ),
  },
]

async function resetWhileReading({ connect, origin }: Stage): Promise<void> {
  const client = await connect()
  client.send(get('/canc'))
  const exchange = await origin.request()
  exchange.send(streamHead + chunks('x'.repeat(100_000)))
  await (await client.responding()).body(1)
  client.reset()
  check(exchange.message.method === 'GET', 'the request at the origin is no GET')
  exchange.connection.reset()
}
