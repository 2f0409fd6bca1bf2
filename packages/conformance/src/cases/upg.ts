/** UPG: leaving HTTP for another protocol. RFC 9110 §7.8 and §9.3.6, RFC 6455 §4. */

import type { Client, Exchange, Message } from '@relayrace/fixtures/wire'
import { startBystander } from '../bystander.ts'
import { type Case, chunked, each, get, head, reply, type Setup, type Stage } from '../case.ts'
import { answered, check, complete, equal, inOrder, lacks, values } from '../expect.ts'
import { heldBack, piece, whole } from './strm.ts'

const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
const asking = ['Connection: Upgrade', 'Upgrade: websocket', key, 'Sec-WebSocket-Version: 13'] as const
const switching = head(
  'HTTP/1.1 101 Switching Protocols',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
)
const handshake = get('/upg', ...asking)
/** "hello" from a server, and masked from a client. */
const fromOrigin = '\x81\x05hello'
const fromClient = '\x81\x85\x37\xfa\x21\x3d\x5f\x9f\x4d\x51\x58'

const atOrigin = 'the request at the origin'

const shortLimits: Setup = {
  name: 'with limits of 300 ms for everything but tunnels',
  options: {
    'timeouts.requestHead': 300,
    'timeouts.requestBody': 300,
    'timeouts.responseHead': 300,
    'timeouts.responseBody': 300,
    'timeouts.drain': 300,
    'timeouts.idle': 300,
    'pool.idleTimeout': 300,
  },
}
const shortTunnel: Setup = {
  name: 'with a limit of 1500 ms for silence in a tunnel',
  options: { 'timeouts.tunnel': 1500 },
}

