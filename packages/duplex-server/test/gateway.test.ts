import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Client, connect, type Origin, startOrigin } from '@relayrace/fixtures/wire'
import type { GatewayOptions } from '@relayrace/gateway'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createDuplexGateway, createDuplexServer, type DuplexHandler } from '../src/index.ts'
import { pair } from './sockets.ts'

const head = (start: string, ...fields: string[]): string => `${[start, ...fields].join('\r\n')}\r\n\r\n`
const chunks = (...pieces: string[]): string =>
  pieces.map((piece) => `${piece.length.toString(16)};x=y\r\n${piece}\r\n`).join('')

async function stage(options: Partial<GatewayOptions> = {}) {
  const origin: Origin = await startOrigin()
  onTestFinished(() => origin[Symbol.asyncDispose]())
  const gateway = createDuplexGateway({ upstream: origin.url, ...options })
  onTestFinished(() => gateway.close(0))
  const { url } = await gateway.listen()
  const client: Client = await connect(url)
  onTestFinished(() => client.close())
  return { origin, gateway, client, url }
}

/** Until something else has happened meanwhile. */
const later = async (): Promise<void> => {
  for (let turns = 0; turns < 10; turns++) await nextTurn()
}

test('close() waits for no socket that was gone before it was handed over', async () => {
  const { gateway } = await stage()
  const { near, far } = await pair()
  onTestFinished(() => void far.destroy())
  near.destroy()
  await once(near, 'close')
  gateway.accept(near)
  await gateway.close(60_000)
  expect(gateway.inFlight).toBe(0)
})

describe('a hook that takes its time', () => {
  test('has no say in the answer to another attempt', async () => {
    const { promise: first, resolve: letGo } = Promise.withResolvers<void>()
    let calls = 0
    const { origin, client } = await stage({
      transport: (_, next) => next().catch(() => next()),
      modifyResponse: () => (++calls === 1 ? first : undefined),
    })
    client.send(head('GET / HTTP/1.1', 'Host: a'))
    const { send, connection } = await origin.request()
    await send(head('HTTP/1.1 201 First', 'Content-Length: 10'))
    await expect.poll(() => calls).toBe(1)
    connection.reset()
    const second = await origin.request()
    letGo()
    await later()
    second.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 2')}ok`)
    const response = await client.response()
    expect([response.status, response.text]).toEqual([200, 'ok'])
  })

  test.each([
    ['in one write', true],
    ['after the head', false],
  ])('changes nothing of a chunked response that came %s', async (_, together) => {
    const { origin, client } = await stage({ modifyResponse: later })
    client.send(head('GET / HTTP/1.1', 'Host: a'))
    const exchange = await origin.request()
    const start = head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')
    if (together) exchange.send(`${start}${chunks('hello', ' world')}0\r\n\r\n`)
    else {
      await exchange.send(start)
      exchange.send(`${chunks('hello', ' world')}0\r\n\r\n`)
    }
    const response = await client.response()
    expect([response.verdict, response.text]).toEqual(['complete', 'hello world'])
  })

  test.each([
    ['in one write', true],
    ['after the head', false],
  ])('changes nothing of a chunked request that came %s', async (_, together) => {
    const { origin, client } = await stage({ rewrite: later })
    const start = head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')
    for (let times = 0; times < 2; times++) {
      if (together) client.send(`${start}${chunks('hello', ' world')}0\r\n\r\n`)
      else {
        await client.send(start)
        client.send(`${chunks('hello', ' world')}0\r\n\r\n`)
      }
      const exchange = await origin.request()
      const request = await exchange.done()
      expect([request.verdict, request.text]).toEqual(['complete', 'hello world'])
      exchange.send(head('HTTP/1.1 200 OK', 'Content-Length: 0'))
      expect((await client.response()).status).toBe(200)
    }
  })
})

describe('a hook that makes up what cannot be sent', () => {
  test.each([
    ['a field of a reply', { status: 502, fields: { 'X-Bad': 'a\r\nSet-Cookie: b' } }],
    ['a status of a reply', { status: 20 }],
  ])('costs the exchange, not the process: %s', async (_, reply) => {
    const { origin, client, gateway } = await stage({ onError: () => reply })
    client.send(head('GET / HTTP/1.1', 'Host: a'))
    ;(await origin.request()).connection.reset()
    const response = await client.response()
    expect([response.verdict, response.status, response.has('set-cookie')]).toEqual(['complete', 502, false])
    expect(gateway.inFlight).toBe(0)
  })

  test('costs the exchange, not the process: a reason', async () => {
    const { origin, client } = await stage({
      modifyResponse(response) {
        response.reason = 'OK\r\nSet-Cookie: a=b'
      },
    })
    client.send(head('GET / HTTP/1.1', 'Host: a'))
    ;(await origin.request()).send(head('HTTP/1.1 200 OK', 'Content-Length: 0'))
    const response = await client.response()
    expect([response.verdict, response.status, response.has('set-cookie')]).toEqual(['complete', 502, false])
  })

  test('costs the exchange, not the process: a method', async () => {
    const { origin, client } = await stage({
      rewrite(out) {
        out.method = 'GET /admin HTTP/1.1\r\nX: '
      },
    })
    client.send(head('GET / HTTP/1.1', 'Host: a'))
    expect((await client.response()).status).toBe(500)
    expect(origin.requests).toEqual([])
  })
})

