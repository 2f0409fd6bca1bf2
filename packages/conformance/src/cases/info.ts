/** INFO: interim responses and Expect. RFC 9110 §10.1.1 and §15.2. */

import { setTimeout as every } from 'node:timers/promises'
import { type Connection, delivery, type Message } from '@relayrace/fixtures/wire'
import { type Case, each, get, head, reply, type Setup } from '../case.ts'
import { answered, check, equal, lacks, values } from '../expect.ts'
import { grewLessThan, quiet } from './strm.ts'

const whole = delivery('coalesced')
const goOn = head('HTTP/1.1 100 Continue')
const earlyHints = head('HTTP/1.1 103 Early Hints', 'Link: </style.css>; rel=preload', 'X-Early: 1')
const expecting = head('POST /info HTTP/1.1', 'Host: a', 'Content-Length: 5', 'Expect: 100-continue')

const tenAtMost: Setup = {
  name: 'that takes ten interim responses at most',
  options: { 'limits.interimResponses': 10 },
}

export const info: readonly Case[] = [
  {
    id: 'INFO-01',
    rule: 'RFC 9110 §15.2',
    level: 'MUST',
    title: 'relays 103 with its fields before the final response, and keeps the two apart',
    needs: ['informational'],
    async run({ ask, pass }) {
      const { client, exchange, response } = await ask(get('/info'))
      check(exchange !== undefined, 'it answered without asking the origin')
      exchange.send(earlyHints)
      const [early] = await client.interim(1)
      equal(early?.status, 103, 'the status of the interim response')
      values(early as Message, 'link', ['</style.css>; rel=preload'], 'the interim response')
      await pass(50)
      exchange.send(reply('ok', 'X-Late: 1'))
      const final = answered(await response, 200, 'ok')
      lacks(final, 'link', 'the final response')
      lacks(final, 'x-early', 'the final response')
      values(final, 'x-late', ['1'], 'the final response')
    },
  },
  {
    id: 'INFO-02',
    rule: 'RFC 9110 §15.2',
    level: 'MUST',
    title:
      'relays several interim responses in order, also from one segment, and takes no harm from a 100 nobody asked for',
    run: {
      'the final response comes': async ({ ask }) => {
        const { exchange, response } = await ask(get('/info'))
        check(exchange !== undefined, 'it answered without asking the origin')
        exchange.send(several, whole)
        answered(await response, 200, 'ok')
      },
      'the interim responses come': async ({ ask }) => {
        const { client, exchange, response } = await ask(get('/info'))
        check(exchange !== undefined, 'it answered without asking the origin')
        exchange.send(several)
        answered(await response, 200, 'ok')
        const came = client.informational.map(({ status }) => status).filter((status) => status !== 100)
        equal(came, [102, 103, 103], 'the interim responses at the client, but for 100,')
      },
    },
  },
  {
    id: 'INFO-05',
    rule: 'RFC 9110 §10.1.1',
    level: 'MUST',
    title: 'forwards Expect, and says 100 to the client only when the origin has said it',
    needs: ['informational'],
    async run({ connect, origin, pass }) {
      const client = await connect()
      client.send(expecting)
      const response = client.response()
      const exchange = await origin.request()
      values(exchange.message, 'expect', ['100-continue'], 'the request at the origin')
      await pass(100)
      equal(client.received, 0, 'the number of bytes the client got before the origin had said anything')
      exchange.send(goOn)
      const [first] = await client.interim(1)
      equal(first?.status, 100, 'the status of the interim response')
      client.send('hello')
      equal((await exchange.done()).text, 'hello', 'the content at the origin')
      exchange.send(reply('ok'))
      answered(await response, 200, 'ok')
    },
  },
  {
    id: 'INFO-06',
    rule: 'RFC 9110 §10.1.1',
    level: 'MUST',
    title: 'relays a refusal instead of 100, and never says 100 before it',
    async run({ connect, origin }) {
      const client = await connect()
      client.send(expecting)
      const exchange = await origin.request()
      exchange.send(`${head('HTTP/1.1 401 Unauthorized', 'Content-Length: 2', 'Connection: close')}no`)
      exchange.connection.end()
      answered(await client.response(), 401, 'no')
      equal(
        client.informational.map(({ status }) => status),
        [],
        'the interim responses at the client',
      )
    },
  },
  {
    id: 'INFO-07',
    rule: 'RFC 9110 §10.1.1',
    level: 'SHOULD',
    title:
      'forwards the content of a client that has stopped waiting for 100, although the origin never said it',
    deliveries: ['coalesced', 'head and body'],
    async run({ connect, origin, pass }) {
      const client = await connect()
      client.send(expecting)
      const response = client.response()
      const exchange = await origin.request()
      await pass(500)
      client.send('hello')
      equal((await exchange.done()).text, 'hello', 'the content at the origin')
      exchange.send(reply('ok'))
      answered(await response, 200, 'ok')
    },
  },
  {
    id: 'INFO-08',
    rule: 'RFC 9110 §15.2.2',
    level: 'MUST',
    title: 'answers 502 to a 101 it did not ask for, and makes no tunnel of it',
    run: each(
      {
        unasked: get('/info'),
        'another protocol': get(
          '/info',
          'Connection: Upgrade',
          'Upgrade: websocket',
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        ),
      },
      async ({ ask }, request) => {
        const { exchange, response } = await ask(request)
        check(exchange !== undefined, 'it answered without asking the origin')
        exchange.send(
          `${head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: other')}tunnel`,
        )
        answered(await response, 502)
        await exchange.connection.ended()
      },
    ),
  },
  {
    id: 'INFO-09',
    rule: 'ours: no peer decides how much memory the other costs',
    level: 'MUST',
    title: 'keeps no flood of interim responses for a client that does not read',
    limit: 60_000,
    async run(stage) {
      const before = await stage.memory()
      const client = await stage.connect({ paused: true })
      client.send(get('/info'))
      const { connection } = await stage.origin.request()
      await flooded(connection)
      await grewLessThan(flood / 2, stage, before)
      client.reset()
      await stage.recover(await stage.connect())
    },
  },
  {
    id: 'INFO-10',
    rule: 'ours: RFC 9110 §15.2 allows any number, and nobody waits for ever',
    level: 'MUST',
    title: 'answers 502 to more interim responses than it has been told to take, and gives the connection up',
    setup: tenAtMost,
    deliveries: ['coalesced'],
    async run({ ask }) {
      const { client, exchange, response } = await ask(get('/info'))
      check(exchange !== undefined, 'it answered without asking the origin')
      exchange.send(earlyHints.repeat(11))
      answered(await response, 502)
      check(
        client.informational.length <= 10,
        `${client.informational.length} interim responses came to the client`,
      )
      await exchange.connection.ended()
    },
  },
]

/** Sends interim responses until nobody takes any more, or it has been very many. */
export async function flooded(connection: Connection): Promise<void> {
  const pouring = async (): Promise<void> => {
    while (connection.sent < flood && connection.ending === undefined) {
      if (!(await connection.send(hints, whole))) return
      // Another case may be waiting in this process.
      await every(1)
    }
  }
  pouring().catch(() => {})
  await quiet(connection)
}

/** More than buffers on the way hold, in bytes. */
export const flood: number = 96 * 1024 * 1024
const hints = head('HTTP/1.1 103 Early Hints', `Link: </${'s'.repeat(900)}.css>; rel=preload`).repeat(64)

const several =
  goOn +
  head('HTTP/1.1 102 Processing') +
  earlyHints +
  head('HTTP/1.1 103 Early Hints', 'Link: </b>') +
  reply('ok')
