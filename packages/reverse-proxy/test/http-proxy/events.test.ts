/** The events and methods of http-proxy-3 do the same there and here, for programs that were written for it. */

import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import { text } from 'node:stream/consumers'
import express from 'express'
import * as theirs from 'http-proxy-3'
import { createServer as createVite } from 'vite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import * as ours from '../../src/http-proxy.ts'
import { ask, type Library, listening, mounted, origin, type Server, tell, told } from './stage.ts'

const libraries: readonly [string, Library][] = [
  ['http-proxy-3', theirs],
  ['@relayrace/reverse-proxy/http-proxy', ours as unknown as Library],
]

/** Nobody listens there. */
const nowhere = 'http://127.0.0.1:1'

describe.each(libraries)('%s', (_name, { createProxyServer, ProxyServer }) => {
  test('has its functions as a default export as well', () => {
    const { default: Default } = (_name === 'http-proxy-3' ? theirs.default : ours) as unknown as {
      default: typeof ProxyServer
    }
    for (const one of [Default ?? ProxyServer, ProxyServer]) {
      expect(one.createProxyServer({ target: nowhere })).toBeInstanceOf(ProxyServer)
      expect(one.createServer({ target: nowhere })).toBeInstanceOf(ProxyServer)
      expect(one.createProxy({ target: nowhere })).toBeInstanceOf(ProxyServer)
    }
  })

  test('web without a target is an error', async () => {
    const proxy = createProxyServer()
    const failed = once(proxy, 'error').catch(([error]) => [error])
    const url = await mounted(proxy, (request, response) => {
      proxy.web(request, response)
      response.end()
    })
    proxy.on('error', () => {})
    await ask(url)
    expect(String(await failed)).toContain('Must set target or forward')
  })

  describe('listen', () => {
    const listened = (proxy: Server): URL => {
      proxy.listen(0)
      onTestFinished(() => proxy.close())
      return new URL(`http://127.0.0.1:${(proxy.address() as net.AddressInfo).port}`)
    }

    test('makes a server', async () => {
      const url = listened(createProxyServer({ target: await origin() }))
      expect((await told(new URL('/x', url))).url).toBe('/x')
    })

    test('with ws: true takes upgrades', async () => {
      const url = listened(createProxyServer({ target: await echoes(), ws: true }))
      expect(await said(url, 'hello')).toBe('hello')
    })

    test('close calls back', async () => {
      const proxy = createProxyServer({ target: await origin() }).listen(0)
      await new Promise<void>((resolve) => proxy.close(() => resolve()))
      expect(proxy.address() ?? null).toBeNull()
    })
  })

  test('start tells of a request before it is sent', async () => {
    const target = await origin()
    const proxy = createProxyServer({ target })
    const started = once(proxy, 'start')
    await ask(await mounted(proxy))
    expect(String((await started)[2])).toBe(`${target}/`)
  })

  describe('proxyReq', () => {
    test('may set, read and remove fields', async () => {
      const proxy = createProxyServer({ target: await origin() })
      proxy.on('proxyReq', (request) => {
        request.setHeader('X-Ours', `${request.getHeader('x-client')}, and ours`)
        request.removeHeader('X-Client')
        request.setHeader('X-Many', ['1', '2'])
      })
      const { headers } = await told(await mounted(proxy), { headers: { 'X-Client': 'theirs' } })
      expect(headers).toMatchObject({ 'x-ours': 'theirs, and ours', 'x-many': '1, 2' })
      expect(headers).not.toHaveProperty('x-client')
    })

    test('may change the path', async () => {
      const proxy = createProxyServer({ target: await origin() })
      proxy.on('proxyReq', (request) => {
        request.path += '?more'
      })
      expect((await told(new URL('/x', await mounted(proxy)))).url).toBe('/x?more')
    })

    test('may write content again that a parser has read', async () => {
      const proxy = createProxyServer({ target: await origin() })
      proxy.on('proxyReq', (request, incoming) => {
        const { body } = incoming as express.Request
        if (body === undefined) return
        const content = JSON.stringify(body)
        request.setHeader('Content-Length', Buffer.byteLength(content))
        request.write(content)
      })
      const app = express().use(express.json(), (request, response) => proxy.web(request, response))
      const url = await mounted(proxy, app)
      const headers = { 'Content-Type': 'application/json' }
      const { body, headers: sent } = await told(url, { method: 'POST', headers }, '{ "a": "é" }')
      expect(body).toBe('{"a":"é"}')
      expect(sent['content-length']).toBe('10')
    })
  })

  test('what was changed in req.headers and req.url before goes on', async () => {
    const proxy = createProxyServer({ target: await origin() })
    const url = await mounted(proxy, (request, response) => {
      request.headers['x-user'] = 'somebody'
      delete request.headers['x-client']
      request.url = (request.url as string).replace(/^\/api/, '')
      proxy.web(request, response)
    })
    const { url: path, headers } = await told(new URL('/api/x', url), { headers: { 'X-Client': 'a' } })
    expect(path).toBe('/x')
    expect(headers).toMatchObject({ 'x-user': 'somebody' })
    expect(headers).not.toHaveProperty('x-client')
  })

  test('an empty req.url is the path of the target', async () => {
    const proxy = createProxyServer({ target: `${await origin()}/base` })
    const url = await mounted(proxy, (request, response) => {
      request.url = (request.url as string).slice(1)
      proxy.web(request, response)
    })
    expect((await told(url)).url).toBe('/base')
    expect((await told(new URL('/?a', url))).url).toBe('/base?a')
  })

  describe('proxyRes', () => {
    test('may change status and fields', async () => {
      const target = await origin((_request, response) =>
        response.writeHead(200, { Server: 'a', 'X-A': 'a' }).end('content'),
      )
      const proxy = createProxyServer({ target })
      proxy.on('proxyRes', (answer, _request, response) => {
        answer.statusCode = 203
        answer.headers['x-a'] = 'b'
        delete answer.headers.server
        response.setHeader('X-Proxied-By', 'us')
      })
      const { status, headers, body } = await ask(await mounted(proxy))
      expect({ status, body }).toEqual({ status: 203, body: 'content' })
      expect(headers).toMatchObject({ 'x-a': 'b', 'x-proxied-by': 'us' })
      expect(headers).not.toHaveProperty('server')
    })

    test('may read along', async () => {
      const proxy = createProxyServer({
        target: await origin((_request, response) => response.end('content')),
      })
      const read = Promise.withResolvers<string>()
      proxy.on('proxyRes', (answer) => {
        let all = ''
        answer.on('data', (chunk) => (all += chunk))
        answer.on('end', () => read.resolve(all))
      })
      expect((await ask(await mounted(proxy))).body).toBe('content')
      expect(await read.promise).toBe('content')
    })

    test('may answer by itself', async () => {
      const proxy = createProxyServer({
        target: await origin((_request, response) => response.end('content')),
      })
      proxy.on('proxyRes', (_answer, _request, response) => {
        response.writeHead(403)
        response.end('ours')
      })
      expect(await ask(await mounted(proxy))).toMatchObject({ status: 403, body: 'ours' })
    })
  })

  test.each<[string, (proxy: Server, url: URL) => unknown]>([
    [
      'calls with ever other connections come',
      async (_, url) => {
        for (let i = 0; i < 70; i++) await ask(url)
      },
    ],
    ['the proxy is closed', (proxy) => proxy.close()],
  ])('what is under way goes on when %s', async (_, happens) => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    const target = await origin(async ({ url }, response) => {
      if (url === '/held') await released
      response.end('ok')
    })
    const proxy = createProxyServer({ target })
    const url = await mounted(proxy, (request, response) =>
      proxy.web(request, response, request.url === '/held' ? {} : { agent: new http.Agent() }),
    )
    const asked = once(proxy, 'start')
    const answer = ask(new URL('/held', url))
    await asked
    await happens(proxy, url)
    release()
    expect(await answer).toMatchObject({ status: 200, body: 'ok' })
  })

  test('end tells when the answer has come', async () => {
    const proxy = createProxyServer({ target: await origin() })
    const ended = once(proxy, 'end')
    await ask(await mounted(proxy))
    expect((await ended)[2]).toHaveProperty('complete', true)
  })

  describe('error', () => {
    test('is for its listener to answer', async () => {
      const proxy = createProxyServer({ target: nowhere })
      proxy.on('error', (error, _request, response) => {
        setImmediate(() =>
          (response as http.ServerResponse).writeHead(500).end((error as NodeJS.ErrnoException).code),
        )
      })
      expect(await ask(await mounted(proxy))).toMatchObject({ status: 500, body: 'ECONNREFUSED' })
    })

    test('is for the callback of a call instead', async () => {
      const proxy = createProxyServer({ target: nowhere })
      proxy.on('error', () => expect.unreachable())
      const url = await mounted(proxy, (request, response) =>
        proxy.web(request, response, {}, (error) =>
          response.writeHead(500).end((error as NodeJS.ErrnoException).code),
        ),
      )
      expect(await ask(url)).toMatchObject({ status: 500, body: 'ECONNREFUSED' })
    })

    test('may be answered by asking another target', async () => {
      const backup = await origin()
      const proxy = createProxyServer({ target: nowhere })
      proxy.once('error', (_error, request, response) =>
        proxy.web(request, response as http.ServerResponse, { target: backup }),
      )
      expect((await told(await mounted(proxy))).url).toBe('/')
    })

    test('is passed to next where web is a middleware', async () => {
      const proxy = createProxyServer({ target: nowhere })
      const app = express().use(proxy.web as express.RequestHandler)
      app.use(((error, _request, response, _next) =>
        response.status(503).end(error.code)) as express.ErrorRequestHandler)
      expect(await ask(await mounted(proxy, app))).toMatchObject({ status: 503, body: 'ECONNREFUSED' })
    })
  })

  test('econnreset tells of a client that has left', async () => {
    const asked = Promise.withResolvers<void>()
    const proxy = createProxyServer({ target: await origin(() => asked.resolve()) })
    const gone = once(proxy, 'econnreset')
    const { port } = await mounted(proxy)
    const client = net.connect(Number(port), '127.0.0.1')
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf')
    await asked.promise
    client.resetAndDestroy()
    expect((await gone)[0]).toMatchObject({ code: 'ECONNRESET' })
  })

  describe('ws', () => {
    test('carries a chat', async () => {
      const rooms = new WebSocketServer({ server: http.createServer() })
      rooms.on('connection', (one) => {
        one.on('message', (line, isBinary) => {
          for (const client of rooms.clients) client.send(line, { binary: isBinary })
        })
      })
      const target = `ws://127.0.0.1:${await listening(rooms.options.server as http.Server)}`
      const url = await mounted(createProxyServer({ target }))
      const [ann, bob] = await Promise.all([opened(url), opened(url)])
      const heard = once(bob, 'message')
      ann.send('hello')
      expect(String((await heard)[0])).toBe('hello')
      ann.close()
      bob.close()
      await once(bob, 'close')
    })

    test('proxyReqWs may set fields', async () => {
      const server = http.createServer()
      const asked = once(server, 'upgrade')
      const proxy = createProxyServer({ target: `http://127.0.0.1:${await listening(server)}` })
      proxy.on('proxyReqWs', (request) => request.setHeader('X-Ours', 'a'))
      proxy.on('error', () => {})
      const client = new WebSocket(await mounted(proxy))
      const failed = once(client, 'error')
      const [request, socket] = await asked
      expect(request.headers['x-ours']).toBe('a')
      socket.destroy()
      await failed
    })

    test('open and close tell of its beginning and its end', async () => {
      const proxy = createProxyServer({ target: await echoes() })
      const events = Promise.all([once(proxy, 'open'), once(proxy, 'close')])
      expect(await said(await mounted(proxy), 'hello')).toBe('hello')
      const [[socket], [answer, same]] = await events
      expect(socket).toBe(same)
      expect(answer.statusCode).toBe(101)
    })

    test('keeps every cookie of the answer', async () => {
      const server = http.createServer().on('upgrade', (_request, socket) => {
        socket.end(
          'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n',
        )
      })
      const url = await mounted(createProxyServer({ target: `http://127.0.0.1:${await listening(server)}` }))
      const [answer] = await once(http.get(url, upgrade), 'upgrade')
      expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2'])
      answer.socket.destroy()
    })

    test('passes an answer on that refuses', async () => {
      const url = await mounted(
        createProxyServer({ target: await origin((_, response) => response.writeHead(418).end('no')) }),
      )
      const [answer] = (await once(http.get(url, upgrade), 'response')) as [http.IncomingMessage]
      expect(answer.statusCode).toBe(418)
      expect(await text(answer)).toBe('no')
    })

    test('an error ends the connection, after its callback', async () => {
      const proxy = createProxyServer()
      const server = http.createServer()
      const failed = Promise.withResolvers<Error>()
      server.on('upgrade', (request, socket, head) =>
        proxy.ws(request, socket, head, { target: nowhere }, (error) => failed.resolve(error)),
      )
      const client = new WebSocket(`http://127.0.0.1:${await listening(server)}`)
      expect((await once(client, 'error'))[0]).toMatchObject({ code: 'ECONNRESET' })
      expect(await failed.promise).toMatchObject({ code: 'ECONNREFUSED' })
    })

    test('xfwd says which protocol it is', async () => {
      const server = http.createServer()
      const asked = once(server, 'upgrade')
      const proxy = createProxyServer({ target: `http://127.0.0.1:${await listening(server)}`, xfwd: true })
      proxy.on('error', () => {})
      const client = new WebSocket(await mounted(proxy))
      const failed = once(client, 'error')
      const [request, socket] = await asked
      expect(request.headers).toMatchObject({ 'x-forwarded-proto': 'ws', 'x-forwarded-for': '127.0.0.1' })
      socket.destroy()
      await failed
    })

    test('refuses what is no upgrade to WebSocket', async () => {
      const url = await mounted(createProxyServer({ target: nowhere }))
      const headers = { Connection: 'Upgrade', Upgrade: 'other' }
      await expect(once(http.get(url, { headers }), 'response')).rejects.toMatchObject({ code: 'ECONNRESET' })
    })
  })

  test('web takes requests of a server of node:http2', async () => {
    const proxy = createProxyServer({ target: await origin(), xfwd: true })
    const server = http2.createServer((request, response) => proxy.web(request as never, response as never))
    const client = http2.connect(`http://127.0.0.1:${await listening(server)}`)
    onTestFinished(() => client.destroy())
    const request = client.request({ ':method': 'POST', ':path': '/x', ':authority': 'a.example:1' })
    request.end('content')
    expect(JSON.parse(await text(request))).toMatchObject({
      url: '/x',
      body: 'content',
      headers: { 'x-forwarded-host': 'a.example:1', 'x-forwarded-port': '1' },
    })
  })

  test('a middleware that changes what is written sees all of it', async () => {
    const proxy = createProxyServer({
      target: await origin((_, response) => response.write('theirs') && response.end()),
    })
    const app = express().use((_request, response, next) => {
      const { write } = response
      response.write = ((chunk: Buffer) =>
        write.call(response, String(chunk).replace('theirs', 'ours') as never, 'utf8')) as never
      next()
    })
    app.use((request, response) => proxy.web(request, response))
    expect((await ask(await mounted(proxy, app))).body).toBe('ours')
  })

  test('stands in front of a development server of Vite, with its WebSocket', async () => {
    const vite = await createVite({
      configFile: false,
      root: import.meta.dirname,
      logLevel: 'silent',
      server: { host: '127.0.0.1', port: 0, strictPort: false },
      optimizeDeps: { noDiscovery: true },
    })
    onTestFinished(() => vite.close())
    await vite.listen()
    const { port } = (vite.httpServer as http.Server).address() as net.AddressInfo
    const url = await mounted(createProxyServer({ target: `http://127.0.0.1:${port}`, changeOrigin: true }))
    const client = await ask(new URL('/@vite/client', url))
    expect(client.status).toBe(200)
    const token = /wsToken = "([^"]+)"/.exec(client.body)?.[1]
    const socket = new WebSocket(new URL(`/?token=${token}`, url), 'vite-hmr')
    const [message] = await once(socket, 'message')
    expect(JSON.parse(String(message))).toEqual({ type: 'connected' })
    socket.close()
    await once(socket, 'close')
  }, 30_000)

  test('is a plugin of Vite for requests and WebSockets below /api', async () => {
    const proxy = createProxyServer({ target: await echoes(), changeOrigin: true })
    const vite = await createVite({
      configFile: false,
      root: import.meta.dirname,
      logLevel: 'silent',
      server: { host: '127.0.0.1', port: 0, strictPort: false },
      optimizeDeps: { noDiscovery: true },
      plugins: [
        {
          name: 'api',
          configureServer({ middlewares, httpServer }) {
            middlewares.use('/api', (request, response) => proxy.web(request, response))
            httpServer?.on('upgrade', (request, socket, head) => {
              if (request.url?.startsWith('/api')) proxy.ws(request, socket as net.Socket, head)
            })
          },
        },
      ],
    })
    onTestFinished(() => vite.close())
    await vite.listen()
    const { port } = (vite.httpServer as http.Server).address() as net.AddressInfo
    const url = new URL(`http://127.0.0.1:${port}`)
    expect(JSON.parse((await ask(new URL('/api/users?a=b', url))).body)).toMatchObject({ url: '/users?a=b' })
    expect((await ask(new URL('/@vite/client', url))).status).toBe(200)
    const socket = new WebSocket(new URL('/api/chat', url))
    await once(socket, 'open')
    socket.send('hello')
    expect(String((await once(socket, 'message'))[0])).toBe('hello')
    socket.close()
    await once(socket, 'close')
  }, 30_000)
})

const upgrade = { headers: { Connection: 'Upgrade', Upgrade: 'websocket' } }

/** Says what it hears. */
async function echoes(): Promise<string> {
  const server = http.createServer(tell)
  new WebSocketServer({ server }).on('connection', (one) =>
    one.on('message', (data) => one.send(String(data))),
  )
  return `http://127.0.0.1:${await listening(server)}`
}

async function opened(url: URL): Promise<WebSocket> {
  const client = new WebSocket(url)
  await once(client, 'open')
  return client
}

/** What comes back, after which it is closed. */
async function said(url: URL, line: string): Promise<string> {
  const client = await opened(url)
  client.send(line)
  const [answer] = await once(client, 'message')
  client.close()
  await once(client, 'close')
  return String(answer)
}
