/** What a router does for every gateway, whatever its strategy. */

import { certificates } from '@relayrace/fixtures/certificates'
import { type Client, connect, type Exchange, type Origin, startOrigin } from '@relayrace/fixtures/wire'
import { GatewayError, type Route } from '@relayrace/gateway'
import { get, head, reply, stageFor } from '@relayrace/promises/stage'
import { strategies } from '@relayrace/strategies'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createRouter, type RouterOptions, type RouterRoute } from '../src/index.ts'

/** A route whose answer is what it is called. */
const says = (text: string, route: Omit<RouterRoute, 'upstream'>): RouterRoute => ({
  ...route,
  upstream: () => ({ status: 200, body: text }),
})

async function origins<const N extends readonly string[]>(...names: N): Promise<Record<N[number], Origin>> {
  const started: Record<string, Origin> = {}
  for (const name of names) {
    const origin = await startOrigin()
    onTestFinished(() => origin[Symbol.asyncDispose]())
    started[name] = origin
  }
  return started as Record<N[number], Origin>
}

/** Two bytes each way, so that there is a tunnel. */
async function tunnel(client: Client, origin: Origin, target: string): Promise<Exchange> {
  client.send(get(target, 'Connection: Upgrade', 'Upgrade: websocket'))
  const exchange = await origin.request()
  const { connection } = exchange
  connection.send(head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket'))
  expect((await client.response()).status).toBe(101)
  client.send('hi')
  expect(String(await connection.take(2))).toBe('hi')
  return exchange
}

describe.each(strategies)('%s', (_, create) => {
  const stage = stageFor(create)

  test('a route has TLS settings of its own', async () => {
    const { ca, server } = await certificates()
    const origin = await startOrigin({ tls: server })
    onTestFinished(() => origin[Symbol.asyncDispose]())
    const { upstream } = createRouter([
      { path: '/trusting/', upstream: origin.url, tls: { ca } },
      { path: '/chosen/', upstream: () => origin.url, tls: { ca } },
      { path: '/', upstream: origin.url },
    ])
    const { client } = await stage({ upstream })
    for (const target of ['/trusting/', '/chosen/']) {
      client.send(get(target))
      await (await origin.request()).send(reply('ok'))
      expect((await client.response()).text).toBe('ok')
    }
    client.send(get('/'))
    expect((await client.response()).status).toBe(502)
  })

  async function routed(
    routes: readonly RouterRoute[],
    options: RouterOptions = {},
  ): Promise<Awaited<ReturnType<typeof stage>> & { router: ReturnType<typeof createRouter> }> {
    const router = createRouter(routes, options)
    return { ...(await stage({ upstream: router.upstream })), router }
  }

  describe('C1 several services by path prefix', () => {
    test('each is asked for what is below its prefix, byte for byte', async () => {
      const { app1, app2, rest } = await origins('app1', 'app2', 'rest')
      const { client, summaries } = await routed([
        { path: '/api/app1/', upstream: app1.url, replace: '/' },
        { path: '/api/app2/', upstream: new URL('/base', app2.url), replace: '/v2/', name: 'second' },
        { path: '/', upstream: rest.url },
      ])
      for (const [target, origin, asked] of [
        ['/api/app1/users/1?a=/api/app1/', app1, '/users/1?a=/api/app1/'],
        ['/api/app1/', app1, '/'],
        ['/api/app1/?', app1, '/?'],
        ['/api/app1/a%2Fb%20c//d', app1, '/a%2Fb%20c//d'],
        ['/api/%61pp1/%61', app1, '/%61'],
        ['//api//app1//x', app1, '//x'],
        ['/x/../api/./app1/y', app1, '/y'],
        ['/api/app1/../app1/x/../y', app1, '/x/../y'],
        ['/api/app2/x', app2, '/base/v2/x'],
        ['/api/app3/x', rest, '/api/app3/x'],
        ['/%61pi//x', rest, '/%61pi//x'],
        ['/api/app1%2Fx', rest, '/api/app1%2Fx'],
        ['http://other.example/api/app1/x?y', app1, '/x?y'],
      ] as const) {
        await goesTo(client, target, origin, asked)
      }
      await expect.poll(() => summaries.length).toBe(13)
      expect(new Set(summaries.map(({ route }) => route))).toEqual(new Set(['/api/app1/', 'second', '/']))
    })

    test('nothing leads out of what is put in the place of a prefix', async () => {
      const { all, app } = await origins('all', 'app')
      const { client } = await routed([
        { path: '/', upstream: all.url, replace: '/v1/' },
        { path: '/app/', upstream: app.url, replace: '/v2/' },
      ])
      for (const [target, origin, asked] of [
        ['/../x', all, '/v1/x'],
        ['/%2e%2E/x?y', all, '/v1/x?y'],
        ['/..', all, '/v1/'],
        ['/..?y', all, '/v1/?y'],
        ['/a/../../b/../x', all, '/v1/b/../x'],
        ['/a/..', all, '/v1/a/..'],
        ['/app/../app/x/..', app, '/v2/x/..'],
        ['/../app/../../app/x', app, '/v2/x'],
      ] as const) {
        await goesTo(client, target, origin, asked)
      }
    })

    test('upgrades too', async () => {
      const { app1, app2 } = await origins('app1', 'app2')
      const { client } = await routed([
        { path: '/api/app1/', upstream: app1.url, replace: '/' },
        { path: '/api/app2/', upstream: app2.url },
      ])
      expect((await tunnel(client, app1, '/api/app1/socket?x')).message.target).toBe('/socket?x')
    })

    test('each has hooks, limits and time limits of its own', async () => {
      const { app1, app2 } = await origins('app1', 'app2')
      const { client } = await routed([
        {
          path: '/app1/',
          upstream: app1.url,
          limits: { requestBody: 3 },
          timeouts: { responseHead: 60 },
          rewrite: ({ fields }) => fields.set('X-Service', '1'),
          modifyResponse: ({ fields }) => fields.set('X-Service', '1'),
        },
        { path: '/app2/', upstream: app2.url },
      ])
      for (const [target, origin, service] of [
        ['/app1/', app1, '1'],
        ['/app2/', app2, undefined],
      ] as const) {
        client.send(get(target))
        const request = await origin.request()
        expect(request.message.get('x-service')).toBe(service)
        await request.send(reply('ok'))
        expect((await client.response()).get('x-service')).toBe(service)
      }
      client.send(get('/app1/slow'))
      expect((await client.response()).status).toBe(504)
      client.send(`${head('POST /app1/ HTTP/1.1', 'Host: a', 'Content-Length: 4')}four`)
      expect((await client.response()).status).toBe(413)
    })

    test('what a route says and what its function chooses hold both: hooks inherit, the gateway’s last', async () => {
      const { app } = await origins('app')
      const hooks = (name: string): Pick<Route, 'rewrite' | 'modifyResponse'> => ({
        rewrite(out, exchange, inherited) {
          out.fields.append('X-Mark', name)
          return inherited(out, exchange)
        },
        modifyResponse(answer, exchange, inherited) {
          answer.fields.append('X-Mark', name)
          return inherited(answer, exchange)
        },
      })
      const chosen: Route = { to: app.url, ...hooks('chosen'), name: 'endpoint' }
      const router = createRouter([
        {
          path: '/api/',
          replace: '/',
          upstream: () => chosen,
          ...hooks('route'),
          limits: { requestBody: 3 },
        },
      ])
      const { client, ended } = await stage({
        upstream: router.upstream,
        rewrite: ({ fields }) => fields.append('X-Mark', 'gateway'),
        modifyResponse: ({ fields }) => fields.append('X-Mark', 'gateway'),
      })
      client.send(get('/api/x'))
      const asked = await app.request()
      expect(asked.message.target).toBe('/x')
      await asked.send(reply('ok'))
      const response = await client.response()
      for (const message of [asked.message, response])
        expect(message.all('x-mark')).toEqual(['chosen', 'route', 'gateway'])
      expect((await ended()).route).toBe('endpoint')
      client.send(`${head('POST /api/ HTTP/1.1', 'Host: a', 'Content-Length: 4')}four`)
      expect((await client.response()).status).toBe(413)
    })

    test('a function of a route chooses for each attempt; the prefix goes off for what it chooses', async () => {
      const { first, second } = await origins('first', 'second')
      const router = createRouter([
        {
          path: '/api/',
          replace: '/',
          limits: { replay: 10 },
          upstream: async ({ attempts }) => (attempts === 0 ? 'http://127.0.0.1:1' : first.url),
        },
        { path: '/own/', replace: '/', upstream: () => ({ to: second.url, path: '/mine' }) },
      ])
      const { client } = await stage({
        upstream: router.upstream,
        transport: (_, next) => next().catch(() => next()),
      })
      client.send(get('/api/x'))
      const asked = await first.request()
      expect(asked.message.target).toBe('/x')
      await asked.send(reply('ok'))
      await client.response()
      client.send(get('/own/x'))
      const own = await second.request()
      expect(own.message.target).toBe('/mine')
      await own.send(reply('ok'))
      expect((await client.response()).text).toBe('ok')
    })

    test('by host and by method', async () => {
      const { url } = await routed([
        says('any', { path: '/' }),
        says('a', { path: '/', host: 'a.example' }),
        says('both', { path: '/x/', host: ['a.example', 'b.example'], method: ['PUT', 'POST'] }),
        says('v6', { path: '/', host: '[::1]' }),
        says('get', { path: '/m', method: 'GET' }),
        says('others', { path: '/m' }),
      ])
      for (const [method, target, host, expected] of [
        ['GET', '/', 'a.example', 'a'],
        ['GET', '/', 'A.Example:8080', 'a'],
        ['GET', '/', 'a.example.', 'a'],
        ['GET', '/', 'b.example', 'any'],
        ['GET', '/', '[::1]:80', 'v6'],
        ['PUT', '/x/', 'b.example', 'both'],
        ['GET', '/x/', 'b.example', 'any'],
        ['GET', '/x/y', 'a.example', 'a'],
        ['GET', 'http://a.example/', 'b.example', 'a'],
        ['GET', '/m', 'c', 'get'],
        ['DELETE', '/m', 'c', 'others'],
        ['OPTIONS', '*', 'c', 'any'],
      ] as const) {
        const client = await connect(url)
        client.send(head(`${method} ${target} HTTP/1.1`, `Host: ${host}`))
        expect((await client.response()).text, `${method} ${target} of ${host}`).toBe(expected)
        client.close()
      }
    })
  })

  describe('C3 as in ServeMux', () => {
    const routes = [
      says('api', { path: '/api/' }),
      says('users', { path: '/api/users/' }),
      says('me', { path: '/api/users/me' }),
      says('foo', { path: '/foo' }),
      says('foo/', { path: '/foo/' }),
      says('bar', { path: '/bar' }),
      says('encoded', { path: '/a%2Fb/' }),
    ]

    test.each([
      ['/api/', 'api'],
      ['/api/x', 'api'],
      ['/api/users/', 'users'],
      ['/api/users/1/2', 'users'],
      ['/api/users/me', 'me'],
      ['/api/users/me/', 'users'],
      ['/api/usersx', 'api'],
      ['/foo', 'foo'],
      ['/foo/', 'foo/'],
      ['/foo/x', 'foo/'],
      ['/bar', 'bar'],
      ['/bar?x=/', 'bar'],
      ['/bar/', 404],
      ['/Bar', 404],
      ['/', 404],
      ['/a%2fb/', 'encoded'],
      ['/a/b/', 404],
      ['//api///users//', 'users'],
      ['/api/x/../users/', 'users'],
      ['/api/users/..', 'api'],
      ['/api/users/%2E%2e/', 'api'],
      ['/../../foo', 'foo'],
      ['/foo/.', 'foo/'],
      ['/foo/..', 404],
      ['/api/..%2fusers/', 400],
      ['/api/..;/users/', 400],
      ['/api/%2e%2e%5Cusers/', 400],
      ['/api\\..\\users/', 400],
      ['/api//../users/', 400],
      ['/api/../users//', 400],
      ['/foo/..x', 'foo/'],
      ['/foo/...', 'foo/'],
      ['/foo?/../../', 'foo'],
    ])('the longest prefix wins, and /foo is not /foo/: %s is %s', async (target, expected) => {
      const { client } = await routed(routes)
      client.send(get(target))
      const { status, text } = await client.response()
      expect(status === 200 ? text : status).toBe(expected)
    })

    test.each([
      ['/api', './api/'],
      ['/api?a=b/c?d', './api/?a=b/c?d'],
      ['/api/users', './users/'],
      ['//x/..', 400],
      ['//api', './api/'],
      ['/a%2Fb', './a%2Fb/'],
      ['/x/../api', './api/'],
    ])('a registered /api/ redirects /api, with its query: %s', async (target, expected) => {
      const { client } = await routed([...routes, says('root', { path: '/' })])
      client.send(`${head(`POST ${target} HTTP/1.1`, 'Host: a', 'Content-Length: 2')}ok`)
      const response = await client.response()
      expect(typeof expected === 'number' ? response.status : response.get('location')).toBe(expected)
      if (typeof expected === 'string') expect(response.status).toBe(308)
    })

    test('a wrong method is 405, with those that there are', async () => {
      const { client, url } = await routed([
        says('get', { path: '/api/', method: 'GET' }),
        says('put', { path: '/api/x', method: ['PUT', 'POST'] }),
      ])
      for (const [method, target, status, allow] of [
        ['DELETE', '/api/x', 405, 'GET, HEAD, POST, PUT'],
        ['DELETE', '/api/y', 405, 'GET, HEAD'],
        ['DELETE', '/api', 405, 'GET, HEAD'],
        ['GET', '/api/x', 200, undefined],
        ['GET', '/api', 308, undefined],
        ['DELETE', '/', 404, undefined],
      ] as const) {
        const another = await connect(url)
        another.send(head(`${method} ${target} HTTP/1.1`, 'Host: a'))
        const response = await another.response()
        expect([response.status, response.get('allow')], `${method} ${target}`).toEqual([status, allow])
        another.close()
      }
      client.send(head('HEAD /api/y HTTP/1.1', 'Host: a'))
      expect((await client.response({ to: 'HEAD' })).status).toBe(200)
    })

    test.each<[string, RouterRoute['upstream'], number]>([
      [
        'throws',
        () => {
          throw new Error('a secret')
        },
        500,
      ],
      ['rejects', () => Promise.reject(new Error('a secret')), 500],
      ['throws nothing', () => Promise.reject(undefined), 500],
      [
        'throws what has a status',
        () => {
          throw new GatewayError('http_request_denied', { phase: 'requestHead' })
        },
        403,
      ],
    ])('a handler that %s does no harm, and others are served', async (_, upstream, status) => {
      const told: unknown[] = []
      const { client, gateway, ended } = await routed(
        [{ path: '/bad', upstream }, says('good', { path: '/good' })],
        { log: (error, { request }) => told.push([request.path, error]) },
      )
      client.send(get('/bad'))
      const response = await client.response()
      expect([response.status, response.text.includes('secret')]).toEqual([status, false])
      expect((await ended()).error?.status).toBe(status)
      if (status === 403) expect(told).toEqual([])
      else expect(told).toMatchObject([['/bad', (await ended()).error?.cause]])
      client.send(get('/good'))
      expect((await client.response()).text).toBe('good')
      await expect.poll(() => gateway.inFlight).toBe(0)
    })

    test('its stack is a warning of the process, and a log that throws is no harm', async () => {
      const warnings: string[] = []
      const warned = ({ message }: Error): unknown => warnings.push(message)
      process.on('warning', warned)
      onTestFinished(() => {
        process.off('warning', warned)
      })
      const bad: RouterRoute = {
        path: '/',
        upstream: function brokenHandler() {
          throw new Error('broken')
        },
      }
      const { client } = await routed([bad])
      client.send(get('/'))
      expect((await client.response()).status).toBe(500)
      await expect
        .poll(() => warnings)
        .toEqual([expect.stringMatching(/Error: broken\n +at .*brokenHandler/)])
      const { client: other } = await routed([bad], {
        log() {
          throw new Error('log is broken')
        },
      })
      other.send(get('/'))
      expect((await other.response()).status).toBe(500)
      await expect.poll(() => warnings.length).toBe(2)
    })
  })

  describe('routes are replaced while they run', () => {
    test('and what is under way stays where it is', async () => {
      const { old, fresh } = await origins('old', 'fresh')
      const { client, router, url, gateway } = await routed([{ path: '/', upstream: old.url }])
      client.send(get('/'))
      const first = await old.request()
      const upgraded = await connect(url)
      onTestFinished(() => upgraded.close())
      const { connection } = await tunnel(upgraded, old, '/socket')

      router.replace([{ path: '/', upstream: fresh.url }])
      const other = await connect(url)
      onTestFinished(() => other.close())
      other.send(get('/'))
      await (await fresh.request()).send(reply('fresh'))
      expect((await other.response()).text).toBe('fresh')

      await first.send(reply('old'))
      expect((await client.response()).text).toBe('old')
      upgraded.send('still')
      expect(String(await connection.take(5))).toBe('still')
      client.send(get('/'))
      await (await fresh.request()).send(reply('fresh'))
      expect((await client.response()).text).toBe('fresh')
      expect(gateway.inFlight).toBe(1)
    })

    test('not if the new ones make no sense', async () => {
      const { client, router } = await routed([says('old', { path: '/' })])
      expect(() => router.replace([says('a', { path: '/x' }), says('b', { path: '/x' })])).toThrow(TypeError)
      client.send(get('/'))
      expect((await client.response()).text).toBe('old')
    })
  })

  describe('C2 middleware', () => {
    test('is asked in its order: of the router, also where there is no route; of the route; the route', async () => {
      const { origin: app } = await origins('origin')
      const order: string[] = []
      const noting = (name: string): NonNullable<RouterRoute['middleware']>[number] => {
        return async (_, next) => {
          order.push(name)
          const choice = await next()
          order.push(`/${name}`)
          return choice
        }
      }
      const { client } = await routed(
        [{ path: '/a', upstream: app.url, middleware: [noting('3'), noting('4')] }],
        { middleware: [noting('1'), noting('2')] },
      )
      client.send(get('/a'))
      await (await app.request()).send(reply('ok'))
      expect((await client.response()).text).toBe('ok')
      expect(order).toEqual(['1', '2', '3', '4', '/4', '/3', '/2', '/1'])
      client.send(get('/none'))
      expect((await client.response()).status).toBe(404)
      expect(order.slice(8)).toEqual(['1', '2', '/2', '/1'])
    })

    test('answers by itself, and nobody else is asked: requests and upgrades', async () => {
      const { app } = await origins('app')
      const { url } = await routed([
        { path: '/', upstream: app.url, middleware: [() => ({ status: 401, body: 'no' })] },
      ])
      for (const fields of [[], ['Connection: Upgrade', 'Upgrade: websocket']]) {
        const client = await connect(url)
        onTestFinished(() => client.close())
        client.send(get('/', ...fields))
        expect(await client.response()).toMatchObject({ status: 401, text: 'no' })
      }
      expect(app.connections).toHaveLength(0)
    })

    test('that throws is 500', async () => {
      const told: unknown[] = []
      const { client } = await routed([says('a', { path: '/' })], {
        middleware: [
          () => {
            throw new Error('broken')
          },
        ],
        log: (error) => told.push(error),
      })
      client.send(get('/'))
      expect((await client.response()).status).toBe(500)
      expect(told).toMatchObject([{ message: 'broken' }])
    })
  })
})

async function goesTo(client: Client, target: string, origin: Origin, asked: string): Promise<void> {
  client.send(get(target))
  const request = await origin.request()
  expect(request.message.target, target).toBe(asked)
  await request.send(reply('ok'))
  expect((await client.response()).text).toBe('ok')
}
