/** Where the proxy server differs from http-proxy-3, and that it does. */

import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { connect, startOrigin } from '@relayrace/fixtures/wire'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createProxyServer, numOpenSockets, type ServerOptions } from '../../src/http-proxy.ts'
import { ask, listening, mounted, origin, type Server, told } from './stage.ts'

const nowhere = 'http://127.0.0.1:1'

const before = (options: ServerOptions, web?: http.RequestListener): Promise<URL> =>
  mounted(createProxyServer(options) as unknown as Server, web)

describe('a TypeError at once says what to do instead of', () => {
  class Other extends http.Agent {}
  test.each<[string, object, RegExp]>([
    ['fetch', { fetch }, /fetch is not kept.*@relayrace\/fetch-proxy/],
    ['fetchOptions', { fetchOptions: {} }, /fetchOptions is not kept.*@relayrace\/fetch-proxy/],
    ['an agent that dials by itself', { agent: new Other() }, /agent has to be a plain http\.Agent/],
    ['an option that nobody knows', { changeOrign: true }, /Unknown option changeOrign.*mean changeOrigin/],
    ['an option of another type', { xfwd: 'yes' }, /xfwd has to be a boolean/],
    ['a time that is none', { proxyTimeout: -1 }, /proxyTimeout has to be zero or more/],
    [
      'a target that is no URL',
      { target: 'localhost:9000' },
      /target has to be an http:, https:, ws: or wss: URL/,
    ],
    ['a target with credentials', { target: 'http://a:b@c' }, /give them as auth/],
    ['a target without a host', { target: { port: 1 } }, /target has no host/],
    ['secureProtocol', { target: { host: 'a', secureProtocol: 'TLSv1_method' } }, /set ssl\.minVersion/],
  ])('%s', (_what, options, message) => {
    expect(() => createProxyServer(options as ServerOptions)).toThrow(message)
    expect(() => createProxyServer(options as ServerOptions)).toThrow(TypeError)
  })

  test.each(['before', 'after'] as const)('%s', (method) => {
    expect(() => createProxyServer()[method]('web', 'stream')).toThrow(/There is no pass stream.*proxyReq/)
  })
})

test('without a listener of errors the client is told 502, and the process lives', async () => {
  expect(await ask(await before({ target: nowhere }))).toMatchObject({ status: 502 })
})

test('without a listener of errors an upgrade is told 502', async () => {
  const headers = { Connection: 'Upgrade', Upgrade: 'websocket' }
  const [answer] = await once(http.get(await before({ target: nowhere }), { headers }), 'response')
  expect(answer.statusCode).toBe(502)
})

test('a listener for one error leaves the next one to the gateway', async () => {
  const proxy = createProxyServer({ target: nowhere })
  proxy.once('error', (error, _request, response) => (response as http.ServerResponse).end(error.message))
  const url = await mounted(proxy as unknown as Server, (request, response) => {
    proxy.web(request, response)
  })
  expect(await ask(url)).toMatchObject({ status: 200 })
  expect(await ask(url)).toMatchObject({ status: 502 })
})

test('two errors at once and a listener for one of them end no process', async () => {
  const failing = Promise.withResolvers<void>()
  const target = `http://127.0.0.1:${await listening(net.createServer((socket) => void failing.promise.then(() => socket.destroy())))}`
  const proxy = createProxyServer({ target })
  let asked = 0
  proxy.on('proxyReq', () => {
    if (++asked === 2) failing.resolve()
  })
  proxy.once('error', (_error, _request, response) => (response as http.ServerResponse).writeHead(500).end())
  const url = await mounted(proxy as unknown as Server, (request, response) => proxy.web(request, response))
  const results = await Promise.allSettled([ask(url), ask(url)])
  expect(results).toContainEqual({ status: 'fulfilled', value: expect.objectContaining({ status: 500 }) })
})

test('an upstream that breaks off is seen by the client, and told to the listener', async () => {
  const target = await origin((_request, response) => {
    response.write('half')
    setImmediate(() => response.destroy())
  })
  const proxy = createProxyServer({ target })
  const failed = Promise.withResolvers<Error>()
  proxy.on('error', (error) => failed.resolve(error))
  await expect(ask(await mounted(proxy as unknown as Server))).rejects.toThrow(/aborted|hang up/)
  expect(await failed.promise).toMatchObject({ code: 'ECONNRESET' })
})

test('proxyReq is emitted for a request with Expect too', async () => {
  const proxy = createProxyServer({ target: await origin() })
  proxy.on('proxyReq', (request) => request.setHeader('X-Ours', 'a'))
  const url = await mounted(proxy as unknown as Server)
  const { headers } = await told(url, { method: 'POST', headers: { Expect: '100-continue' } }, 'content')
  expect(headers['x-ours']).toBe('a')
})

test('a request that two could read differently is refused, whatever listeners there are', async () => {
  const proxy = createProxyServer({ target: await origin() })
  proxy.on('error', () => expect.unreachable())
  const client = await connect(await mounted(proxy as unknown as Server))
  onTestFinished(() => client.close())
  client.send('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n')
  expect((await client.response()).status).toBe(400)
})