describe('what follows a request that is refused', () => {
  test.each([
    ['CONNECT', head('CONNECT evil.example:443 HTTP/1.1', 'Host: evil.example'), 501],
    ['an unknown transfer coding', head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: gzip'), 501],
    ['two lengths', head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 1', 'Content-Length: 2'), 400],
    ['U+00A0 around a coding', head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked\xa0'), 501],
    ['U+00A0 around a length', head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 5\xa0'), 400],
    ['a bare LF', 'GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n', 400],
  ])('never gets to the origin: %s', async (_, request, status) => {
    const { origin, client } = await stage()
    client.send(`${request}${head('GET /smuggled HTTP/1.1', 'Host: a')}`)
    expect((await client.response()).status).toBe(status)
    await client.ended()
    expect(client.untaken.toString()).toBe('')
    expect(origin.requests).toEqual([])
  })
})

test('one Content-Length goes on, to HEAD and in a 304 as well', async () => {
  const { origin, client } = await stage()
  for (const [method, status] of [
    ['HEAD', 200],
    ['GET', 304],
  ] as const) {
    client.send(head(`${method} / HTTP/1.1`, 'Host: a'))
    ;(await origin.request()).send(head(`HTTP/1.1 ${status} X`, 'Content-Length: 05', 'Content-Length: 5, 5'))
    expect((await client.response({ to: method })).all('content-length')).toEqual(['5'])
  }
})

test.each([
  ['interim', 'HTTP/1.1 103 Early Hints'],
  ['final', 'HTTP/1.1 304 Not Modified'],
])('a response without content whose framing fields make no sense is 502: %s', async (_, start) => {
  const { origin, client } = await stage()
  client.send(head('GET / HTTP/1.1', 'Host: a'))
  ;(await origin.request()).send(head(start, 'Content-Length: 3', 'Transfer-Encoding: chunked'))
  expect((await client.response()).status).toBe(502)
  expect(client.informational).toEqual([])
})

test('closing ends in spite of a client that does not take its answer', async () => {
  const { origin, client, gateway } = await stage()
  client.pause()
  client.send(head('GET / HTTP/1.1', 'Host: a'))
  const exchange = await origin.request()
  const size = 64 * 2 ** 20
  void exchange.send(head('HTTP/1.1 200 OK', `Content-Length: ${size}`))
  void exchange.send(Buffer.alloc(size))
  await gateway.close(0)
  expect(gateway.inFlight).toBe(0)
  await exchange.connection.closed
})

describe('a request whose content turns out to be malformed', () => {
  const begun = `${head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')}${chunks('hello')}`

  test('is 400 while nothing of an answer is out, and the last on its connection', async () => {
    const { origin, client, gateway } = await stage()
    client.send(begun)
    const exchange = await origin.request()
    client.send(`no size\r\n${head('GET /next HTTP/1.1', 'Host: a')}`)
    const response = await client.response()
    expect([response.verdict, response.status]).toEqual(['complete', 400])
    expect(response.get('connection')).toBe('close')
    await client.ended()
    await exchange.connection.ended()
    expect(gateway.inFlight).toBe(0)
  })

  test('is seen to break when the answer has begun', async () => {
    const { origin, client } = await stage()
    client.send(begun)
    const exchange = await origin.request()
    await exchange.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}12345`)
    const response = await client.responding()
    await response.body(5)
    client.send('no size\r\n')
    expect((await response.done()).verdict).toBe('incomplete')
  })

  test('is 400 from a server of its own as well, and its handler learns that there is no more', async () => {
    const { promise: learned, resolve } = Promise.withResolvers<unknown>()
    const server = createDuplexServer(async (request) => {
      try {
        for await (const piece of request) expect(String(piece)).toBe('hello')
      } catch (error) {
        resolve(error)
      }
    })
    onTestFinished(() => server.close(0))
    const { url } = await server.listen()
    const client = await connect(url)
    onTestFinished(() => client.close())
    client.send(begun)
    client.send('no size\r\n')
    const response = await client.response()
    expect([response.verdict, response.status]).toEqual(['complete', 400])
    expect(await learned).toMatchObject({ type: 'http_request_error', phase: 'requestBody' })
    await client.ended()
    expect(server.inFlight).toBe(0)
  })
})

test('a server of its own refuses a request without a Host', async () => {
  const server = createDuplexServer((_, response) => response.end('never'))
  onTestFinished(() => server.close(0))
  const { url } = await server.listen()
  const client = await connect(url)
  onTestFinished(() => client.close())
  client.send(head('GET / HTTP/1.1'))
  const response = await client.response()
  expect([response.verdict, response.status]).toEqual(['complete', 400])
  await client.ended()
})

/** A server of its own, and a client. */
async function serverStage(...[handler, options]: Parameters<typeof createDuplexServer>) {
  const server = createDuplexServer(handler, options)
  onTestFinished(() => server.close(0))
  const { url } = await server.listen()
  const client = await connect(url)
  onTestFinished(() => client.close())
  return { server, client }
}

test('a server of its own ends connections that speak another protocol when its grace is over', async () => {
  const { server, client } = await serverStage((_, response) => {
    response.switchProtocols()
  })
  client.send(head('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: echo'))
  await client.response()
  await server.close(100)
  await client.ended()
})

describe('a server of its own changes the protocol', () => {
  test.each<[string, DuplexHandler]>([
    [
      'twice',
      (_, response) => {
        response.switchProtocols()
        response.switchProtocols()
      },
    ],
    [
      'of a response that has ended',
      (_, response) => {
        response.end('ok')
        response.switchProtocols()
      },
    ],
  ])('not %s: that is an error', async (_, handler) => {
    const failed = Promise.withResolvers<unknown>()
    const { client } = await serverStage(handler, { onError: failed.resolve })
    client.send(head('GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: echo'))
    expect(String(await failed.promise)).toContain('too late')
  })

  test('not for a client that has not asked for it (RFC 9110 §7.8): 500', async () => {
    const { client } = await serverStage((_, response) => void response.switchProtocols(), {
      onError: () => {},
    })
    client.send(head('GET / HTTP/1.1', 'Host: a'))
    expect((await client.response()).status).toBe(500)
  })
})

test('a server of its own pulls nothing more of a source when HEAD has its answer', async () => {
  let pulled = 0
  const ended = Promise.withResolvers<void>()
  const { client } = await serverStage((_, response) =>
    response.send(
      (function* () {
        try {
          while (pulled++ < 100) yield 'more'
        } finally {
          ended.resolve()
        }
      })(),
    ),
  )
  client.send(head('HEAD / HTTP/1.1', 'Host: a'))
  expect((await client.response({ to: 'HEAD' })).status).toBe(200)
  await ended.promise
  expect(pulled).toBe(1)
})

test('a server of its own waits no longer than requestBody for content that its handler still reads', async () => {
  const { client } = await serverStage(
    (request, response) => {
      request.stream().resume()
      return response.end('ok')
    },
    { timeouts: { requestBody: 200 } },
  )
  client.send(head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 10'))
  expect((await client.response()).text).toBe('ok')
  await client.ended()
})

describe('a final answer to a client that waits for 100', () => {
  test.each(['Content-Length: 5', 'Transfer-Encoding: chunked'])(
    'ends the connection, and says so: %s',
    async (framing) => {
      const { origin, client } = await stage()
      client.send(head('POST / HTTP/1.1', 'Host: a', 'Expect: 100-continue', framing))
      const { send } = await origin.request()
      await send(head('HTTP/1.1 417 No', 'Content-Length: 0'))
      const response = await client.response()
      expect([response.status, response.get('connection')]).toEqual([417, 'close'])
      await client.ended()
    },
  )

  test('is no such end when it has been told to go on', async () => {
    const { origin, client } = await stage()
    client.send(head('POST / HTTP/1.1', 'Host: a', 'Expect: 100-continue', 'Content-Length: 5'))
    const exchange = await origin.request()
    await exchange.send(head('HTTP/1.1 100 Continue'))
    await client.interim(1)
    await client.send('hello')
    await exchange.done()
    await exchange.send(head('HTTP/1.1 200 OK', 'Content-Length: 0'))
    const response = await client.response()
    expect([response.status, response.get('connection')]).toEqual([200, undefined])
  })

  test('from a server of its own ends the connection as well', async () => {
    const { client } = await serverStage((_, response) => response.writeHead(403).end())
    client.send(head('POST / HTTP/1.1', 'Host: a', 'Expect: 100-continue', 'Content-Length: 5'))
    const response = await client.response()
    expect([response.status, response.get('connection')]).toEqual([403, 'close'])
  })
})

test.each([
  ['Did you mean timeouts?', { timeots: {} }],
  ['Did you mean timeouts.idle?', { timeouts: { idel: 1 } }],
  ['limits.connections must be a number', { limits: { connections: '5' } }],
])('createDuplexServer refuses an option that makes no sense: %s', (message, options) => {
  expect(() => createDuplexServer(() => {}, options as never)).toThrow(message)
})
