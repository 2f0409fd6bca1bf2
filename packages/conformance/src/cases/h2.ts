/** H2: HTTP/2 on the client's side, HTTP/1.1 on the origin's. RFC 9113 §5, §8.1 to §8.3. */

import type { Message } from '@relayrace/fixtures/wire'
import { type Case, chunked, chunks, each, head, reply, type Stage } from '../case.ts'
import { check, complete, equal, lacks, truncated, values } from '../expect.ts'
import {
  type Asking,
  askInFrames,
  closed,
  continuation,
  END_STREAM,
  frameTypes,
  headers,
  hears,
  http2Client,
  inFrames,
} from '../h2.ts'
import { terminatesTls, terminatingTls } from '../secure.ts'
import { forged, notForged } from './fwd.ts'
import { flood, flooded } from './info.ts'
import { grewLessThan, heldBack, mostMemory, piece, type Sender, whole } from './strm.ts'

const atOrigin = 'the request at the origin'
const plain = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'a'],
  [':path', '/h2'],
] as const

/** Without a length, so that it may end without content. */
const expecting = { ':method': 'POST', ':path': '/h2', expect: '100-continue' } as const

type Field = readonly [name: string, value: string]

/** Of all cases here. What goes over TLS is cut in its own ways, so one delivery is enough. */
const usual = { needs: ['h2'], setup: terminatesTls, deliveries: ['coalesced'] } as const

const graceful = terminatingTls('with a certificate of its own, that may take 2000 ms to end', {
  grace: 2000,
})
const impatient = terminatingTls(
  'with a certificate of its own, and limits of 500 ms for heads and idleness',
  {
    'timeouts.requestHead': 500,
    'timeouts.idle': 500,
  },
)

/** Of a connection of HTTP/1.1. `HTTP2-Settings` is of the request that asks for HTTP/2 there. */
const forbidden = [
  'Connection: keep-alive',
  'Keep-Alive: timeout=7',
  'Proxy-Connection: keep-alive',
  'Upgrade: h2c',
  'HTTP2-Settings: AAMAAABk',
]

