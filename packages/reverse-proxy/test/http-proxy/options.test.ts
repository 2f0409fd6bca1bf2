/** Each option of http-proxy-3 does the same there and here. */

import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { certificates } from '@relayrace/fixtures/certificates'
import * as theirs from 'http-proxy-3'
import { describe, expect, onTestFinished, test } from 'vitest'
import * as ours from '../../src/http-proxy.ts'
import { ask, type Library, listening, mounted, type Options, origin, tell, told } from './stage.ts'

const libraries: readonly [string, Library][] = [
  ['http-proxy-3', theirs],
  ['@relayrace/reverse-proxy/http-proxy', ours as unknown as Library],
]

describe.each(libraries)('%s', (_name, { createProxyServer }) => {
  const before = async (options: Options): Promise<URL> => mounted(createProxyServer(options))

  describe('target', () => {
    test('puts its path and query before those of the request', async () => {
      const url = await before({ target: `${await origin()}/base/?a=1` })
      expect((await told(new URL('/x?b=2', url))).url).toBe('/base/x?a=1&b=2')
    })

    test('may be an object with host and port', async () => {
      const { hostname, port } = new URL(await origin())
      const url = await before({ target: { host: hostname, port: Number(port) } })
      expect((await told(new URL('/x', url))).url).toBe('/x')
    })

    test('may be a Unix domain socket', async () => {
      const server = http.createServer(tell)
      const socketPath = `\0relayrace-${crypto.randomUUID()}`
      server.listen(socketPath)
      await once(server, 'listening')
      const url = await before({ target: { socketPath, host: 'localhost', port: 0 } as never })
      expect((await told(new URL('/x', url))).url).toBe('/x')
      server.closeAllConnections()
      server.close()
    })

    test('of a call goes before that of the proxy', async () => {
      const proxy = createProxyServer({ target: 'http://127.0.0.1:1' })
      const target = await origin()
      const url = await mounted(proxy, (request, response) => proxy.web(request, response, { target }))
      expect((await told(url)).url).toBe('/')
    })

    test('leaves two slashes two', async () => {
      const url = await before({ target: await origin() })
      expect((await told(`${url.origin}//a///b`)).url).toBe('//a///b')
    })
  })

  test('prependPath: false leaves the path of the target out', async () => {
    const url = await before({ target: `${await origin()}/base`, prependPath: false })
    expect((await told(new URL('/x', url))).url).toBe('/x')
  })

  test('ignorePath leaves the path of the request out', async () => {
    const url = await before({ target: `${await origin()}/base?a=1`, ignorePath: true })
    expect((await told(new URL('/x?b=2', url))).url).toBe('/base?a=1')
  })

  test('toProxy passes a target in absolute form on', async () => {
    const url = await before({ target: await origin(), toProxy: true })
    expect((await told(url, { path: 'http://example.com/x' })).url).toBe('/http://example.com/x')
  })

  describe('changeOrigin', () => {
    test('replaces Host by that of the target', async () => {
      const target = await origin()
      const url = await before({ target, changeOrigin: true })
      expect((await told(url)).headers.host).toBe(new URL(target).host)
    })

    test('left out leaves Host as it came', async () => {
      const url = await before({ target: await origin() })
      expect((await told(url)).headers.host).toBe(url.host)
    })
  })

  describe('xfwd', () => {
    test('says who the client is', async () => {
      const url = await before({ target: await origin(), xfwd: true })
      expect((await told(url)).headers).toMatchObject({
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-port': url.port,
        'x-forwarded-proto': 'http',
        'x-forwarded-host': url.host,
      })
    })

    test('adds to what those in front have said', async () => {
      const url = await before({ target: await origin(), xfwd: true })
      const headers = { 'X-Forwarded-For': '192.0.2.1', 'X-Forwarded-Host': 'a.example' }
      expect((await told(url, { headers })).headers).toMatchObject({
        'x-forwarded-for': '192.0.2.1,127.0.0.1',
        'x-forwarded-host': 'a.example',
      })
    })

    test('left out passes on what those in front have said', async () => {
      const url = await before({ target: await origin() })
      const headers = { 'X-Forwarded-For': '192.0.2.1', 'X-Real-IP': '192.0.2.1' }
      expect((await told(url, { headers })).headers).toMatchObject({
        'x-forwarded-for': '192.0.2.1',
        'x-real-ip': '192.0.2.1',
      })
    })
  })

  test('headers go instead of those that came', async () => {
    const url = await before({ target: await origin(), headers: { 'X-A': 'ours', 'X-B': ['1', '2'] } })
    expect((await told(url, { headers: { 'X-A': 'client' } })).headers).toMatchObject({
      'x-a': 'ours',
      'x-b': '1, 2',
    })
  })

  test('auth becomes Authorization', async () => {
    const url = await before({ target: await origin(), auth: 'user:pass' })
    const headers = { Authorization: 'Bearer a' }
    expect((await told(url, { headers })).headers.authorization).toBe(`Basic ${btoa('user:pass')}`)
  })

  test('method goes instead of the one that came', async () => {
    const url = await before({ target: await origin(), method: 'PUT' })
    expect((await told(url, { method: 'POST' }, 'a')).method).toBe('PUT')
  })

  test('buffer goes instead of the content that came', async () => {
    const proxy = createProxyServer({ target: await origin() })
    const url = await mounted(proxy, async (request, response) => {
      await text(request)
      proxy.web(request, response, { buffer: Readable.from([Buffer.from('once more')]) })
    })
    expect((await told(url, { method: 'POST' }, '123456789')).body).toBe('once more')
  })

  describe('forward', () => {
    test('gets a copy of each request, and answers nobody', async () => {
      const copied = Promise.withResolvers<string>()
      const forward = await origin(async (request, response) => {
        copied.resolve(`${request.method} ${request.url} ${await text(request)}`)
        response.end('unseen')
      })
      const url = await before({ target: await origin(), forward })
      expect((await told(new URL('/x', url), { method: 'POST' }, 'content')).body).toBe('content')
      expect(await copied.promise).toBe('POST /x content')
    })

    test('without a target answers 200 at once', async () => {
      const copied = Promise.withResolvers<string>()
      const forward = await origin(async (request) => copied.resolve(await text(request)))
      const url = await before({ forward })
      expect(await ask(url, { method: 'POST' }, 'content')).toMatchObject({ status: 200, body: '' })
      expect(await copied.promise).toBe('content')
    })

    test('that cannot be reached takes nothing from the client', async () => {
      const proxy = createProxyServer({ target: await origin(), forward: 'http://127.0.0.1:1' })
      const failed = once(proxy, 'error').catch((error) => [error])
      proxy.on('error', () => {})
      const url = await mounted(proxy)
      expect((await told(url, { method: 'POST' }, 'content')).body).toBe('content')
      expect((await failed)[0]).toMatchObject({ code: 'ECONNREFUSED' })
    })
  })

  describe('cookies', () => {
    const cookies = async (options: Options): Promise<string[] | undefined> => {
      const target = await origin((_request, response) => {
        response.setHeader('Set-Cookie', [
          'a=1; Domain=a.example; Path=/a',
          'b=2; domain=b.example; path=/b',
          'c=3',
        ])
        response.end()
      })
      return (await ask(await before({ ...options, target }))).headers['set-cookie']
    }

    test('cookieDomainRewrite replaces the domain of all', async () => {
      expect(await cookies({ cookieDomainRewrite: 'c.example' })).toEqual([
        'a=1; Domain=c.example; Path=/a',
        'b=2; domain=c.example; path=/b',
        'c=3',
      ])
    })

    test('cookieDomainRewrite replaces those that it knows, and takes away what becomes empty', async () => {
      expect(await cookies({ cookieDomainRewrite: { 'a.example': 'c.example', '*': '' } })).toEqual([
        'a=1; Domain=c.example; Path=/a',
        'b=2; path=/b',
        'c=3',
      ])
    })

    test('cookiePathRewrite replaces the path', async () => {
      expect(await cookies({ cookiePathRewrite: { '/a': '/c' } })).toEqual([
        'a=1; Domain=a.example; Path=/c',
        'b=2; domain=b.example; path=/b',
        'c=3',
      ])
    })

    test('stay as they are otherwise', async () => {
      expect((await cookies({}))?.[0]).toBe('a=1; Domain=a.example; Path=/a')
    })
  })

  describe('redirects', () => {
    const location = async (
      options: Options,
      to = '/elsewhere',
      status = 302,
    ): Promise<string | undefined> => {
      const target = await origin(({ headers }, response) => {
        response.writeHead(status, { Location: to.startsWith('/') ? `http://${headers.host}${to}` : to })
        response.end()
      })
      const url = await before({ ...options, target, changeOrigin: true })
      return (await ask(url, { headers: { Host: 'front.example' } })).headers.location
    }

    test('hostRewrite replaces the host of one that leads to the target', async () => {
      expect(await location({ hostRewrite: 'b.example:1' })).toBe('http://b.example:1/elsewhere')
    })

    test('autoRewrite makes it the host that was asked for', async () => {
      expect(new URL((await location({ autoRewrite: true })) ?? '').hostname).toBe('front.example')
    })

    test('protocolRewrite replaces the scheme', async () => {
      expect(await location({ hostRewrite: 'b.example:1', protocolRewrite: 'https' })).toBe(
        'https://b.example:1/elsewhere',
      )
    })

    test('hostRewrite leaves one that leads elsewhere', async () => {
      expect(await location({ hostRewrite: 'b.example' }, 'http://c.example/')).toBe('http://c.example/')
    })

    test('hostRewrite leaves one that is of another status', async () => {
      expect(await location({ hostRewrite: 'b.example' }, '/x', 303)).toMatch(/^http:\/\/127/)
    })
  })

  describe('followRedirects', () => {
    test('asks where the answer says', async () => {
      const target = await origin((request, response) => {
        if (request.url === '/there') return tell(request, response)
        response.writeHead(302, { Location: '/there' })
        response.end()
      })
      expect((await told(new URL('/here', await before({ target, followRedirects: true })))).url).toBe(
        '/there',
      )
    })

    test('tells another origin no Authorization, and its own Host', async () => {
      const there = await origin()
      const target = await origin((_request, response) => {
        response.writeHead(301, { Location: `${there}/there` })
        response.end()
      })
      // Two ports of one host are two origins for us, and one host for http-proxy-3: names differ for both.
      const url = await before({ target: target.replace('127.0.0.1', 'localhost'), followRedirects: true })
      const { headers } = await told(url, { headers: { Authorization: 'Bearer a' } })
      expect(headers.host).toBe(new URL(there).host)
      expect(headers.authorization).toBeUndefined()
    })
  })

  test('preserveHeaderKeyCase keeps the case of field names', async () => {
    const target = await origin((_request, response) => response.writeHead(200, { 'X-CaSe': 'a' }).end())
    expect((await ask(await before({ target, preserveHeaderKeyCase: true }))).rawHeaders).toContain('X-CaSe')
  })

  test('selfHandleResponse leaves the answer to proxyRes', async () => {
    const proxy = createProxyServer({
      target: await origin((_request, response) => response.end('theirs')),
      selfHandleResponse: true,
    })
    proxy.on('proxyRes', async (answer, _request, response) => {
      response.statusCode = 201
      response.end(`${await text(answer)}, and ours`)
    })
    expect(await ask(await mounted(proxy))).toMatchObject({ status: 201, body: 'theirs, and ours' })
  })

  describe('timeouts', () => {
    test('proxyTimeout is an error when the upstream does not answer', async () => {
      const target = `http://127.0.0.1:${await listening(net.createServer().on('connection', (socket) => socket.on('error', () => {}).resume()))}`
      const proxy = createProxyServer({ target, proxyTimeout: 50 })
      const url = await mounted(proxy, (request, response) =>
        proxy.web(request, response, {}, (error) => response.end((error as NodeJS.ErrnoException).code)),
      )
      expect((await ask(url)).body).toBe('ECONNRESET')
    })

    test('timeout ends the connection of a client that hears nothing', async () => {
      const target = `http://127.0.0.1:${await listening(net.createServer().on('connection', (socket) => socket.on('error', () => {}).resume()))}`
      const proxy = createProxyServer({ target, timeout: 50 })
      const gone = once(proxy, 'econnreset')
      const url = await mounted(proxy)
      await expect(ask(url)).rejects.toMatchObject({ code: 'ECONNRESET' })
      expect((await gone)[0]).toMatchObject({ code: 'ECONNRESET' })
    })
  })

  test('localAddress is where connections come from', async () => {
    const target = await origin(({ socket }, response) => response.end(socket.remoteAddress))
    expect((await ask(await before({ target, localAddress: '127.0.0.2' }))).body).toBe('127.0.0.2')
  })

  describe('TLS', () => {
    const secure = async (): Promise<string> => {
      const { cert, key } = (await certificates()).server
      return `https://localhost:${await listening(https.createServer({ cert, key }, tell))}`
    }
    const code = async (options: Options): Promise<unknown> => {
      const proxy = createProxyServer({ ...options, target: await secure() })
      const url = await mounted(proxy, (request, response) =>
        proxy.web(request, response, {}, (error) => response.end((error as NodeJS.ErrnoException).code)),
      )
      return (await ask(url)).body
    }

    test('verifies certificates', async () => {
      expect(await code({})).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED/)
    })

    test('secure: false does not', async () => {
      expect(await code({ secure: false })).toMatch(/"url":"\/"/)
    })

    test('ca is whom it trusts', async () => {
      expect(await code({ ca: (await certificates()).ca })).toMatch(/"url":"\/"/)
    })

    test('agent says whom it trusts', async () => {
      const agent = new https.Agent({ ca: (await certificates()).ca })
      expect(await code({ agent })).toMatch(/"url":"\/"/)
    })

    test('ssl is what listen speaks', async () => {
      const { cert, key } = (await certificates()).server
      const proxy = createProxyServer({ target: await origin(), ssl: { cert, key } }).listen(0)
      const { port } = proxy.address() as net.AddressInfo
      const request = https.get({
        port,
        host: 'localhost',
        ca: (await certificates()).ca,
        agent: false,
        path: '/x',
      })
      const [response] = (await once(request, 'response')) as [http.IncomingMessage]
      expect(JSON.parse(await text(response))).toMatchObject({ url: '/x' })
      proxy.close()
    })
  })

  test('ssl is what listen speaks, with HTTP/2', async () => {
    const { cert, key } = (await certificates()).server
    const proxy = createProxyServer({ target: await origin(), ssl: { cert, key }, xfwd: true }).listen(0)
    const { port } = proxy.address() as net.AddressInfo
    const client = http2.connect(`https://localhost:${port}`, { ca: (await certificates()).ca })
    onTestFinished(() => client.destroy())
    const { headers } = JSON.parse(await text(client.request({ ':path': '/' })))
    expect(headers).toMatchObject({ 'x-forwarded-host': `localhost:${port}`, 'x-forwarded-proto': 'https' })
    proxy.close()
  })

  test('agent may be a plain one', async () => {
    const url = await before({ target: await origin(), agent: new http.Agent({ keepAlive: true }) })
    expect((await told(url)).url).toBe('/')
  })
})
