import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import tls from 'node:tls'
import { certificates, writePair } from '@relayrace/fixtures/certificates'
import { startRedis } from '@relayrace/fixtures/redis'
import { connect, type Origin, startOrigin } from '@relayrace/fixtures/wire'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Config, parseConfig, strategies } from '../src/config.ts'
import { type Serving, serve } from '../src/serve.ts'

async function origin(): Promise<Origin> {
  const it = await startOrigin()
  onTestFinished(() => it[Symbol.asyncDispose]())
  return it
}

async function start(config: Config): Promise<Serving> {
  const serving = await serve(parseConfig({ listen: { port: 0 }, ...config }))
  onTestFinished(() => serving.close(0))
  return serving
}

const answer = (text: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`

async function ask(
  serving: Serving,
  target: string,
  ...fields: string[]
): Promise<{ status: number; text: string }> {
  const client = await connect(serving.url)
  onTestFinished(() => client.close())
  client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n${fields.map((line) => `${line}\r\n`).join('')}\r\n`)
  return client.response()
}

describe.each(strategies)('%s', (strategy) => {
  test('serves routes: by prefix, with it stripped, a reply, and the rest', async () => {
    const [users, rest] = [await origin(), await origin()]
    const serving = await start({
      strategy,
      upstream: rest.url.href,
      routes: [
        { path: '/api/users/', to: users.url.href, replace: '/', name: 'users' },
        { path: '/hello', reply: { status: 200, body: 'hello' } },
      ],
    })
    const first = ask(serving, '/api/users/1?x')
    const asked = await users.request()
    expect(asked.message.target).toBe('/1?x')
    await asked.send(answer('users'))
    expect((await first).text).toBe('users')
    expect((await ask(serving, '/hello')).text).toBe('hello')
    const third = ask(serving, '/else')
    await (await rest.request()).send(answer('rest'))
    expect((await third).text).toBe('rest')
  })

  test('asks the endpoints of a set in turn, and says how they do', async () => {
    const both = [await origin(), await origin()]
    const serving = await start({
      strategy,
      upstream: 'app',
      upstreams: { app: { endpoints: both.map(({ url }) => url.href) } },
    })
    for (const [i, one] of both.entries()) {
      const response = ask(serving, '/')
      await (await one.request()).send(answer(String(i)))
      expect((await response).text).toBe(String(i))
    }
    await expect
      .poll(() => serving.sets.all[0]?.state().endpoints.map(({ attempts }) => attempts))
      .toEqual([1, 1])
  })

  test('is told of other routes and endpoints while it runs, and what is under way ends where it is', async () => {
    const [before, after] = [await origin(), await origin()]
    const config = (to: Origin): Config => ({
      listen: { port: 0 },
      strategy,
      upstreams: { app: { endpoints: [to.url.href] } },
      routes: [{ path: '/', to: 'app' }],
    })
    const serving = await start(config(before))
    const first = ask(serving, '/')
    const underWay = await before.request()
    expect(serving.reload(parseConfig(config(after)))).toEqual([])
    const second = ask(serving, '/')
    await (await after.request()).send(answer('after'))
    expect((await second).text).toBe('after')
    await underWay.send(answer('before'))
    expect((await first).text).toBe('before')
  })
})

test('a reload that makes no sense changes nothing', async () => {
  const one = await origin()
  const serving = await start({ routes: [{ path: '/', to: one.url.href }] })
  const twice = parseConfig({
    routes: [
      { path: '/', to: 'http://127.0.0.1:1' },
      { path: '/', to: 'http://127.0.0.1:2' },
    ],
  })
  expect(() => serving.reload(twice)).toThrow(TypeError)
  const response = ask(serving, '/')
  await (await one.request()).send(answer('as before'))
  expect((await response).text).toBe('as before')
})

test.each([
  ['changes nothing', []],
  ['is refused', [{ path: 'no slash', to: 'app' }]],
])('a reload that %s has no endpoint checked twice', async (_, routes) => {
  const checked = await origin()
  const config: Config = {
    listen: { port: 0 },
    upstream: 'app',
    upstreams: { app: { endpoints: [checked.url.href], checks: { path: '/health', timeout: '1h' } } },
  }
  const serving = await start(config)
  const { message } = await checked.request()
  expect(message.target).toBe('/health')
  try {
    serving.reload({ ...parseConfig(config), routes } as never)
  } catch {}
  const response = ask(serving, '/')
  const next = await checked.request()
  expect(next.message.target).toBe('/')
  await next.send(answer('ok'))
  await response
})

