/** LIMIT: how much is too much, and what is not HTTP at all. RFC 9110 §5.4, §15.5; RFC 6585 §5. */

import type { Client } from '@relayrace/fixtures/wire'
import { type Case, chunks, each, get, head, reply, type Setup, type Stage } from '../case.ts'
import { answered, check, complete, equal, refused, truncated } from '../expect.ts'
import { refuses, refusesOrReads } from '../refusal.ts'

const smallContent: Setup = {
  name: 'with a limit of 1000 bytes for the content of a request',
  options: { 'limits.requestBody': 1000 },
}
const smallResponse: Setup = {
  name: 'with a limit of 1000 bytes for the content of a response',
  options: { 'limits.responseBody': 1000 },
}
const oneExchange: Setup = {
  name: 'with a limit of one exchange at a time',
  options: { 'limits.exchanges': 1 },
}
const smallHeads: Setup = {
  name: 'with a limit of 4096 bytes for heads',
  options: { 'limits.requestHead': 4096, 'limits.responseHead': 4096 },
}
const fewFields: Setup = { name: 'with a limit of 50 fields', options: { 'limits.fields': 50 } }
const oneConnection: Setup = {
  name: 'with a limit of two connections',
  options: { 'limits.connections': 2 },
}

const manyFields = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `X-${index}: ${index}`)
const KiB = 1024

