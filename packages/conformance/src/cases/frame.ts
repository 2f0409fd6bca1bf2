/** FRAME: where a message ends. RFC 9112 §6 and §7. */

import { quietly } from '@relayrace/fixtures/wire'
import { type Case, chunked, each, get, head, reply } from '../case.ts'
import { answered, check, complete, equal, lacks, refused, values } from '../expect.ts'

const atOrigin = 'the request at the origin'

export const frame: readonly Case[] = [
  {
    id: 'FRAME-01',
    rule: 'RFC 9112 §6.2',
    level: 'MUST',
    title: 'forwards content with Content-Length under that one field, byte for byte',
    async run({ exchange }) {
      const { request, response } = await exchange(
        `${head('POST /frame HTTP/1.1', 'Host: a', 'Content-Length: 5')}hello`,
        reply('ok'),
      )
      equal(request.text, 'hello', 'the content at the origin')
      values(request, 'content-length', ['5'], atOrigin)
      lacks(request, 'transfer-encoding', atOrigin)
      answered(response, 200, 'ok')
    },
  },
  {
    id: 'FRAME-02',
    rule: 'RFC 9112 §7.1',
    level: 'MUST',
    title: 'forwards chunked content under one framing, byte for byte',
    async run({ exchange }) {
      const { request, response } = await exchange(
        head('POST /frame HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked') +
          chunked('one', 'two2', 'three'),
        reply('ok'),
      )
      equal(request.text, 'onetwo2three', 'the content at the origin')
      answered(response, 200, 'ok')
    },
  },
  {
    id: 'FRAME-03',
    rule: 'RFC 9112 §6.3',
    level: 'MUST',
    title: 'keeps chunked content inside a frame whatever the method',
    run: each(
      { DELETE: 'DELETE', OPTIONS: 'OPTIONS', GET: 'GET', PURGE: 'PURGE' },
      async ({ ask, recover }, method) => {
        const smuggled = get('/smuggled')
        const { client, exchange, response } = await ask(
          head(`${method} /frame HTTP/1.1`, 'Host: a', 'Transfer-Encoding: chunked') + chunked(smuggled),
        )
        if (exchange) {
          const request = complete(await exchange.done(), atOrigin)
          equal(request.text, smuggled, 'the content at the origin')
          exchange.send(reply('ok'))
          answered(await response, 200, 'ok')
        } else {
          const { status, startLine } = complete(await response)
          check(status >= 400, `it answered ${startLine} without asking the origin`)
        }
        await recover(client)
      },
    ),
  },
  {
    id: 'FRAME-04',
    rule: 'RFC 9110 §9.3.1',
    level: 'SHOULD',
    title: 'forwards the content of a GET or refuses it, and never drops it in silence',
    async run({ ask, recover }) {
      const { client, exchange, response } = await ask(
        `${head('GET /frame HTTP/1.1', 'Host: a', 'Content-Length: 5')}hello`,
      )
      if (exchange) {
        equal((await exchange.done()).text, 'hello', 'the content at the origin')
        exchange.send(reply('ok'))
        answered(await response, 200, 'ok')
      } else refused(await response, 400, 405, 411, 413, 501)
      await recover(client)
    },
  },
  {
    id: 'FRAME-05',
    rule: 'RFC 9110 §8.6',
    level: 'SHOULD',
    title: 'keeps the Content-Length of a response, so that clients know how much will come',
    async run({ exchange }) {
      const { response } = await exchange(get('/frame'), reply('hello'))
      answered(response, 200, 'hello')
      values(response, 'content-length', ['5'], 'the response')
    },
  },
  {
    id: 'FRAME-06',
    rule: 'RFC 9112 §6.1',
    level: 'MUST',
    title:
      'relays a chunked response with chunk extensions, and invents no Content-Length before it has the end',
    async run({ ask }) {
      const { exchange, response } = await ask(get('/frame'))
      check(exchange !== undefined, 'it answered without asking the origin')
      exchange.send(
        `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}5;a=b;c="d;e"\r\nhello\r\n006;x\r\n world\r\n0;last\r\n\r\n`,
      )
      const received = answered(await response, 200, 'hello world')
      lacks(received, 'content-length', 'the response')
    },
  },
  {
    id: 'FRAME-07',
    rule: 'RFC 9112 §2.3',
    level: 'MUST',
    title: 'speaks HTTP/1.1 itself when the origin answers with HTTP/1.0 and ends its content by closing',
    async run({ ask }) {
      const { client, exchange, response } = await ask(get('/frame'))
      check(exchange !== undefined, 'it answered without asking the origin')
      exchange.send(`${head('HTTP/1.0 200 OK', 'Content-Type: text/plain')}old but whole`)
      exchange.connection.end()
      const received = answered(await response, 200, 'old but whole')
      equal(received.version, 'HTTP/1.1', 'the version of the response')
      if (received.framing !== 'close') return
      values(received, 'connection', ['close'], 'a response that ends with the connection')
      await client.ended()
    },
  },
  {
    id: 'FRAME-08',
    rule: 'RFC 9112 §6.1',
    level: 'MUST',
    title: 'sends no Transfer-Encoding to an HTTP/1.0 client',
    async run({ ask }) {
      const { client, exchange, response } = await ask(head('GET /frame HTTP/1.0', 'Host: a'))
      check(exchange !== undefined, 'it answered without asking the origin')
      exchange.send(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunked('hello', ' world'))
      const received = await response
      lacks(received, 'transfer-encoding', 'the response')
      answered(received, 200, 'hello world')
      await client.ended()
    },
  },
  {
    id: 'FRAME-09',
    rule: 'RFC 9112 §6.3',
    level: 'MUST',
    title: 'relays empty content at once, and keeps the connection of the client for the next request',
    run: each(
      {
        'last chunk only': head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunked(),
        'Content-Length: 0': reply(''),
      },
      async ({ exchange }, response) => {
        const first = await exchange(get('/frame/1'), response)
        answered(first.response, 200, '')
        const second = await exchange(get('/frame/2'), response, { client: first.client })
        answered(second.response, 200, '')
      },
    ),
  },
  {
    id: 'FRAME-10',
    rule: 'RFC 9112 §2.2',
    level: 'MUST',
    title:
      'reads the same message whatever segments the head, the chunk sizes, extensions and trailers come in',
    async run({ exchange }) {
      const { request, response } = await exchange(
        `${head('POST /frame HTTP/1.1', 'Host: a', 'X-Long: a b  c', 'Transfer-Encoding: chunked')}` +
          '00a;ext="q\\"uoted"\r\n0123456789\r\n1\r\n!\r\n0\r\nX-Trailer: 1\r\n\r\n',
        `${head('HTTP/1.1 200 Fine', 'X-Long: d e  f', 'Transfer-Encoding: chunked')}` +
          'B;a\r\nhello world\r\n1\r\n\n\r\n0\r\nX-Trailer: 2\r\n\r\n',
      )
      values(request, 'x-long', ['a b  c'], atOrigin)
      equal(request.text, '0123456789!', 'the content at the origin')
      values(response, 'x-long', ['d e  f'], 'the response')
      answered(response, 200, 'hello world\n')
    },
  },
  {
    id: 'FRAME-11',
    rule: 'RFC 9112 §9.3.2',
    level: 'MUST',
    title: 'answers pipelined requests in order, also when the second could be answered first',
    async run({ connect, origin, pass }) {
      const client = await connect()
      client.send(get('/frame/slow') + get('/frame/fast'))
      const answer = async (): Promise<void> => {
        const { message, send } = await origin.request()
        if (message.target.endsWith('slow')) await pass(100)
        send(reply(message.target))
      }
      const both = quietly(Promise.all([answer(), answer()]))
      answered(await client.response(), 200, '/frame/slow')
      answered(await client.response(), 200, '/frame/fast')
      await both
    },
  },
]