test('a reload says what takes effect after a restart only', async () => {
  const serving = await start({ routes: [{ path: '/', to: 'http://127.0.0.1:1' }] })
  const next = parseConfig({
    listen: { port: 0 },
    routes: [{ path: '/', to: 'http://127.0.0.1:1' }],
    limits: { exchanges: 5 },
  })
  expect(serving.reload(next)).toEqual(['limits'])
})

test('routes may differ in strategy, behind one server', async () => {
  const both = [await origin(), await origin()] as const
  const serving = await start({
    routes: [
      { path: '/a/', to: both[0].url.href, strategy: 'fetch-proxy' },
      { path: '/b/', to: both[1].url.href, strategy: 'reverse-proxy' },
    ],
  })
  for (const [i, target] of ['/a/', '/b/'].entries()) {
    const response = ask(serving, target)
    const asked = await (both[i] as Origin).request()
    expect(asked.message.get('via')).toMatch(['fetch-proxy', 'reverse-proxy'][i] as string)
    await asked.send(answer('ok'))
    expect((await response).text).toBe('ok')
  }
})

test('duplex-server beside others is refused with the mend', async () => {
  const config = parseConfig({
    routes: [{ path: '/', to: 'http://127.0.0.1:1', strategy: 'duplex-server' }],
  })
  await expect(serve(config)).rejects.toThrow('in a process of its own')
})

test('middleware of a file: a token is asked for, also for an upgrade', async () => {
  const one = await origin()
  const serving = await start({
    upstream: one.url.href,
    // "secret", hashed.
    middleware: [{ tokens: { ci: '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b' } }],
  })
  expect((await ask(serving, '/')).status).toBe(401)
  expect((await ask(serving, '/', 'Connection: Upgrade', 'Upgrade: websocket')).status).toBe(401)
  expect(one.connections).toHaveLength(0)
  const response = ask(serving, '/', 'Authorization: Bearer secret')
  await (await one.request()).send(answer('in'))
  expect((await response).text).toBe('in')
})

test('a program of a file is started by its first request, and ends with the gateway', async () => {
  const service = "require('http').createServer((q, s) => s.end(q.url)).listen(process.env.PORT, '127.0.0.1')"
  const serving = await start({
    programs: { app: { command: process.execPath, args: ['-e', service] } },
    routes: [{ path: '/app/', to: 'app', replace: '/' }],
  })
  expect(serving.programs.all[0]?.state().status).toBe('stopped')
  expect(await ask(serving, '/app/x?y')).toMatchObject({ status: 200, text: '/x?y' })
  await serving.close(0)
  expect(serving.programs.all[0]?.state()).toMatchObject({ status: 'closed', instances: [] })
})

test('a program that a reload has left out ends', async () => {
  const routes = [{ path: '/', reply: { status: 200 } }]
  const service = "require('http').createServer((q, s) => s.end(q.url)).listen(process.env.PORT, '127.0.0.1')"
  const serving = await start({
    programs: { app: { command: process.execPath, args: ['-e', service] } },
    routes: [{ path: '/app', to: 'app' }],
  })
  await ask(serving, '/app')
  const [app] = serving.programs.all
  onTestFinished(() => app?.close())
  expect(app?.state().instances).toHaveLength(1)
  serving.reload(parseConfig({ listen: { port: 0 }, routes }))
  expect(serving.programs.all).toEqual([])
  await expect.poll(() => app?.state()).toMatchObject({ status: 'closed', instances: [] })
})

test('a limit on rates in a file: 429 with Retry-After', async () => {
  const serving = await start({
    routes: [{ path: '/', reply: { status: 200, body: 'ok' } }],
    middleware: [{ rateLimit: { limit: 2, window: '1m' } }],
  })
  const statuses = [await ask(serving, '/'), await ask(serving, '/'), await ask(serving, '/')]
  expect(statuses.map(({ status }) => status)).toEqual([200, 200, 429])
})

test('a reload with a program that makes no sense leaves the endpoints as they were', async () => {
  const [before, after] = [await origin(), await origin()]
  const config = (to: Origin, command: string): Config => ({
    listen: { port: 0 },
    upstream: 'app',
    upstreams: { app: { endpoints: [to.url.href] } },
    programs: { worker: { command } },
  })
  const serving = await start(config(before, process.execPath))
  expect(() => serving.reload(parseConfig(config(after, '')))).toThrow(TypeError)
  const response = ask(serving, '/')
  await (await before.request()).send(answer('as before'))
  expect((await response).text).toBe('as before')
})