export const upg: readonly Case[] = [
  {
    id: 'UPG-01',
    rule: 'RFC 9110 §7.8, RFC 6455 §4',
    level: 'MUST',
    needs: ['upgrade'],
    title: 'relays a WebSocket handshake, all of its fields, and nothing else that concerns one connection',
    async run({ ask }) {
      const { client, exchange, response } = await ask(
        get(
          '/upg',
          'Connection: keep-alive, Upgrade, X-Hop',
          'Upgrade: websocket',
          key,
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Protocol: chat, superchat',
          'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-a',
          'Origin: http://example.com',
          'Cookie: a=1',
          'X-Hop: 1',
        ),
      )
      const { message } = reached(exchange)
      equal(message.method, 'GET', 'the method at the origin')
      upgrades(message, 'websocket', atOrigin)
      lacks(message, 'x-hop', atOrigin)
      values(message, 'sec-websocket-key', ['dGhlIHNhbXBsZSBub25jZQ=='], atOrigin)
      values(message, 'sec-websocket-version', ['13'], atOrigin)
      equal(message.all('sec-websocket-protocol').join(', '), 'chat, superchat', 'Sec-WebSocket-Protocol')
      equal(
        message.all('sec-websocket-extensions').join(', '),
        'permessage-deflate; client_max_window_bits, x-a',
        'Sec-WebSocket-Extensions',
      )
      values(message, 'origin', ['http://example.com'], atOrigin)
      values(message, 'cookie', ['a=1'], atOrigin)
      reached(exchange).send(
        head(
          'HTTP/1.1 101 Switching Protocols',
          'Connection: Upgrade, X-Hop',
          'Upgrade: websocket',
          'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
          'Sec-WebSocket-Protocol: superchat',
          'Sec-WebSocket-Extensions: permessage-deflate',
          'Set-Cookie: a=1',
          'Set-Cookie: b=2, c',
          'X-Hop: 1',
        ),
      )
      const received = switched(await response)
      upgrades(received, 'websocket', 'the response')
      values(received, 'sec-websocket-accept', ['s3pPLMBiTxaQ9kYGzzhZRbK+xOo='], 'the response')
      values(received, 'sec-websocket-protocol', ['superchat'], 'the response')
      values(received, 'sec-websocket-extensions', ['permessage-deflate'], 'the response')
      values(received, 'set-cookie', ['a=1', 'b=2, c'], 'the response')
      lacks(received, 'x-hop', 'the response')
      lacks(received, 'transfer-encoding', 'the response')
      lacks(received, 'content-length', 'the response')
      await bothWays(client, reached(exchange))
    },
  },
  {
    id: 'UPG-02',
    rule: 'RFC 9110 §7.8',
    level: 'MUST',
    needs: ['upgrade'],
    title: 'loses nothing that the origin sends right behind 101',
    async run({ ask }) {
      const { client, exchange, response } = await ask(handshake)
      reached(exchange).send(switching + fromOrigin)
      switched(await response)
      equal((await client.take(fromOrigin.length)).toString('latin1'), fromOrigin, 'what came after 101')
      await bothWays(client, reached(exchange))
    },
  },
  {
    id: 'UPG-03',
    rule: 'RFC 9110 §7.8',
    level: 'MUST',
    needs: ['upgrade'],
    title: 'keeps what the client sends right behind its handshake until 101, and then delivers it once',
    async run({ ask, pass }) {
      const { client, exchange, response } = await ask(handshake + fromClient)
      const { connection } = reached(exchange)
      await pass(50)
      equal(connection.untaken.length, 0, 'the number of bytes at the origin before 101')
      reached(exchange).send(switching)
      switched(await response)
      equal((await connection.take(fromClient.length)).toString('latin1'), fromClient, 'what came after 101')
      await bothWays(client, reached(exchange))
    },
  },
  {
    id: 'UPG-04',
    rule: 'RFC 9110 §7.8',
    level: 'MUST',
    title: 'relays the refusal of an upgrade like any response',
    run: each(
      {
        '403': ['403 Forbidden', 'Content-Length: 2', 'no'],
        '401': ['401 Unauthorized', 'Content-Length: 2', 'no'],
        '302': ['302 Found', 'Content-Length: 0', ''],
        '404 in chunks': ['404 Not Found', 'Transfer-Encoding: chunked', chunked('no', 'thing')],
        '426': ['426 Upgrade Required', 'Content-Length: 2', 'no'],
        '200': ['200 OK', 'Content-Length: 2', 'ok'],
        '503': ['503 Service Unavailable', 'Transfer-Encoding: chunked', chunked('later')],
      },
      async ({ ask, recover }, [status = '', framing = '', content = '']) => {
        const { client, exchange, response } = await ask(handshake)
        reached(exchange).send(
          head(`HTTP/1.1 ${status}`, framing, 'Location: /login', 'X-Origin: 1') + content,
        )
        readOn(reached(exchange))
        const received = answered(await response, Number(status.slice(0, 3)))
        const text = content.replace(/[0-9a-f]+\r\n|\r\n/g, '')
        equal(received.text, text, 'the content of the response')
        values(received, 'location', ['/login'], 'the response')
        values(received, 'x-origin', ['1'], 'the response')
        await recover(client)
      },
    ),
  },
  {
    id: 'UPG-06',
    rule: 'ours: a tunnel has two directions',
    level: 'MUST',
    needs: ['upgrade'],
    title: 'passes on the end of one direction after its last byte, and goes on relaying the other',
    run: {
      'the client ends first': async (stage) => {
        const { client, exchange } = await tunnel(stage)
        const { connection } = exchange
        client.send('bye')
        client.end()
        equal((await connection.take(3)).toString(), 'bye', 'the last bytes')
        inOrder(await connection.ended(), 'the upstream connection')
        connection.send('late')
        connection.end()
        equal((await client.take(4)).toString(), 'late', 'what the origin sent after that')
        await client.ended({ within: 2000 })
      },
      'the origin ends first': async (stage) => {
        const { client, exchange } = await tunnel(stage)
        const { connection } = exchange
        connection.send('bye')
        connection.end()
        equal((await client.take(3)).toString(), 'bye', 'the last bytes')
        inOrder(await client.ended(), 'the client connection')
        client.send('late')
        client.end()
        equal((await connection.take(4)).toString(), 'late', 'what the client sent after that')
        await connection.ended({ within: 2000 })
      },
    },
  },
  {
    id: 'UPG-07',
    rule: 'ours: a reset is the end of both directions',
    level: 'MUST',
    needs: ['upgrade'],
    title: 'survives resets at every stage of an upgrade, and closes the other side each time',
    deliveries: ['coalesced'],
    run: {
      'the client, before 101': (stage) =>
        twenty(async () => {
          const { client, exchange } = await stage.ask(handshake)
          client.reset()
          await reached(exchange).connection.ended()
          reached(exchange).connection.close()
        }),
      'the origin, before 101': (stage) =>
        twenty(async () => {
          const { client, exchange, response } = await stage.ask(handshake)
          reached(exchange).connection.reset()
          const answer = await response.catch((error) => {
            if (client.ending) return undefined
            throw error
          })
          check(!answer || answer.status >= 500, `the response is ${answer?.startLine}, not an error`)
          client.close()
        }),
      'the client, with 101 on its way': (stage) =>
        twenty(async () => {
          const { client, exchange } = await stage.ask(handshake)
          reached(exchange).send(switching + fromOrigin)
          client.reset()
          await reached(exchange).connection.ended()
        }),
      'the origin, right behind 101': (stage) =>
        twenty(async () => {
          const { client, exchange, response } = await stage.ask(handshake)
          await reached(exchange).send(switching)
          reached(exchange).connection.reset()
          await response.catch(() => undefined)
          await client.ended()
        }),
      'the client, in the tunnel': (stage) =>
        twenty(async () => {
          const { client, exchange } = await tunnel(stage)
          client.reset()
          await exchange.connection.ended()
        }),
      'the origin, in the tunnel': (stage) =>
        twenty(async () => {
          const { client, exchange } = await tunnel(stage)
          exchange.connection.reset()
          await client.ended()
        }),
    },
  },
  {
    id: 'UPG-08',
    rule: 'ours: a tunnel is a stream too',
    level: 'MUST',
    needs: ['upgrade'],
    title: 'holds back the sender in a tunnel when the receiver does not read',
    deliveries: ['coalesced'],
    alone: true,
    run: {
      'the origin': async (stage) => {
        const { client, exchange } = await tunnel(stage)
        client.pause()
        await heldBack(exchange.connection, () => exchange.send(piece, whole), 'the origin')
        exchange.connection.reset()
      },
      'the client': async (stage) => {
        const { client, exchange } = await tunnel(stage)
        exchange.connection.pause()
        await heldBack(client, () => client.send(piece, whole), 'the client')
        client.reset()
      },
    },
  },
  {
    id: 'UPG-09',
    rule: 'RFC 9110 §7.8',
    level: 'SHOULD',
    title: 'relays an upgrade to any protocol, or ignores the wish and serves the request',
    run: each({ foo: 'foo/2', 'a list': 'foo/2, websocket' }, async ({ ask }, protocol) => {
      const { client, exchange, response } = await ask(
        get('/upg', 'Connection: Upgrade', `Upgrade: ${protocol}`, 'X-A: 1'),
      )
      const { message, send } = reached(exchange)
      values(message, 'x-a', ['1'], atOrigin)
      const offered = message.all('upgrade').join(', ').split(/, */)
      if (!offered.includes('foo/2')) {
        send(reply('ok'))
        answered(await response, 200, 'ok')
        return
      }
      upgrades(message, 'foo/2', atOrigin)
      send(head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: foo/2'))
      upgrades(switched(await response), 'foo/2', 'the response')
      await bothWays(client, reached(exchange))
    }),
  },
  {
    id: 'UPG-10',
    rule: 'ours: RFC 9113 §3.1 has no such upgrade any more, and it would carry requests past every check',
    level: 'MUST',
    title: 'offers the origin no upgrade to cleartext HTTP/2',
    run: each(
      { h2c: 'h2c', 'in capitals': 'H2C', 'in a list': 'websocket, h2c', 'with another case': 'h2C, foo/2' },
      async ({ ask }, protocol) => {
        const settings = 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA'
        const { exchange, response } = await ask(
          get('/upg', 'Connection: Upgrade, HTTP2-Settings', `Upgrade: ${protocol}`, settings),
        )
        if (!exchange) {
          check((await response).status >= 400, `the response is ${(await response).startLine}`)
          return
        }
        const { message, send } = exchange
        send(reply('ok'))
        answered(await response, 200, 'ok')
        lacks(message, 'http2-settings', atOrigin)
        check(
          !/h2c/i.test(message.all('upgrade').join()),
          `${atOrigin} has Upgrade: ${message.get('upgrade')}`,
        )
      },
    ),
  },
  {
    id: 'UPG-11',
    rule: 'RFC 9110 §9.3.6',
    level: 'MUST',
    title: 'is no tunnel to anywhere: it refuses CONNECT, and dials nobody for it',
    run: each(
      { 'another host': '', 'its own origin': 'origin', 'no port': 'a.example', 'a path': '/upg' },
      async ({ connect, origin }, target) => {
        await using bystander = await startBystander()
        const authority = target === 'origin' ? origin.url.host : target || bystander.host
        const client = await connect()
        client.send(head(`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`))
        const response = await client.response({ to: 'CONNECT' })
        complete(response)
        check(response.status >= 400, `the response is ${response.startLine}, not a refusal`)
        equal(bystander.visits(), 0, 'the number of connections to the host that the request named')
        equal(origin.requests.length, 0, 'the number of requests at the origin')
      },
    ),
  },
  {
    id: 'UPG-12',
    rule: 'RFC 9110 §7.8',
    level: 'MUST',
    title: 'goes on reading HTTP after an upgrade that was refused, and tunnels nothing',
    run: each({ 426: '426', 200: '200', 400: '400' }, async ({ ask, pass, exchange }, status) => {
      const hop = ['Connection: X-Hop', 'X-Hop: 1'] as const
      const control = await exchange(get('/upg/control', ...hop), reply('ok'))
      const { client, exchange: first, response } = await ask(handshake)
      reached(first).send(`${head(`HTTP/1.1 ${status} No`, 'Content-Length: 2')}no`)
      answered(await response, Number(status), 'no')
      await pass(20)
      if (client.ending) return
      readOn(reached(first))
      const second = await exchange(get('/upg/next', ...hop), reply('next'), { client }).catch((error) => {
        if (client.ending) return undefined
        throw error
      })
      if (!second) return
      answered(second.response, 200, 'next')
      // Whether it should be there at all, HDR-01 says. A tunnel would let it through.
      equal(second.request.has('x-hop'), control.request.has('x-hop'), 'whether X-Hop is at the origin')
    }),
  },
  {
    id: 'UPG-13',
    rule: 'RFC 9110 §7.8',
    level: 'MUST',
    title: 'ignores Upgrade in an HTTP/1.0 request',
    async run({ ask }) {
      const { exchange, response } = await ask(head('GET /upg HTTP/1.0', 'Host: a', ...asking))
      const { message, send } = reached(exchange)
      lacks(message, 'upgrade', atOrigin)
      send(reply('ok'))
      answered(await response, 200, 'ok')
    },
  },
  {
    id: 'UPG-14',
    rule: 'RFC 9110 §7.8',
    level: 'MUST',
    title: 'delivers the content of a request that asks for an upgrade as content, before anything else',
    run: each(
      {
        'Content-Length': ['Content-Length: 5', 'hello'],
        chunked: ['Transfer-Encoding: chunked', chunked('hel', 'lo')],
        'Content-Length of zero': ['Content-Length: 0', ''],
      },
      async ({ ask }, [framing = '', content = '']) => {
        const { client, exchange, response } = await ask(
          head('POST /upg HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: foo/2', framing) + content,
        )
        if (!exchange) {
          const { status, startLine } = complete(await response)
          check(status >= 400, `it answered ${startLine} without asking the origin`)
          return
        }
        const request = complete(await exchange.done(), atOrigin)
        equal(request.text, framing === 'Content-Length: 0' ? '' : 'hello', 'the content at the origin')
        if (request.has('upgrade')) {
          exchange.send(head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: foo/2'))
          switched(await response)
          await bothWays(client, exchange)
        } else {
          exchange.send(reply('ok'))
          answered(await response, 200, 'ok')
        }
      },
    ),
  },
  {
    id: 'UPG-15',
    rule: 'ours: a tunnel carries bytes, not messages',
    level: 'MUST',
    needs: ['upgrade'],
    title: 'delivers every byte of a tunnel once and in order, both ways at the same time',
    async run(stage) {
      const { client, exchange } = await tunnel(stage)
      const bytes = Buffer.from(Array.from({ length: 300_000 }, () => Math.floor(stage.random() * 256)))
      client.send(bytes)
      exchange.send(bytes)
      const [there, back] = await Promise.all([
        exchange.connection.take(bytes.length, { within: 15_000 }),
        client.take(bytes.length, { within: 15_000 }),
      ])
      check(there.equals(bytes), 'the bytes that came to the origin are not those that were sent')
      check(back.equals(bytes), 'the bytes that came to the client are not those that were sent')
    },
  },
  {
    id: 'UPG-16',
    rule: 'ours: a live connection may be silent',
    level: 'MUST',
    needs: ['upgrade'],
    title: 'keeps a silent tunnel open however short the limits for HTTP are',
    setup: shortLimits,
    deliveries: ['coalesced'],
    async run(stage) {
      const { client, exchange } = await tunnel(stage)
      await stage.pass(1000)
      await bothWays(client, exchange)
    },
  },
  {
    id: 'UPG-17',
    rule: 'ours',
    level: 'SHOULD',
    needs: ['upgrade'],
    title: 'closes both sides of a tunnel that has been silent for as long as it is told to wait',
    setup: shortTunnel,
    deliveries: ['coalesced'],
    async run(stage) {
      const { client, exchange } = await tunnel(stage)
      // Longer than the limit in all, and never near it in silence.
      for (let round = 0; round < 5; round++) {
        await stage.pass(400)
        await bothWays(client, exchange)
      }
      await Promise.all([client.ended(), exchange.connection.ended()])
    },
  },
  {
    id: 'UPG-18',
    rule: 'RFC 9110 §7.8',
    level: 'MUST',
    title: 'answers 502 when the origin never agrees to an upgrade, and serves on',
    run: each({ reset: 'reset', closed: 'end' } as const, async ({ ask, recover, connect }, ending) => {
      const { client, exchange, response } = await ask(handshake)
      reached(exchange).connection[ending]()
      answered(await response, 502)
      await recover(client)
      await recover(await connect())
    }),
  },
  {
    id: 'UPG-19',
    rule: 'RFC 9112 §9.3.2, RFC 9110 §7.8',
    level: 'MUST',
    title: 'takes nothing for a request that is none behind an upgrade that it does not tunnel',
    run: each(
      {
        'with content': ['POST /upg/first HTTP/1.1', 'foo/2', 'Content-Length: 5', 'hello'],
        'with chunked content': [
          'POST /upg/first HTTP/1.1',
          'foo/2',
          'Transfer-Encoding: chunked',
          chunked('hello'),
        ],
        'without content': ['POST /upg/first HTTP/1.1', 'foo/2', 'Content-Length: 0', ''],
        'to h2c': ['GET /upg/first HTTP/1.1', 'h2c', 'X-A: 1', ''],
        'of HTTP/1.0': ['GET /upg/first HTTP/1.0', 'foo/2', 'X-A: 1', ''],
      },
      async ({ connect, origin }, [line = '', protocol = '', framing = '', content = '']) => {
        const hidden = get('/upg/hidden')
        const client = await connect()
        const first = head(
          line,
          'Host: a',
          'Connection: Upgrade, keep-alive',
          `Upgrade: ${protocol}`,
          framing,
        )
        // Its content comes with a read of its own.
        client.send(
          `${first}${content}${head('POST /upg/second HTTP/1.1', 'Host: a', `Content-Length: ${hidden.length}`)}`,
        )
        const serve = async (): Promise<void> => {
          const exchange = await origin.request()
          await exchange.done()
          readOn(exchange)
          exchange.send(reply('ok'))
        }
        await serve()
        answered(await client.response(), 200, 'ok')
        client.send(hidden)
        await Promise.race([serve(), client.ended({ within: 5000 })]).catch(() => {})
        for (const message of origin.requests)
          check(message.target !== '/upg/hidden', 'the content of the second request came as a request')
      },
    ),
  },
  {
    id: 'UPG-20',
    rule: 'ours: what nobody waits for is no tunnel',
    level: 'MUST',
    title:
      'gives up an upgrade whose client has left before the origin agreed, whatever the origin says then',
    deliveries: ['coalesced'],
    run: each(
      {
        'closed, and nothing comes': ['close', ''],
        'closed, and 101 comes': ['close', switching + fromOrigin],
        'reset, and 101 comes': ['reset', switching + fromOrigin],
        'closed, and an interim response comes': ['close', head('HTTP/1.1 103 Early Hints', 'Link: </a>')],
        'closed, and half a refusal comes': [
          'close',
          `${head('HTTP/1.1 404 Not Found', 'Content-Length: 9')}no`,
        ],
      } as const,
      (stage, [leave, said]) =>
        twenty(async () => {
          const { client, exchange } = await stage.ask(handshake)
          client[leave]()
          if (said !== '') reached(exchange).send(said)
          await reached(exchange).connection.ended()
          reached(exchange).connection.close()
        }),
    ),
  },
  {
    id: 'UPG-21',
    rule: 'RFC 9110 §7.8, RFC 9112 §2.2',
    level: 'MUST',
    title:
      'takes what comes behind an upgrade that was refused for no tunnel, and closes on what is no request',
    deliveries: ['coalesced'],
    run: each({ 404: '404 Not Found', 502: '502 Bad Gateway', 200: '200 OK' }, ({ ask, pass }, status) =>
      twenty(async () => {
        const { client, exchange, response } = await ask(handshake)
        const { connection, send } = reached(exchange)
        send(`${head(`HTTP/1.1 ${status}`, 'Content-Length: 2')}no`)
        answered(await response, Number(status.slice(0, 3)), 'no')
        client.send(`${fromClient}\r\n\r\n`)
        await client.ended()
        await pass(10)
        equal(connection.untaken.length, 0, 'the number of bytes at the origin after the refusal')
        connection.close()
      }),
    ),
  },
  {
    id: 'UPG-22',
    rule: 'RFC 9112 §9.3, §9.6',
    level: 'MUST',
    title: 'asks on no connection again to which less content of an upgrade has gone than was announced',
    deliveries: ['coalesced'],
    run: each({ 200: '200 OK', 403: '403 Forbidden' }, async ({ ask, connect, exchange, pass }, status) => {
      const {
        client,
        exchange: first,
        response,
      } = await ask(
        `${head('POST /upg HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: foo/2', 'Content-Length: 1000')}hello`,
      )
      // Who refuses it, or keeps it until it is whole, has sent no part of it.
      if (!first) return void (await response.catch(() => {}))
      await first.body(5)
      first.send(`${head(`HTTP/1.1 ${status}`, 'Content-Length: 5')}early`)
      // Who relays it after the request alone never does; that is another matter.
      await Promise.race([response.catch(() => {}), pass(500)])
      client.close()
      const second = await exchange(get('/upg/next'), reply('next'), { client: await connect() })
      answered(second.response, 200, 'next')
      equal(first.connection.requests.length, 1, 'the number of requests on the connection that was left')
    }),
  },
]

function reached(exchange: Exchange | undefined): Exchange {
  check(exchange !== undefined, 'it answered without asking the origin')
  return exchange
}

/** The harness stops reading requests at one that asks for an upgrade. */
function readOn({ message, connection }: Exchange): void {
  if (message.has('upgrade')) connection.readRequests()
}

function switched(response: Message): Message {
  check(response.status === 101, `the response is ${response.startLine || response}, not 101`)
  return response
}

function upgrades(message: Message, protocol: string, what: string): void {
  const offered = message.all('upgrade').join(', ').toLowerCase().split(/, */)
  check(
    offered.includes(protocol),
    `${what} has Upgrade: ${message.all('upgrade').join(' / ') || 'not at all'}`,
  )
  const options = message.all('connection').join(', ').toLowerCase().split(/, */)
  check(options.includes('upgrade'), `${what} has Connection: ${options.join(', ')}`)
}

async function tunnel({ ask }: Stage): Promise<{ client: Client; exchange: Exchange }> {
  const { client, exchange, response } = await ask(handshake)
  reached(exchange).send(switching)
  switched(await response)
  return { client, exchange: reached(exchange) }
}

async function bothWays(client: Client, { connection }: Exchange): Promise<void> {
  client.send('ping')
  equal((await connection.take(4)).toString('latin1'), 'ping', 'what came to the origin')
  connection.send('pong')
  equal((await client.take(4)).toString('latin1'), 'pong', 'what came to the client')
}

async function twenty(once: () => Promise<void>): Promise<void> {
  for (let count = 0; count < 20; count++) await once()
}