export const limit: readonly Case[] = [
  {
    id: 'LIMIT-01',
    rule: 'RFC 9110 §5.4, RFC 6585 §5',
    level: 'MUST',
    title: 'answers 431, or another 4xx, to a head that is larger than it wishes to take',
    deliveries: ['coalesced', 'random splits'],
    run: each(
      {
        '2000 fields': manyFields(2000),
        'a field of 64 KiB': [`X-Large: ${'x'.repeat(64 * KiB)}`],
        'a name of 64 KiB': [`X-${'x'.repeat(64 * KiB)}: 1`],
        '200 KiB in all': Array.from({ length: 200 }, (_, index) => `X-${index}: ${'x'.repeat(KiB)}`),
      },
      (stage, fields) =>
        // It may wish to take it all.
        refusesOrReads(stage, get('/limit', ...fields), {
          statuses: [400, 413, 431],
          look: (request) =>
            check(request.fields.length >= fields.length, 'fields are missing at the origin'),
        }),
    ),
  },
  {
    id: 'LIMIT-02',
    rule: 'RFC 9112 §3, RFC 9110 §15.5.15',
    level: 'MUST',
    title: 'answers 414, or another 4xx, to a request target that is longer than it wishes to take',
    deliveries: ['coalesced', 'random splits'],
    run: (stage) => {
      const target = `/${'x'.repeat(64 * KiB)}`
      return refusesOrReads(stage, get(target), {
        statuses: [400, 414, 431],
        look: (request) => check(request.target === target, 'the request target at the origin is another'),
      })
    },
  },
  {
    id: 'LIMIT-04',
    rule: 'RFC 9110 §15.5.14',
    level: 'SHOULD',
    title: 'answers 413 to content beyond its limit, and never completes it upstream',
    setup: smallContent,
    run: {
      'a length beyond it': async (stage) => {
        await refuses(stage, `${post('Content-Length: 1001')}${'x'.repeat(1001)}`, { statuses: [413] })
        equal(stage.origin.requests.length, 0, 'the number of requests at the origin')
      },
      'a length beyond it, without content': async (stage) => {
        await refuses(stage, post('Content-Length: 1001'), { statuses: [413] })
        equal(stage.origin.requests.length, 0, 'the number of requests at the origin')
      },
      'chunks beyond it': async (stage) => {
        const content = Array.from({ length: 11 }, () => chunks('x'.repeat(100))).join('')
        await refuses(stage, `${post('Transfer-Encoding: chunked')}${content}0\r\n\r\n`, { statuses: [413] })
      },
      'a length that is just allowed': async ({ exchange }) => {
        const { request, response } = await exchange(
          `${post('Content-Length: 1000')}${'x'.repeat(1000)}`,
          reply('ok'),
        )
        equal(request.bodyLength, 1000, 'the length of the content at the origin')
        answered(response, 200, 'ok')
      },
    },
  },
  {
    id: 'LIMIT-05',
    rule: 'RFC 9112 §4, RFC 9110 §15.6.3',
    level: 'MUST',
    title: 'answers 502 to what is no response, or relays it mended, and survives',
    run: each(
      {
        'a control character in the phrase': 'HTTP/1.1 200 \x01\r\nContent-Length: 2\r\n\r\nok',
        'a NUL in the phrase': 'HTTP/1.1 200 O\x00K\r\nContent-Length: 2\r\n\r\nok',
        'a CR in the phrase': 'HTTP/1.1 200 O\rK\r\nContent-Length: 2\r\n\r\nok',
        'a status of two digits': 'HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok',
        'a status of four digits': 'HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok',
        'a status of letters': 'HTTP/1.1 OK\r\nContent-Length: 2\r\n\r\nok',
        'status 0': 'HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\nok',
        'status 99': 'HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nok',
        'version 2.0': 'HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
        'a version that is none': 'HTTP/1.1200 OK\r\nContent-Length: 2\r\n\r\nok',
        'another protocol': 'ICY 200 OK\r\nContent-Length: 2\r\n\r\nok',
        'a NUL in a field': `${head('HTTP/1.1 200 OK', 'Content-Length: 2', 'X-A: 1\x002')}ok`,
        'a CR in a field': `${head('HTTP/1.1 200 OK', 'Content-Length: 2', 'X-A: 1\r2')}ok`,
        'a control character in a field': `${head('HTTP/1.1 200 OK', 'Content-Length: 2', 'X-A: 1\x012')}ok`,
        'a control character in a name': `${head('HTTP/1.1 200 OK', 'Content-Length: 2', 'X\x01A: 1')}ok`,
        'a line without colon': `${head('HTTP/1.1 200 OK', 'Content-Length: 2', 'X-A')}ok`,
        'no name': `${head('HTTP/1.1 200 OK', 'Content-Length: 2', ': 1')}ok`,
        'a space in a name': `${head('HTTP/1.1 200 OK', 'Content-Length: 2', 'X A: 1')}ok`,
        'obs-text in a name': `${head('HTTP/1.1 200 OK', 'Content-Length: 2', 'X\xe9: 1')}ok`,
        garbage: '\x00\x01\x02\xfe\xff garbage\r\n\r\n',
        'an empty line first': '\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
        'lines that end in LF': 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok',
        'a request': get('/evil'),
      },
      async ({ ask, connect, recover }, sent) => {
        const { client, exchange, response } = await ask(get('/limit'))
        check(exchange !== undefined, 'it answered without asking the origin')
        exchange.send(sent)
        exchange.connection.end()
        const received = complete(await response)
        if (received.status < 500) equal(received.text, 'ok', 'the content of the response')
        await recover(client)
        await recover(await connect())
      },
    ),
  },
  {
    id: 'LIMIT-06',
    rule: 'RFC 9112 §2.2',
    level: 'SHOULD',
    title: 'answers 400 or closes when a client speaks something else, and survives',
    run: each(
      {
        garbage: '\x00\x01\x02\xfe\xff garbage\r\n\r\n',
        'a line of nothing': ' \r\n\r\n',
        'a TLS ClientHello': `\x16\x03\x01\x00\x6c\x01\x00\x00\x68\x03\x03${'\x5a'.repeat(98)}\r\n\r\n`,
        'a response': reply('evil'),
        SSH: 'SSH-2.0-OpenSSH_9.2\r\n\r\n',
        'PROXY protocol': `PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n${get('/limit')}`,
        SMTP: 'EHLO a.example\r\n\r\n',
      },
      async ({ connect, origin, recover }, sent) => {
        const client = await connect()
        client.send(sent)
        await brokenOff(client)
        equal(origin.requests.length, 0, 'the number of requests at the origin')
        await recover(await connect())
      },
    ),
  },
  {
    id: 'LIMIT-07',
    rule: 'RFC 9110 §15.6.4',
    level: 'SHOULD',
    title: 'answers 503 with Retry-After at once when it has as many exchanges as it may have',
    setup: oneExchange,
    deliveries: ['coalesced', 'head and body'],
    async run({ ask, connect, exchange }) {
      const first = await ask(get('/limit/1'))
      check(first.exchange !== undefined, 'it answered without asking the origin')
      const client = await connect()
      client.send(get('/limit/2'))
      const response = refused(await client.response(), 503)
      check(response.has('retry-after'), 'the response has no Retry-After')
      first.exchange.send(reply('one'))
      answered(await first.response, 200, 'one')
      const third = await exchange(get('/limit/3'), reply('three'))
      answered(third.response, 200, 'three')
    },
  },
  {
    id: 'LIMIT-08',
    rule: 'RFC 9110 §15.6.3',
    level: 'SHOULD',
    title: 'answers 502 when the head of a response is larger than it wishes to take, or relays it whole',
    deliveries: ['coalesced', 'random splits'],
    run: {
      ...each(
        {
          'a field of 1 MiB': reply('ok', `X-Large: ${'x'.repeat(1024 * KiB - 100)}`),
          '10 000 fields': reply('ok', ...manyFields(10_000)),
          'a line of 1 MiB without an end': 'x'.repeat(1024 * KiB),
          'a phrase of 200 KiB': `${head(`HTTP/1.1 200 ${'x'.repeat(200 * KiB)}`, 'Content-Length: 2')}ok`,
        },
        (stage, sent) => tooLargeHead(stage, sent, true),
      ),
      'as told': {
        setup: smallHeads,
        run: (stage) => tooLargeHead(stage, reply('ok', `X-L: ${'x'.repeat(5000)}`)),
      },
      'as told, in many fields': {
        setup: fewFields,
        run: (stage) => tooLargeHead(stage, reply('ok', ...manyFields(60))),
      },
    },
  },
  {
    id: 'LIMIT-09',
    rule: 'RFC 9112 §8',
    level: 'MUST',
    title: 'answers 502 to a response whose content is larger than it may be, or visibly cuts it off',
    setup: smallResponse,
    run: each(
      {
        'Content-Length': `${head('HTTP/1.1 200 OK', 'Content-Length: 1001')}${'x'.repeat(1001)}`,
        chunked: `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}${Array.from({ length: 11 }, () => chunks('x'.repeat(100))).join('')}0\r\n\r\n`,
      },
      async ({ ask }, sent) => {
        const { client, exchange, response } = await ask(get('/limit'))
        check(exchange !== undefined, 'it answered without asking the origin')
        exchange.send(sent)
        const received = await response.catch((error) => {
          if (client.ending) return undefined
          throw error
        })
        if (received?.status === 502) complete(received)
        else if (received) check(truncated(received).bodyLength <= 1000, `${received.bodyLength} bytes came`)
      },
    ),
  },
  {
    id: 'LIMIT-10',
    rule: 'RFC 6585 §5',
    level: 'SHOULD',
    title: 'answers 431 to a head beyond the limit it was given, and takes one below it',
    deliveries: ['coalesced', 'random splits'],
    run: {
      'too many bytes': {
        setup: smallHeads,
        run: async (stage) => {
          await refuses(stage, get('/limit', `X-L: ${'x'.repeat(5000)}`), { statuses: [431] })
        },
      },
      'just enough bytes': { setup: smallHeads, run: (stage) => taken(stage, [`X-L: ${'x'.repeat(3800)}`]) },
      'too many fields': {
        setup: fewFields,
        run: async (stage) => {
          await refuses(stage, get('/limit', ...manyFields(60)), { statuses: [431] })
        },
      },
      'just enough fields': { setup: fewFields, run: (stage) => taken(stage, manyFields(45)) },
    },
  },
  {
    id: 'LIMIT-11',
    rule: 'ours',
    level: 'SHOULD',
    title: 'closes connections beyond its limit, and serves those it has',
    setup: oneConnection,
    deliveries: ['coalesced'],
    async run({ connect, exchange }) {
      const [first, second] = [await connect(), await connect()]
      const one = await exchange(get('/limit/1'), reply('one'), { client: first })
      answered(one.response, 200, 'one')
      const two = await exchange(get('/limit/2'), reply('two'), { client: second })
      answered(two.response, 200, 'two')
      const third = await connect()
      await third.ended()
      const again = await exchange(get('/limit/3'), reply('three'), { client: first })
      answered(again.response, 200, 'three')
    },
  },
  {
    id: 'LIMIT-12',
    rule: 'RFC 9113 §3.3',
    level: 'SHOULD',
    title: 'answers 400 or closes, or speaks HTTP/2, when a client begins with its preface',
    async run({ connect, origin, recover }) {
      const client = await connect()
      client.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00')
      const settings = await client.take(9).catch(() => Buffer.alloc(0))
      // A frame of the type SETTINGS.
      if (settings[3] !== 4 || settings[0] !== 0)
        check(client.ending !== undefined || settings.toString().startsWith('HTTP/1.'), 'it did not react')
      equal(origin.requests.length, 0, 'the number of requests at the origin')
      await recover(await connect())
    },
  },
]

const post = (...fields: readonly string[]): string => head('POST /limit HTTP/1.1', 'Host: a', ...fields)

async function taken({ exchange }: Stage, fields: readonly string[]): Promise<void> {
  const { request, response } = await exchange(get('/limit', ...fields), reply('ok'))
  check(request.fields.length >= fields.length, 'fields are missing at the origin')
  answered(response, 200, 'ok')
}

async function tooLargeHead({ ask, recover }: Stage, sent: string, orWhole = false): Promise<void> {
  const { client, exchange, response } = await ask(get('/limit'))
  check(exchange !== undefined, 'it answered without asking the origin')
  exchange.send(sent)
  exchange.connection.end()
  const received = complete(await response)
  if (!(orWhole && received.status === 200)) refused(received, 502)
  await recover(client)
}

/** Closed, with a 400 or without. */
async function brokenOff(client: Client): Promise<void> {
  const response = await client.response().catch((error) => {
    if (client.ending) return undefined
    throw error
  })
  if (response?.headComplete) check(response.status >= 400, `the response is ${response.startLine}`)
  await client.ended()
}