test('routes that differ in strategy are served over TLS as by any gateway: nobody renegotiates', async () => {
  const { server, ca } = await certificates()
  const folder = await mkdtemp(path.join(tmpdir(), 'relayrace-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const { cert, key } = await writePair(folder, server)
  const serving = await start({
    listen: { port: 0, tls: { cert, key } },
    routes: [{ path: '/', reply: { status: 200 }, strategy: 'fetch-proxy' }],
  })
  const asked = new Promise<string>((resolve) => {
    const to = { port: Number(serving.url.port), host: '127.0.0.1', servername: 'localhost', ca }
    const socket = tls.connect({ ...to, maxVersion: 'TLSv1.2' }, () =>
      socket.renegotiate({}, (error) => resolve(error === null ? 'granted' : 'refused')),
    )
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    onTestFinished(() => void socket.destroy())
  })
  expect(await asked).toMatch(/refused|NO_RENEGOTIATION/)
})

test('certificates that come to be broken change nothing, and that is said', async () => {
  const { server, ca } = await certificates()
  const folder = await mkdtemp(path.join(tmpdir(), 'relayrace-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const { cert, key } = await writePair(folder, server)
  const said: string[] = []
  const config = parseConfig({ listen: { port: 0, tls: { cert, key } }, upstream: 'http://127.0.0.1:1' })
  const serving = await serve(config, { log: (error) => said.push(String(error)) })
  onTestFinished(() => serving.close(0))
  await writeFile(cert, 'nonsense')
  await expect.poll(() => said).toEqual([expect.stringContaining('certificates not changed: ')])
  const to = { port: Number(serving.url.port), host: '127.0.0.1', servername: 'localhost', ca }
  const socket = tls.connect(to)
  onTestFinished(() => void socket.destroy())
  await once(socket, 'secureConnect')
})

describe('a rate limit', () => {
  const limited = (more: object = {}): Config => ({
    listen: { port: 0 },
    middleware: [{ rateLimit: { limit: 1, window: '1h', ...more } }],
    routes: [{ path: '/', reply: { status: 200, body: 'in' } }],
  })

  test('goes on counting after a reload that has not changed it, and begins anew after one that has', async () => {
    const serving = await start(limited())
    const statuses = [(await ask(serving, '/')).status]
    serving.reload(
      parseConfig({ ...limited(), routes: [{ path: '/', reply: { status: 200, body: 'other' } }] }),
    )
    statuses.push((await ask(serving, '/')).status)
    serving.reload(parseConfig(limited({ limit: 2 })))
    statuses.push((await ask(serving, '/')).status)
    expect(statuses).toEqual([200, 429, 200])
  })

  test('is one over several gateways, by Redis', async ({ skip }) => {
    const server = await startRedis()
    if (server === undefined) return skip('there is no redis-server: npm run peers -- redis-server')
    onTestFinished(() => server[Symbol.asyncDispose]())
    const shared = limited({ redis: `unix:${server.socket}`, onStoreError: 'deny' })
    const both = [await start(shared), await start(shared)]
    // Until it is connected nothing can be counted: that is 503 here.
    for (const one of both) await expect.poll(async () => (await ask(one, '/')).status).not.toBe(503)
    const counted = await Promise.all(both.map(async (one) => (await ask(one, '/')).status))
    expect(counted).toEqual([429, 429])
  })

  test('has no connection to Redis any more once it is closed', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const connected = once(server, 'connection') as Promise<[Socket]>
    const { port } = server.address() as AddressInfo
    const serving = await start(limited({ redis: `redis://127.0.0.1:${port}` }))
    const [socket] = await connected
    const ended = once(socket.resume(), 'close')
    await serving.close(0)
    await ended
  })

  test('has no connection to Redis, and keeps no process, where nobody can listen', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const connected = once(server, 'connection') as Promise<[Socket]>
    const { port } = server.address() as AddressInfo
    const config = { ...limited({ redis: `redis://127.0.0.1:${port}` }), listen: { port } }
    await expect(serve(parseConfig(config))).rejects.toThrow('EADDRINUSE')
    const [socket] = await connected
    await once(socket.resume(), 'close')
  })

  test('goes on over the same connection after a reload, by Redis', async ({ skip }) => {
    const server = await startRedis()
    if (server === undefined) return skip('there is no redis-server: npm run peers -- redis-server')
    onTestFinished(() => server[Symbol.asyncDispose]())
    const shared = limited({ redis: `unix:${server.socket}`, onStoreError: 'deny' })
    const serving = await start(shared)
    // Until it is connected nothing can be counted: that is 503 here.
    await expect.poll(async () => (await ask(serving, '/')).status).not.toBe(503)
    serving.reload(parseConfig({ ...shared, routes: [{ path: '/', reply: { status: 200, body: 'other' } }] }))
    expect((await ask(serving, '/')).status).toBe(429)
  })
})
