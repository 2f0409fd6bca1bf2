/** HDR: which fields pass, and which belong to one connection only. RFC 9110 §5 and §7.6. */

import type { Message } from '@relayrace/fixtures/wire'
import { type Case, each, get, head, reply } from '../case.ts'
import { answered, check, equal, lacks, values } from '../expect.ts'

const atOrigin = 'the request at the origin'

export const hdr: readonly Case[] = [
  {
    id: 'HDR-01',
    rule: 'RFC 9110 §7.6.1',
    level: 'MUST',
    title: 'removes the request fields that Connection nominates, and the nomination',
    async run({ exchange }) {
      const { request, response } = await exchange(
        head('GET /hdr HTTP/1.1', 'Host: a', 'Connection: X-Hop, keep-alive', 'X-Hop: 1', 'X-End: 2'),
        reply('ok'),
      )
      answered(response, 200, 'ok')
      withoutHop(request, atOrigin)
    },
  },
  {
    id: 'HDR-02',
    rule: 'RFC 9110 §7.6.1',
    level: 'MUST',
    title: 'removes the response fields that Connection nominates, also beside close',
    run: each(
      {
        'before close': 'Connection: X-Hop, close',
        'after close': 'Connection: close, X-Hop',
        'without close': 'Connection: X-Hop',
      },
      async ({ ask }, connection) => {
        const { exchange, response } = await ask(get('/hdr'))
        check(exchange !== undefined, 'it answered without asking the origin')
        exchange.send(reply('ok', connection, 'X-Hop: secret', 'X-End: 2'))
        if (connection.includes('close')) exchange.connection.end()
        withoutHop(answered(await response, 200, 'ok'), 'the response')
      },
    ),
  },
  {
    id: 'HDR-03',
    rule: 'RFC 9110 §7.6.1',
    level: 'MUST',
    title: 'reads every Connection line, empty ones and empty list items too, in any case and with any space',
    run: {
      'in a request': async ({ exchange }) => {
        const { request, response } = await exchange(
          head('GET /hdr HTTP/1.1', 'Host: a', ...scattered, 'X-Hop: 1', 'X-Second: 1', 'X-End: 2'),
          reply('ok'),
        )
        answered(response, 200, 'ok')
        withoutHop(request, atOrigin)
        lacks(request, 'x-second', atOrigin)
      },
      'in a response': async ({ exchange }) => {
        const { response } = await exchange(
          get('/hdr'),
          reply('ok', ...scattered, 'X-Hop: 1', 'X-Second: 1', 'X-End: 2'),
        )
        withoutHop(answered(response, 200, 'ok'), 'the response')
        lacks(response, 'x-second', 'the response')
      },
    },
  },
  {
    id: 'HDR-05',
    rule: 'RFC 9110 §7.6.1',
    level: 'SHOULD',
    title: 'removes request fields that belong to the connection although Connection does not name them',
    run: each(
      {
        'Keep-Alive': ['Keep-Alive', 'timeout=99'],
        'Proxy-Connection': ['Proxy-Connection', 'keep-alive'],
        TE: ['TE', 'gzip'],
        Upgrade: ['Upgrade', 'foo/2'],
        'Proxy-Authorization': ['Proxy-Authorization', 'Basic c2VjcmV0'],
      },
      async ({ exchange }, [name = '', value = '']) => {
        const { request, response } = await exchange(get('/hdr', `${name}: ${value}`), reply('ok'))
        answered(response, 200, 'ok')
        check(!request.all(name).includes(value), `${atOrigin} has ${name}: ${value}`)
      },
    ),
  },
  {
    id: 'HDR-06',
    rule: 'RFC 9112 §9.3',
    level: 'MUST',
    title: 'keeps the connection of the client whatever the origin says about its own',
    run: {
      close: async ({ ask, exchange }) => {
        const { client, exchange: first, response } = await ask(get('/hdr/1'))
        check(first !== undefined, 'it answered without asking the origin')
        first.send(reply('one', 'Connection: close'))
        first.connection.end()
        const received = answered(await response, 200, 'one')
        check(!/close/i.test(received.all('connection').join()), 'the response says Connection: close')
        const second = await exchange(get('/hdr/2'), reply('two'), { client })
        answered(second.response, 200, 'two')
      },
      'Keep-Alive': async ({ exchange }) => {
        const own = ['Connection: keep-alive', 'Keep-Alive: timeout=77, max=777'] as const
        const first = await exchange(get('/hdr/1'), reply('one', ...own))
        answered(first.response, 200, 'one')
        const said = first.response.all('keep-alive').join()
        check(!said.includes('77'), `the response has the origin's Keep-Alive: ${said}`)
        const second = await exchange(get('/hdr/2'), reply('two'), { client: first.client })
        answered(second.response, 200, 'two')
      },
    },
  },
  {
    id: 'HDR-07',
    rule: 'RFC 9110 §5.3',
    level: 'MUST',
    title: 'relays every Set-Cookie line by itself, in order',
    async run({ exchange }) {
      const cookies = ['a=1; Expires=Wed, 09 Jun 2032 10:18:14 GMT; Path=/', 'b=2, with a comma', 'a=3']
      const { response } = await exchange(
        get('/hdr'),
        reply('ok', ...cookies.map((cookie) => `Set-Cookie: ${cookie}`)),
      )
      values(answered(response, 200, 'ok'), 'set-cookie', cookies, 'the response')
    },
  },
  {
    id: 'HDR-08',
    rule: 'RFC 9110 §5.3',
    level: 'SHOULD',
    title: 'keeps repeated fields, in order',
    run: {
      'in a request': async ({ exchange }) => {
        const { request, response } = await exchange(get('/hdr', 'X-Dup: 1', 'X-Dup: 2'), reply('ok'))
        answered(response, 200, 'ok')
        equal(request.all('x-dup').join(', '), '1, 2', `X-Dup of ${atOrigin}`)
      },
      'in a response': async ({ exchange }) => {
        const { response } = await exchange(get('/hdr'), reply('ok', 'X-Dup: 1', 'X-Other: 0', 'X-Dup: 2'))
        equal(answered(response, 200, 'ok').all('x-dup').join(', '), '1, 2', 'X-Dup of the response')
      },
    },
  },
  {
    id: 'HDR-10',
    rule: 'RFC 9110 §5.1',
    level: 'MAY',
    title: 'keeps the case of field names',
    async run({ exchange }) {
      const { request, response } = await exchange(get('/hdr', 'x-MiXed: 1'), reply('ok', 'x-mIxEd: 2'))
      answered(response, 200, 'ok')
      equal(nameOf(request, 'x-mixed'), 'x-MiXed', `the field name in ${atOrigin}`)
      equal(nameOf(response, 'x-mixed'), 'x-mIxEd', 'the field name in the response')
    },
  },
  {
    id: 'HDR-11',
    rule: 'RFC 9110 §7.7',
    level: 'MUST',
    title: 'adds nothing to a request but what is an intermediary’s to add',
    async run({ exchange }) {
      const { request, response } = await exchange(get('/hdr'), reply('ok'))
      answered(response, 200, 'ok')
      const own = /^(?:host|connection|via|forwarded|x-forwarded-.*|x-real-ip|x-request-id|max-forwards|te)$/i
      const invented = request.fields.filter(([name]) => !own.test(name)).map((field) => field.join(': '))
      equal(invented, [], 'what the request has at the origin and had not at the client')
    },
  },
  {
    id: 'HDR-12',
    rule: 'RFC 9110 §6.6.1',
    level: 'MUST',
    title:
      'adds Date when the origin sent none, and otherwise neither invents nor replaces what describes the origin',
    run: {
      'adds Date': async ({ exchange }) => {
        const { response } = await exchange(get('/hdr'), reply('ok'))
        const date = answered(response, 200, 'ok').get('date')
        check(date !== undefined, 'the response has no Date')
        check(Number.isFinite(Date.parse(date)), `the response has Date: ${date}`)
      },
      'keeps Date': async ({ exchange }) => {
        const date = 'Tue, 15 Nov 1994 08:12:31 GMT'
        const { response } = await exchange(get('/hdr'), reply('ok', `Date: ${date}`))
        values(answered(response, 200, 'ok'), 'date', [date], 'the response')
      },
      'keeps Server': async ({ exchange }) => {
        const { response } = await exchange(get('/hdr'), reply('ok', 'Server: origin/1'))
        values(answered(response, 200, 'ok'), 'server', ['origin/1'], 'the response')
      },
      'invents no Server': async ({ exchange }) => {
        const { response } = await exchange(get('/hdr'), reply('ok'))
        lacks(answered(response, 200, 'ok'), 'server', 'the response')
      },
      'invents no Content-Type': async ({ exchange }) => {
        const { response } = await exchange(get('/hdr'), reply('<!doctype html><p>ok'))
        lacks(answered(response, 200), 'content-type', 'the response')
      },
    },
  },
  {
    id: 'HDR-13',
    rule: 'RFC 9110 §5.1',
    level: 'MUST',
    title: 'forwards fields it does not know, empty ones and many of them',
    run: each(
      {
        empty: ['X-Empty:'],
        unknown: ['X-Undefined: ', 'X-Null: null', 'DNT: 1'],
        'every character of a token': ["!#$%&'*+-.^_`|~09azAZ: token"],
        'one hundred': Array.from({ length: 100 }, (_, index) => `X-Field-${index}: ${index}`),
      },
      async ({ exchange }, lines) => {
        const { request, response } = await exchange(get('/hdr', ...lines), reply('ok', ...lines))
        answered(response, 200, 'ok')
        for (const line of lines) {
          const at = line.indexOf(':')
          const [name, value] = [line.slice(0, at), line.slice(at + 1).trim()]
          values(request, name, [value], atOrigin)
          values(response, name, [value], 'the response')
        }
      },
    ),
  },
]

const scattered = ['Connection:', 'connection: , ,\tx-HOP ,', 'CONNECTION: X-Second'] as const

function withoutHop(message: Message, what: string): void {
  lacks(message, 'x-hop', what)
  values(message, 'x-end', ['2'], what)
  const nominated = message.all('connection').join().toLowerCase()
  check(!nominated.includes('x-hop'), `${what} has Connection: ${nominated}`)
}

const nameOf = (message: Message, name: string): string | undefined =>
  message.fields.find(([key]) => key.toLowerCase() === name)?.[0]