test('DELETE keeps the content that it has', async () => {
  const url = await before({ target: await origin() })
  expect(
    (await told(url, { method: 'DELETE', headers: { 'Transfer-Encoding': 'chunked' } }, 'content')).body,
  ).toBe('content')
})

test('paths are passed on byte for byte', async () => {
  const upstream = await startOrigin()
  onTestFinished(() => upstream[Symbol.asyncDispose]())
  const client = await connect(await before({ target: upstream.url.href }))
  onTestFinished(() => client.close())
  client.send('GET /a/../b?{} HTTP/1.1\r\nHost: a\r\n\r\n')
  const { message } = await upstream.request()
  expect(message.target).toBe('/a/../b?{}')
})

test('dot segments that would lead out of the path of a target are refused', async () => {
  const client = await connect(await before({ target: `${await origin()}/base` }))
  onTestFinished(() => client.close())
  client.send('GET /../other HTTP/1.1\r\nHost: a\r\n\r\n')
  expect((await client.response()).status).toBe(400)
})

test('upstream connections are kept alive', async () => {
  const ports = new Set<number | undefined>()
  const url = await before({
    target: await origin(({ socket }, response) => {
      ports.add(socket.remotePort)
      response.end()
    }),
  })
  await ask(url)
  await ask(url)
  expect(ports.size).toBe(1)
})

test('content that is longer than the request says does not become another request', async () => {
  const asked: string[] = []
  const target = await origin((request, response) => {
    asked.push(request.url as string)
    request.resume().on('end', () => response.end())
  })
  const proxy = createProxyServer({ target })
  const url = await mounted(proxy as unknown as Server, (request, response) => {
    request.resume()
    proxy.web(request, response, {
      buffer: Readable.from([Buffer.from('abGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n')]),
    })
  })
  await ask(url, { method: 'POST', headers: { 'Content-Length': 2 } }, 'ab').catch(() => {})
  await ask(url, { method: 'POST', headers: { 'Content-Length': 2 } }, 'ab').catch(() => {})
  expect(asked).not.toContain('/smuggled')
})

test('content that has been read and is not written again is an error, and no hanging request', async () => {
  const proxy = createProxyServer({ target: await origin() })
  const url = await mounted(proxy as unknown as Server, async (request, response) => {
    await request.toArray()
    proxy.web(request, response, {}, (error) => response.end(error.message))
  })
  expect((await ask(url, { method: 'POST' }, 'content')).body).toMatch(/has been read already/)
})

test('redirects of requests with content are passed on, not followed', async () => {
  const target = await origin((_request, response) => response.writeHead(307, { Location: '/there' }).end())
  expect(await ask(await before({ target, followRedirects: true }), { method: 'POST' }, 'a')).toMatchObject({
    status: 307,
  })
})

test('numOpenSockets is zero again when an upgrade has ended', async () => {
  const server = http.createServer().on('upgrade', (_request, socket) => {
    socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
  })
  const url = await before({ target: `http://127.0.0.1:${await listening(server)}` })
  const headers = { Connection: 'Upgrade', Upgrade: 'websocket' }
  const [, socket] = (await once(http.get(url, { headers }), 'upgrade')) as [unknown, net.Socket]
  expect(numOpenSockets()).toBeGreaterThan(0)
  socket.end()
  await expect.poll(numOpenSockets).toBe(0)
})

test('target may be a function that chooses for each request, as later versions have it', async () => {
  const [a, b] = [
    await origin((_, response) => response.end('a')),
    await origin((_, response) => response.end('b')),
  ]
  const url = await before({ target: (request) => (request.url === '/a' ? (a as string) : (b as string)) })
  expect((await ask(new URL('/a', url))).body).toBe('a')
  expect((await ask(new URL('/b', url))).body).toBe('b')
})

test('a target that a function fails to choose is an error', () => {
  const failed: Error[] = []
  const proxy = createProxyServer({
    target: () => {
      throw new Error('none')
    },
  })
  proxy.web({} as never, {} as never, (error) => failed.push(error))
  expect(failed).toMatchObject([{ message: 'none' }])
})

test('Host over HTTP/2 is what :authority says', async () => {
  const proxy = createProxyServer({ target: await origin() })
  const server = http2.createServer((request, response) => proxy.web(request as never, response as never))
  const client = http2.connect(`http://127.0.0.1:${await listening(server)}`)
  onTestFinished(() => client.destroy())
  const request = client.request({ ':path': '/x', ':authority': 'a.example:1' })
  expect(JSON.parse(await text(request)).headers.host).toBe('a.example:1')
})

test('forward copies requests over HTTP/2 as well', async () => {
  const copied = Promise.withResolvers<string>()
  const forward = await origin(async (request) => copied.resolve(`${request.method} ${await text(request)}`))
  const proxy = createProxyServer({ target: await origin(), forward })
  const server = http2.createServer((request, response) => proxy.web(request as never, response as never))
  const client = http2.connect(`http://127.0.0.1:${await listening(server)}`)
  onTestFinished(() => client.destroy())
  const request = client.request({ ':method': 'POST', ':path': '/' })
  request.end('content')
  expect(JSON.parse(await text(request)).body).toBe('content')
  expect(await copied.promise).toBe('POST content')
})