export const h2: readonly Case[] = [
  {
    id: 'H2-01',
    rule: 'RFC 9113 §8.2.2, §8.2.3, §8.3.1',
    level: 'MUST',
    title: 'translates fields: none of a connection either way, one cookie, and the authority as Host',
    ...usual,
    run: {
      'of a request': async ({ target, origin }) => {
        await using client = await http2Client(target)
        const asking = client.ask({
          ':path': '/h2?a=%2F',
          ':authority': 'b.example:8080',
          te: 'trailers',
          cookie: ['a=1', 'b=2', 'c=3'],
          'x-a': '1',
        })
        const { message, send } = await origin.request()
        equal(message.startLine, 'GET /h2?a=%2F HTTP/1.1', 'the request line at the origin')
        values(message, 'cookie', ['a=1; b=2; c=3'], atOrigin)
        values(message, 'x-a', ['1'], atOrigin)
        equal(message.all('host').length, 1, 'the number of Host lines at the origin')
        noPseudoFields(message)
        lacks(message, 'transfer-encoding', atOrigin)
        send(reply('ok'))
        await isAnswered(asking, 200, 'ok')
      },
      'of a response': async ({ target, origin }) => {
        await using client = await http2Client(target)
        const asking = client.ask({ ':path': '/h2' })
        const { send } = await origin.request()
        send(
          reply(
            'ok',
            'Connection: keep-alive, X-Hop',
            'Keep-Alive: timeout=7',
            'X-Hop: 1',
            'Upgrade: h2c',
            'Proxy-Connection: keep-alive',
            'X-End: 2',
            'Set-Cookie: a=1',
            'Set-Cookie: b=2, c',
          ),
        )
        const fields = await isAnswered(asking, 200, 'ok')
        for (const name of [
          'connection',
          'keep-alive',
          'x-hop',
          'upgrade',
          'proxy-connection',
          'transfer-encoding',
        ])
          check(fields[name] === undefined, `the response has ${name}: ${fields[name]}`)
        equal(fields['x-end'], '2', 'X-End of the response')
        equal(fields['set-cookie'], ['a=1', 'b=2, c'], 'Set-Cookie of the response')
      },
      'of a chunked response': async ({ target, origin }) => {
        await using client = await http2Client(target)
        const asking = client.ask({ ':path': '/h2' })
        const { send } = await origin.request()
        send(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunked('one', 'two'))
        const fields = await isAnswered(asking, 200, 'onetwo')
        check(fields['transfer-encoding'] === undefined, 'the response has Transfer-Encoding')
      },
    },
  },
  {
    id: 'H2-02',
    rule: 'RFC 9113 §8.1',
    level: 'MUST',
    title: 'resets the stream of a response that was cut off, and ends upstream what a client resets',
    ...usual,
    run: {
      ...each(
        {
          'cut off with Content-Length': `${head('HTTP/1.1 200 OK', 'Content-Length: 10')}hello`,
          'cut off in chunks': head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunks('hello'),
        },
        async ({ target, origin }, sent) => {
          await using client = await http2Client(target)
          const asking = client.ask({ ':path': '/h2' })
          const exchange = await origin.request()
          await exchange.send(sent)
          await asking.head()
          exchange.connection.end()
          const { code, content, whole } = await asking.ended()
          check(!whole, `the response looks complete: ${JSON.stringify(content)}`)
          check(code !== 0, 'the stream was reset with NO_ERROR')
        },
      ),
      'reset before the response': async ({ target, origin }) => {
        await using client = await http2Client(target)
        const asking = client.ask({ ':path': '/h2' })
        const exchange = await origin.request()
        asking.stream.close(8)
        await exchange.connection.ended()
      },
      'reset in the response': async ({ target, origin }) => {
        await using client = await http2Client(target)
        const asking = client.ask({ ':path': '/h2' })
        const exchange = await origin.request()
        exchange.send(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunks('hello'))
        await asking.head()
        asking.stream.close(8)
        await exchange.connection.ended()
      },
      'reset in the request': async ({ target, origin }) => {
        const fields: Field[] = [[':method', 'POST'], ...plain.slice(1)]
        const arrived = origin.request()
        await askInFrames(target, fields, ['hello'], { reset: async () => (await arrived).body(5) })
        truncated(await (await arrived).done(), atOrigin)
      },
    },
  },
  {
    id: 'H2-03',
    rule: 'RFC 9113 §5.2',
    level: 'SHOULD',
    title: 'holds up no stream because another one is not read, and relays trailers and interim responses',
    ...usual,
    run: {
      'a stalled stream': async ({ target, origin }) => {
        await using client = await http2Client(target)
        const stalled = client.ask({ ':path': '/h2/stalled' })
        const exchange = await origin.request()
        stalled.stream.pause()
        exchange.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 400000')}${'x'.repeat(400_000)}`)
        await stalled.head()
        const other = client.ask({ ':path': '/h2/other' })
        const second = await origin.request()
        second.send(reply('other'))
        await isAnswered(other, 200, 'other')
        stalled.stream.resume()
        equal((await stalled.ended()).content.length, 400_000, 'the length of the content')
      },
      trailers: async ({ target, origin }) => {
        await using client = await http2Client(target)
        const asking = client.ask({ ':path': '/h2', te: 'trailers' })
        const { send } = await origin.request()
        send(
          `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Trailer: X-T')}${chunks('ok')}0\r\nX-T: 1\r\n\r\n`,
        )
        await isAnswered(asking, 200, 'ok')
        equal(asking.trailers?.['x-t'], '1', 'the trailer X-T')
      },
      'early hints': async ({ target, origin }) => {
        await using client = await http2Client(target)
        const asking = client.ask({ ':path': '/h2' })
        const { send } = await origin.request()
        send(head('HTTP/1.1 103 Early Hints', 'Link: </a>; rel=preload') + reply('ok'))
        await isAnswered(asking, 200, 'ok')
        const statuses = asking.informational.map((fields) => fields[':status'])
        equal(statuses, [103], 'the interim responses')
      },
    },
  },
  {
    id: 'H2-04',
    rule: 'RFC 9113 §8.1.1, §8.2, §8.3',
    level: 'MUST',
    title: 'forwards no request that is malformed in HTTP/2',
    ...usual,
    run: each(
      {
        'a field of the connection': [...plain, ['connection', 'keep-alive']],
        'Transfer-Encoding': [...plain, ['transfer-encoding', 'chunked']],
        Upgrade: [...plain, ['upgrade', 'websocket']],
        'Keep-Alive': [...plain, ['keep-alive', 'timeout=1']],
        'Proxy-Connection': [...plain, ['proxy-connection', 'keep-alive']],
        'TE other than trailers': [...plain, ['te', 'gzip']],
        'a name in capitals': [...plain, ['X-A', '1']],
        'a pseudo-field after a field': [...plain.slice(0, 3), ['x-a', '1'], [':path', '/h2']],
        'a pseudo-field unheard of': [...plain, [':evil', '1']],
        'a pseudo-field of responses': [...plain, [':status', '200']],
        'two paths': [...plain, [':path', '/evil']],
        'no path': plain.slice(0, 3),
        'an empty path': [...plain.slice(0, 3), [':path', '']],
        'no method': plain.slice(1),
        'a line ending in the path': [...plain.slice(0, 3), [':path', '/h2 HTTP/1.1\r\nx-evil: 1\r\n']],
        'a space in the path': [...plain.slice(0, 3), [':path', '/h2 HTTP/1.1']],
        'a line ending in the method': [
          [':method', 'GET /evil HTTP/1.1\r\nHost: a\r\n\r\nGET'],
          ...plain.slice(1),
        ],
        'a line ending in the authority': [
          ...plain.slice(0, 2),
          [':authority', 'a\r\nx-evil: 1'],
          [':path', '/h2'],
        ],
      } as Readonly<Record<string, readonly Field[]>>,
      notForwarded,
    ),
  },
  {
    id: 'H2-05',
    rule: 'RFC 9113 §8.1.1',
    level: 'MUST',
    title: 'completes no request upstream whose content is not as long as it says',
    ...usual,
    run: each(
      {
        'too little': ['10', ['hello']],
        'too much': ['3', ['hello']],
        'nothing at all': ['5', []],
        'no number': ['5x', ['hello']],
      } as Readonly<Record<string, readonly [string, readonly string[]]>>,
      async ({ target, origin, pass }, [length, content]) => {
        const fields: Field[] = [[':method', 'POST'], ...plain.slice(1), ['content-length', length]]
        await askInFrames(target, fields, content)
        await pass(50)
        for (const message of origin.requests)
          check(
            message.verdict === 'incomplete',
            `the origin received ${message}: ${JSON.stringify(message.text)}`,
          )
      },
    ),
  },
  {
    id: 'H2-06',
    rule: 'RFC 9113 §8.2.2, RFC 9112 §6.1',
    level: 'MUST',
    title: 'frames an upload of unknown length for HTTP/1.1, and relays its trailers or drops them',
    ...usual,
    async run({ target, origin }) {
      await using client = await http2Client(target)
      const asking = client.ask({ ':method': 'POST', ':path': '/h2' }, { endStream: false })
      asking.stream.write('hello ')
      asking.stream.end('world')
      const exchange = await origin.request()
      const request = complete(await exchange.done(), atOrigin)
      equal(request.text, 'hello world', 'the content at the origin')
      equal(request.framing, 'chunked', 'the framing at the origin')
      exchange.send(reply('ok'))
      await isAnswered(asking, 200, 'ok')
    },
  },
  {
    id: 'H2-07',
    rule: 'RFC 9113 §8.5, RFC 8441',
    level: 'MUST',
    title: 'opens no tunnel over HTTP/2 that it does not serve over HTTP/1.1',
    ...usual,
    async run({ target, origin }) {
      const over = new AbortController()
      const { signal } = over
      const dialled = origin.connection({ signal }).catch(() => undefined)
      const fields: Field[] = [
        [':method', 'CONNECT'],
        [':authority', origin.url.host],
      ]
      await Promise.race([askInFrames(target, fields, [], { signal }), dialled])
      over.abort()
      equal(origin.connections.length, 0, 'the number of connections to the origin')
      // A target may answer before what it dialled is there; that comes before the next connection.
      await using client = await http2Client(target)
      const next = client.ask({ ':path': '/h2/next' })
      const { send } = await origin.request()
      equal(origin.connections.length, 1, 'the number of connections to the origin after another request')
      send(reply('next'))
      await isAnswered(next, 200, 'next')
    },
  },
  {
    id: 'H2-08',
    rule: 'RFC 9112 §6.3, RFC 9113 §8.1',
    level: 'MUST',
    title: 'relays responses without content as such: to HEAD, with 204 and with 304',
    ...usual,
    run: each(
      {
        HEAD: ['HEAD', '200 OK', 'Content-Length: 1234'],
        204: ['GET', '204 No Content', 'X-A: 1'],
        304: ['GET', '304 Not Modified', 'Content-Length: 1234'],
      },
      async ({ target, origin }, [method = '', status = '', field = '']) => {
        await using client = await http2Client(target)
        const asking = client.ask({ ':method': method, ':path': '/h2' })
        const { send } = await origin.request()
        send(head(`HTTP/1.1 ${status}`, field))
        await isAnswered(asking, Number(status.slice(0, 3)), '')
        const next = client.ask({ ':path': '/h2/next' })
        const second = await origin.request()
        second.send(reply('next'))
        await isAnswered(next, 200, 'next')
      },
    ),
  },
  {
    id: 'H2-09',
    rule: 'RFC 9110 §15.6.3',
    level: 'SHOULD',
    title: 'answers 502 on the stream alone when the origin resets, and goes on with the connection',
    ...usual,
    async run({ target, origin }) {
      await using client = await http2Client(target)
      const asking = client.ask({ ':method': 'POST', ':path': '/h2', 'content-length': '0' })
      const exchange = await origin.request()
      exchange.connection.reset()
      equal((await asking.head())[':status'], 502, 'the status of the response')
      const next = client.ask({ ':path': '/h2/next' })
      const second = await origin.request()
      second.send(reply('next'))
      await isAnswered(next, 200, 'next')
    },
  },
  {
    id: 'H2-10',
    rule: 'RFC 9110 §7.6.3',
    level: 'MUST',
    title: 'says in Via that the request came over HTTP/2',
    ...usual,
    async run({ target, origin }) {
      await using client = await http2Client(target)
      const asking = client.ask({ ':path': '/h2' })
      const { message, send } = await origin.request()
      send(reply('ok'))
      await isAnswered(asking, 200, 'ok')
      const via = message.all('via').join(', ')
      check(/^(?:HTTP\/)?2(?:\.0)? /i.test(via), `Via at the origin is ${via || 'not there'}`)
    },
  },
  {
    id: 'H2-11',
    rule: 'RFC 9113 §8.2.1',
    level: 'MUST',
    title: 'forwards no request with characters in a field that HTTP/1.1 could not carry',
    ...usual,
    run: each(
      {
        'a line ending in a value': [...plain, ['x-a', '1\r\nx-evil: 1']],
        'a bare LF in a value': [...plain, ['x-a', '1\nx-evil: 1']],
        'a NUL in a value': [...plain, ['x-a', '1\x002']],
        'a line ending in a name': [...plain, ['x-a: 1\r\nx-evil', '1']],
        'a colon in a name': [...plain, ['x-a:x', '1']],
        'a space in a name': [...plain, ['x a', '1']],
        'an empty name': [...plain, ['', '1']],
      } as Readonly<Record<string, readonly Field[]>>,
      notForwarded,
    ),
  },
  {
    id: 'H2-12',
    rule: 'RFC 9113 §8.2.2',
    level: 'MUST',
    title: 'leaves out what HTTP/2 forbids wherever an origin says it, and delivers the rest',
    ...usual,
    run: each(
      {
        'in the head': head('HTTP/1.1 200 OK', ...forbidden, 'X-End: 1', 'Content-Length: 2').concat('ok'),
        'in an interim response': `${head('HTTP/1.1 103 Early Hints', ...forbidden, 'Link: </a>')}${reply('ok')}`,
        'in trailers': `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Trailer: X-End')}${chunks('ok')}0\r\n${forbidden.join('\r\n')}\r\nX-End: 1\r\n\r\n`,
      },
      async ({ target, origin }, answer) => {
        await using client = await http2Client(target)
        const asking = client.ask({ ':path': '/h2', te: 'trailers' })
        const { send } = await origin.request()
        send(answer)
        const final = await isAnswered(asking, 200, 'ok')
        for (const fields of [...asking.informational, final, asking.trailers ?? {}])
          for (const line of forbidden) {
            const name = line.slice(0, line.indexOf(':')).toLowerCase()
            check(fields[name] === undefined, `${name}: ${fields[name]} came over HTTP/2`)
          }
      },
    ),
  },
  {
    id: 'H2-13',
    rule: 'RFC 9113 §4.2, §6.10',
    level: 'MUST',
    title: 'delivers a response head that is larger than a frame, or answers 502: the connection goes on',
    ...usual,
    async run({ target, origin }) {
      await using client = await http2Client(target)
      const asking = client.ask({ ':path': '/h2' })
      const { send } = await origin.request()
      const many = Array.from({ length: 700 }, (_, i) => `X-${i}: ${'a'.repeat(60)}`)
      send(reply('ok', ...many))
      const fields = await asking.head()
      const { code } = await asking.ended()
      equal(code, 0, 'the code with which the stream ended')
      if (fields[':status'] !== 502) {
        equal(fields[':status'], 200, 'the status of the response')
        equal(
          many.filter((_, i) => fields[`x-${i}`] !== undefined).length,
          many.length,
          'the number of fields',
        )
      }
      const next = client.ask({ ':path': '/h2' })
      ;(await origin.request()).send(reply('ok'))
      await isAnswered(next, 200, 'ok')
    },
  },
  {
    id: 'H2-14',
    rule: 'RFC 9110 §10.1.1, RFC 9113 §8.1',
    level: 'MUST',
    title:
      'forwards Expect, says 100 over HTTP/2 only when the origin has, and relays a refusal instead of it',
    ...usual,
    needs: ['h2', 'informational'],
    run: {
      granted: async ({ target, origin, pass }) => {
        await using client = await http2Client(target)
        const asking = client.ask(expecting, { endStream: false })
        const exchange = await origin.request()
        values(exchange.message, 'expect', ['100-continue'], atOrigin)
        await pass(100)
        equal(
          asking.informational.length,
          0,
          'the number of interim responses before the origin had said any',
        )
        exchange.send(head('HTTP/1.1 100 Continue'))
        const [first] = await asking.interim(1)
        equal(first?.[':status'], 100, 'the status of the interim response')
        asking.stream.end('hello')
        equal(complete(await exchange.done(), atOrigin).text, 'hello', 'the content at the origin')
        exchange.send(reply('ok'))
        await isAnswered(asking, 200, 'ok')
      },
      refused: async ({ target, origin }) => {
        await using client = await http2Client(target)
        const asking = client.ask(expecting, { endStream: false })
        const { send, connection } = await origin.request()
        send(`${head('HTTP/1.1 401 Unauthorized', 'Content-Length: 2', 'Connection: close')}no`)
        connection.end()
        equal((await asking.head())[':status'], 401, 'the status of the response')
        equal(asking.informational.length, 0, 'the number of interim responses')
        asking.stream.end()
        await isAnswered(asking, 401, 'no')
      },
    },
  },
  {
    id: 'H2-15',
    rule: 'RFC 9110 §10.1.1, §15.2',
    level: 'MUST',
    title: 'survives every expectation, and a 100 that nobody asked for: the connection goes on',
    ...usual,
    run: each(
      {
        'an empty one': '',
        'in capitals': '100-Continue',
        'one that nobody knows': 'x-magic',
        'no expectation, and 100': undefined,
      },
      async ({ target, origin, signal }, expect) => {
        await using client = await http2Client(target)
        const asking = client.ask({ ':path': '/h2', ...(expect === undefined ? {} : { expect }) })
        const over = new AbortController()
        const forwarded = origin.request({ signal: AbortSignal.any([signal, over.signal]) })
        const answered = asking.head().then(() => undefined)
        const exchange = await Promise.race([forwarded, answered])
        forwarded.catch(() => {})
        answered.catch(() => {})
        over.abort()
        exchange?.send(`${expect === undefined ? head('HTTP/1.1 100 Continue') : ''}${reply('ok')}`)
        const { ':status': status = 0 } = await asking.head()
        await asking.ended()
        check([200, 400, 417, 502].includes(status), `the status of the response is ${status}`)
        const next = client.ask({ ':path': '/h2/next' })
        ;(await origin.request()).send(reply('next'))
        await isAnswered(next, 200, 'next')
      },
    ),
  },
  {
    id: 'H2-16',
    rule: 'RFC 9113 §5.2',
    level: 'MUST',
    title:
      'holds the sender of a stream back when its receiver does not read, and no other stream of that connection',
    ...usual,
    alone: true,
    limit: 60_000,
    run: {
      'the origin': async (stage) => {
        const { target, origin } = stage
        const before = await stage.memory()
        await using client = await http2Client(target)
        const stalled = client.ask({ ':path': '/h2/stalled' })
        stalled.stream.pause()
        const { connection, send } = await origin.request()
        send(head('HTTP/1.1 200 OK', `Content-Length: ${2 ** 30}`))
        await stalled.head()
        await heldBack(connection, () => send(piece, whole), 'the origin')
        await grewLessThan(mostMemory, stage, before)
        const other = client.ask({ ':path': '/h2/other' })
        ;(await origin.request()).send(reply('other'))
        await isAnswered(other, 200, 'other')
        stalled.stream.close(8)
        await connection.ended()
      },
      'the client': async (stage) => {
        const { target, origin } = stage
        const before = await stage.memory()
        await using client = await http2Client(target)
        const stalled = client.ask({ ':method': 'POST', ':path': '/h2/stalled' }, { endStream: false })
        const { connection } = await origin.request()
        connection.pause()
        const upload = uploading(stalled)
        await heldBack(upload, upload.send, 'the client')
        await grewLessThan(mostMemory, stage, before)
        const other = client.ask({ ':method': 'POST', ':path': '/h2/other' }, { endStream: false })
        other.stream.end('hello')
        const exchange = await origin.request()
        equal(complete(await exchange.done(), atOrigin).text, 'hello', 'the content at the origin')
        exchange.send(reply('other'))
        await isAnswered(other, 200, 'other')
        stalled.stream.close(8)
        connection.resume()
        await connection.ended()
      },
    },
  },
  {
    id: 'H2-17',
    rule: 'RFC 9113 §6.8',
    level: 'SHOULD',
    title:
      'says before it ends that it will, in a GOAWAY that refuses nothing yet, and serves what has been asked',
    ...usual,
    setup: graceful,
    run: {
      'a response in progress': async ({ target, origin, terminate }) => {
        await using client = await http2Client(target)
        const asking = client.ask({ ':path': '/h2' })
        const { send } = await origin.request()
        send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}hello`)
        await asking.head()
        const ended = terminate()
        refusesNothing(await client.goaway())
        send('world')
        await isAnswered(asking, 200, 'helloworld')
        await Promise.all([client.ended(), ended])
      },
      'an idle connection': async ({ target, origin, terminate }) => {
        await using client = await http2Client(target)
        const asking = client.ask({ ':path': '/h2' })
        ;(await origin.request()).send(reply('ok'))
        await isAnswered(asking, 200, 'ok')
        const ended = terminate()
        refusesNothing(await client.goaway())
        await Promise.all([client.ended(), ended])
      },
    },
  },
  {
    id: 'H2-18',
    rule: 'ours, after RFC 9113 §10.5',
    level: 'MUST',
    title: 'gives a connection up on which a head begins and does not end in time',
    ...usual,
    setup: impatient,
    run: {
      'at first': async ({ target, signal }) => {
        const socket = await inFrames(target, signal)
        socket.write(headers(1, plain, END_STREAM))
        await closed(socket)
      },
      'after a request': async ({ target, origin, signal }) => {
        const socket = await inFrames(target, signal)
        socket.write(headers(1, plain))
        ;(await origin.request()).send(reply('ok'))
        socket.write(headers(3, plain, END_STREAM))
        await closed(socket)
      },
      'continued for ever': async ({ target, signal, pass }) => {
        const socket = await inFrames(target, signal)
        socket.write(headers(1, plain, END_STREAM))
        const gone = closed(socket)
        const going = async (): Promise<void> => {
          for (; !socket.destroyed; await pass(100)) socket.write(continuation(1, [['x-a', '1']]))
        }
        await Promise.all([gone.finally(() => socket.destroy()), going()])
      },
    },
  },
  {
    id: 'H2-19',
    rule: 'RFC 9113 §6.8',
    level: 'SHOULD',
    title: 'serves a request that was on its way when it said that it would end',
    ...usual,
    setup: graceful,
    async run({ target, origin, signal, terminate }) {
      const socket = await inFrames(target, signal)
      const goaway = hears(socket, frameTypes.GOAWAY)
      socket.write(headers(1, plain))
      const { send } = await origin.request()
      const ended = terminate()
      await goaway
      // No PING has been answered: for all that can be known, this was sent before.
      socket.write(headers(3, plain))
      ;(await origin.request()).send(reply('two'))
      send(reply('one'))
      await Promise.all([closed(socket), ended])
    },
  },
  {
    id: 'H2-20',
    rule: 'ours, after RFC 9110 §6.5.1: who merges trailers into the head believes them',
    level: 'SHOULD',
    title: 'lets no client of HTTP/2 say behind the content what it could not say in front of it',
    ...usual,
    async run({ target, origin }) {
      await using client = await http2Client(target)
      const asking = client.ask(
        { ':method': 'POST', ':path': '/h2' },
        { endStream: false, trailers: Object.fromEntries(forged) },
      )
      asking.stream.end('hello')
      const exchange = await origin.request()
      const request = complete(await exchange.done(), atOrigin)
      equal(request.text, 'hello', 'the content at the origin')
      notForged(request)
      exchange.send(reply('ok'))
      await isAnswered(asking, 200, 'ok')
    },
  },
  {
    id: 'H2-21',
    rule: 'ours, after RFC 4559 §6: some schemes authenticate a connection, whoever asks on it',
    level: 'MUST',
    title: 'asks for no other connection of HTTP/2 on an upstream connection on which a client has logged in',
    ...usual,
    run: each({ NTLM: 'NTLM', Negotiate: 'Negotiate' }, async ({ target, origin }, scheme) => {
      await using alice = await http2Client(target)
      const own = new Set<unknown>()
      for (const [status, credentials] of [
        [401, 'b25l'],
        [200, 'dGhyZWU='],
      ] as const) {
        const asking = alice.ask({ ':path': '/h2/alice', authorization: `${scheme} ${credentials}` })
        const { connection, send } = await origin.request()
        own.add(connection)
        send(head(`HTTP/1.1 ${status} Fine`, `WWW-Authenticate: ${scheme} dHdv`, 'Content-Length: 0'))
        await isAnswered(asking, status, '')
      }
      const asks = async (who: string): Promise<void> => {
        await using client = await http2Client(target)
        const asking = client.ask({ ':path': `/h2/${who}` })
        const { connection, send } = await origin.request()
        send(reply(who))
        await isAnswered(asking, 200, who)
        check(!own.has(connection), `it asked for ${who} on an upstream connection of alice`)
      }
      for (let count = 0; count < 3; count++) await asks('bob')
      alice.session.destroy()
      for (let count = 0; count < 3; count++) await asks('carol')
    }),
  },
  {
    id: 'H2-22',
    rule: 'ours: no peer decides how much memory the other costs',
    level: 'MUST',
    title: 'keeps no flood of interim responses for a client of HTTP/2 that does not read',
    ...usual,
    limit: 60_000,
    async run(stage) {
      const before = await stage.memory()
      const socket = await inFrames(stage.target, stage.signal)
      socket.write(headers(1, plain))
      const { connection } = await stage.origin.request()
      await flooded(connection)
      await grewLessThan(flood / 2, stage, before)
      socket.destroy()
      await connection.ended()
    },
  },
]

async function isAnswered(asking: Asking, status: number, content: string) {
  const fields = await asking.head()
  equal(fields[':status'], status, 'the status of the response')
  const ended = await asking.ended()
  check(ended.whole, `the stream was reset with code ${ended.code}`)
  equal(ended.content, content, 'the content of the response')
  return fields
}

/** Content without an end, and how much of it was let go. */
function uploading({ stream }: Asking): Sender & { readonly send: () => Promise<boolean> } {
  let sent = 0
  return {
    get sent() {
      return sent
    },
    get ending() {
      return stream.closed ? 'reset' : undefined
    },
    send: () =>
      new Promise((resolve) => {
        stream.write(piece, (error) => {
          if (!error) sent += piece.length
          resolve(!error)
        })
      }),
  }
}

function refusesNothing({ code, lastStream }: { readonly code: number; readonly lastStream: number }): void {
  equal(code, 0, 'the code of the first GOAWAY')
  equal(lastStream, 2 ** 31 - 1, 'the last stream of the first GOAWAY')
}

async function notForwarded({ target, origin }: Stage, fields: readonly Field[]): Promise<void> {
  const over = new AbortController()
  const forwarded = origin.request({ signal: over.signal }).catch(() => undefined)
  await Promise.race([askInFrames(target, fields, [], { signal: over.signal }), forwarded])
  over.abort()
  const [first] = origin.requests
  check(first === undefined, `the origin received ${JSON.stringify(first?.head)}`)
}

function noPseudoFields(message: Message): void {
  const line = message.fields.find(([name]) => name.startsWith(':'))
  check(line === undefined, `the request at the origin has ${line?.join(': ')}`)
}
