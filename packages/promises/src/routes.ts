/** What every strategy promises about where an exchange goes: routes, replies, choices anew, redirects that are followed. */

import { type Origin, startOrigin } from '@relayrace/fixtures/wire'
import type {
  Choice,
  Choose,
  ExchangeSummary,
  ReceivedRequest,
  RequestHead,
  ResponseHead,
  Route,
  Strategy,
} from '@relayrace/gateway'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { get, head, reply, stageFor } from './stage.ts'
import { example } from './wrapped.ts'

async function another(): Promise<Origin> {
  const origin = await startOrigin()
  onTestFinished(() => origin[Symbol.asyncDispose]())
  return origin
}

const moved = head('HTTP/1.1 302 Found', 'Location: /there', 'Content-Length: 0')

export function routesOf(create: Strategy): void {
  const stage = stageFor(create)

  describe('a reply of upstream()', () => {
    test('is the answer, nobody is asked, and the connection goes on', async () => {
      const { client, ended } = await stage({
        upstream: () => ({ status: 401, fields: { 'WWW-Authenticate': ['Basic', 'Bearer'] }, body: 'who?' }),
      })
      for (const nth of [1, 2]) {
        client.send(get('/'))
        const response = await client.response()
        expect(response).toMatchObject({ status: 401, text: 'who?', verdict: 'complete' })
        expect(response.all('www-authenticate')).toEqual(['Basic', 'Bearer'])
        expect(response.has('proxy-status')).toBe(false)
        const summary: Partial<ExchangeSummary> = { outcome: 'completed', attempts: 0, upstream: undefined }
        expect(await ended(nth)).toMatchObject(summary)
      }
    })

    test('may take its time, and be bytes', async () => {
      const { client } = await stage({
        upstream: async () => ({ status: 200, body: new Uint8Array([104, 105]) }),
      })
      client.send(get('/'))
      expect(await client.response()).toMatchObject({ status: 200, text: 'hi' })
    })

    test('to HEAD has no content', async () => {
      const { client } = await stage({ upstream: () => ({ status: 404, body: 'none' }) })
      client.send(`${head('HEAD / HTTP/1.1', 'Host: a')}${get('/')}`)
      const response = await client.response({ to: 'HEAD' })
      expect([response.status, response.get('content-length')]).toEqual([404, '4'])
      expect((await client.response()).text).toBe('none')
    })

    test('reaches a client whose content nobody has read, and the connection ends', async () => {
      const { client } = await stage({ upstream: () => ({ status: 403, body: 'no' }) })
      client.send(head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 100000'))
      const response = await client.response()
      expect(response).toMatchObject({ status: 403, text: 'no' })
      expect(response.get('connection')).toBe('close')
    })

    test('refuses an upgrade, of which nothing goes on', async () => {
      const { client, origin } = await stage({ upstream: () => ({ status: 401, body: 'no' }) })
      client.send(get('/', 'Connection: Upgrade', 'Upgrade: websocket'))
      expect(await client.response()).toMatchObject({ status: 401, text: 'no' })
      expect(origin.connections).toHaveLength(0)
    })
  })

  describe('a route', () => {
    test('says what to ask for, byte for byte, and has a name', async () => {
      const { client, origin, ended } = await stage()
      const { client: mine, ended: over } = await stage({
        upstream: { to: new URL('/base', origin.url), path: '/a%2Fb//c?d=%20', name: 'files' },
      })
      mine.send(get('/anything?else'))
      const asked = await origin.request()
      expect(asked.message.target).toBe('/base/a%2Fb//c?d=%20')
      await asked.send(reply('ok'))
      expect((await mine.response()).text).toBe('ok')
      expect(await over()).toMatchObject({ route: 'files', upstream: origin.url.origin, attempts: 1 })
      client.send(get('/'))
      await (await origin.request()).send(reply('ok'))
      expect((await ended()).route).toBeUndefined()
    })

    test('may say what to ask for by what the client asks for', async () => {
      const origin = await another()
      const { client } = await stage({
        upstream: { to: new URL('/base', origin.url), path: (path) => path.replace('/api', '') },
      })
      for (const [target, expected] of [
        ['/api/a%2Fb?c', '/base/a%2Fb?c'],
        ['http://a.example/api/', '/base/'],
      ] as const) {
        client.send(get(target))
        const asked = await origin.request()
        expect(asked.message.target).toBe(expected)
        await asked.send(reply('ok'))
        expect((await client.response()).text).toBe('ok')
      }
    })

    test('has hooks of its own', async () => {
      const origin = await another()
      const route: Route = {
        to: origin.url,
        rewrite: (out) => out.fields.set('X-Route', 'mine'),
        modifyResponse: (answer) => answer.fields.set('X-Route', 'mine'),
      }
      const { client } = await stage({
        upstream: async () => route,
        rewrite: (out) => out.fields.set('X-Gateway', 'its'),
        modifyResponse: (answer) => answer.fields.set('X-Gateway', 'its'),
      })
      client.send(get('/'))
      const asked = await origin.request()
      await asked.send(reply('ok'))
      const response = await client.response()
      for (const message of [asked.message, response])
        expect([message.get('x-route'), message.has('x-gateway')]).toEqual(['mine', false])
    })

    test('has hooks that may call those of the gateway', async () => {
      const origin = await another()
      const route: Route = {
        to: origin.url,
        async rewrite(out, exchange, inherited) {
          await inherited(out, exchange)
          out.fields.append('X-Hook', 'route')
        },
        async modifyResponse(answer, exchange, inherited) {
          const elsewhere = await inherited(answer, exchange)
          answer.fields.append('X-Hook', 'route')
          return elsewhere as undefined
        },
      }
      for (const [options, expected] of [
        [
          {
            rewrite: (out: RequestHead) => out.fields.append('X-Hook', 'gateway'),
            modifyResponse: (answer: ResponseHead) => answer.fields.append('X-Hook', 'gateway'),
          },
          ['gateway', 'route'],
        ],
        [{}, ['route']],
      ] as const) {
        const { client } = await stage({ ...options, upstream: () => route })
        client.send(get('/'))
        const asked = await origin.request()
        await asked.send(reply('ok'))
        const response = await client.response()
        for (const message of [asked.message, response]) expect(message.all('x-hook')).toEqual(expected)
      }
    })

    test.each([['responseHead' as const], ['total' as const]])(
      'has a time limit of its own: %s',
      async (phase) => {
        const origin = await another()
        const { client, ended } = await stage({
          upstream: () => ({ to: origin.url, timeouts: { [phase]: 50 } }),
        })
        client.send(get('/'))
        expect((await client.response()).status).toBe(504)
        expect((await ended()).error?.phase).toBe(phase)
      },
    )

    test('has a total that began with the exchange, however long it took to choose', async () => {
      const origin = await another()
      let passed = 0
      const now = performance.now.bind(performance)
      const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + passed)
      onTestFinished(() => clock.mockRestore())
      const { client, ended } = await stage({
        upstream: () => {
          passed = 60_000
          return { to: origin.url, timeouts: { total: 50_000 } }
        },
      })
      client.send(get('/'))
      expect((await client.response()).status).toBe(504)
      expect((await ended()).error?.phase).toBe('total')
    })

    test.each([
      ['more', { limits: { requestBody: 4 } }, { requestBody: 5 }, 200],
      ['less', {}, { requestBody: 4 }, 413],
    ])('takes %s content than the gateway', async (_, options, limits, status) => {
      const origin = await another()
      const { client } = await stage({ ...options, upstream: () => ({ to: origin.url, limits }) })
      client.send(`${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 5')}hello`)
      if (status === 200) await (await origin.request()).send(reply('ok'))
      expect((await client.response()).status).toBe(status)
    })

    test.each<[string, unknown]>([
      ['an unknown key', { pathh: '/' }],
      ['a path without a slash', { path: 'a' }],
      ['a path that no request can have', { path: '/a b' }],
      ['a path that is none', { path: 1 }],
      ['a function that says no path', { path: () => 'a' }],
      ['a function that says a path that no request can have', { path: () => '/a b' }],
      [
        'a function that throws',
        {
          path: () => {
            throw new Error('broken')
          },
        },
      ],
      ['a hook that is none', { rewrite: {} }],
      ['a time limit of the connection', { timeouts: { idle: 1 } }],
      ['nowhere to go', { to: 'nowhere' }],
    ])('with %s is the gateway’s fault: 500', async (_, wrong) => {
      const { client, origin, gateway } = await stage({
        upstream: () => ({ to: 'http://127.0.0.1:1', ...(wrong as object) }) as Choice,
      })
      client.send(get('/'))
      expect((await client.response()).status).toBe(500)
      expect(origin.connections).toHaveLength(0)
      await expect.poll(() => gateway.inFlight).toBe(0)
    })

    test('for all exchanges is checked at once', () => {
      const wrong = { to: 'http://127.0.0.1:1', timeout: 5 } as Route
      expect(() => create({ upstream: wrong })).toThrow('Unknown option route.timeout')
    })
  })

  test.each([
    ['/api/users/1?x', 'secret', 'http://127.0.0.1:9001', '/1?x'],
    ['/api/files/', 'secret', 'http://127.0.0.1:9002', '/'],
    ['/api/others/', 'secret', 404, undefined],
    ['/api/users/1', 'wrong', 401, undefined],
  ])('the example of services in the documents: %s with token %s', async (target, token, expected, path) => {
    const { services } = await example<{ services: Choose }>('services')
    let chosen: unknown
    const origin = await another()
    const { client } = await stage({
      async upstream(exchange) {
        const choice = await services(exchange)
        chosen = choice
        return typeof choice === 'object' && 'to' in choice ? { ...choice, to: origin.url } : choice
      },
    })
    client.send(get(target, `X-API-Token: ${token}`))
    if (path === undefined) {
      expect((await client.response()).status).toBe(expected)
      return
    }
    const asked = await origin.request()
    expect([chosen, asked.message.target]).toEqual([expect.objectContaining({ to: expected }), path])
    await asked.send(reply('ok'))
    expect((await client.response()).text).toBe('ok')
  })

  describe('each attempt', () => {
    test('is chosen for anew, and rewritten for its host', async () => {
      const [bad, good] = ['http://127.0.0.1:1', await another()] as const
      const hosts: unknown[] = []
      const seen: number[] = []
      const { client, ended } = await stage({
        upstream(exchange) {
          seen.push(exchange.attempts)
          return exchange.attempts === 0 ? bad : good.url
        },
        rewrite: ({ fields }) => void hosts.push(fields.get('host')),
        transport: (_, next) => next().catch(() => next()),
      })
      client.send(get('/'))
      await (await good.request()).send(reply('ok'))
      expect((await client.response()).text).toBe('ok')
      expect(seen).toEqual([0, 1])
      expect(hosts).toEqual(['127.0.0.1:1', good.url.host])
      expect(await ended()).toMatchObject({ attempts: 2, upstream: good.url.origin })
    })

    test('may go along a route that the transport names', async () => {
      const origin = await another()
      const { client } = await stage({ transport: (_, next) => next({ to: origin.url, path: '/there' }) })
      client.send(get('/here'))
      const asked = await origin.request()
      expect(asked.message.target).toBe('/there')
      await asked.send(reply('ok'))
      expect((await client.response()).text).toBe('ok')
    })

    test('may turn out to be a reply', async () => {
      const { client } = await stage({
        upstream: ({ attempts }) => (attempts === 0 ? 'http://127.0.0.1:1' : { status: 503, body: 'later' }),
        transport: (_, next) => next().catch(() => next()),
      })
      client.send(get('/'))
      expect(await client.response()).toMatchObject({ status: 503, text: 'later' })
    })
  })

  describe('an answer that is given up for a route', () => {
    test('is followed, and counted', async () => {
      const { client, origin, ended } = await stage({
        modifyResponse: ({ status }) => (status === 302 ? { to: origin.url, path: '/there' } : undefined),
      })
      client.send(get('/here'))
      await (await origin.request()).send(moved)
      const second = await origin.request()
      expect(second.message.target).toBe('/there')
      await second.send(reply('ok'))
      expect(await client.response()).toMatchObject({ status: 200, text: 'ok' })
      expect((await ended()).attempts).toBe(2)
    })

    test('leaves its connection free', async () => {
      const { client, origin, gateway } = await stage({
        modifyResponse: ({ status }) => (status === 302 ? { to: origin.url, path: '/there' } : undefined),
      })
      client.send(get('/here'))
      await (await origin.request()).send(moved)
      await (await origin.request()).send(reply('ok'))
      await client.response()
      await expect.poll(() => [gateway.inFlight, gateway.pool.connections]).toEqual([0, 1])
      expect(origin.connections).toHaveLength(1)
    })

    test('is followed five times, and no more', async () => {
      const { client, origin, gateway } = await stage({ modifyResponse: () => ({ to: origin.url }) })
      client.send(get('/'))
      for (let i = 0; i < 6; i++) await (await origin.request()).send(moved)
      const response = await client.response()
      expect([response.status, response.get('proxy-status')]).toEqual([
        502,
        expect.stringContaining('proxy_loop_detected'),
      ])
      expect(origin.requests).toHaveLength(6)
      await expect.poll(() => gateway.inFlight).toBe(0)
    })

    test('cannot be for content that was sent: 502', async () => {
      const { client, origin } = await stage({ modifyResponse: () => ({ to: origin.url }) })
      client.send(`${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 5')}hello`)
      const asked = await origin.request()
      await asked.done()
      await asked.send(moved)
      expect((await client.response()).status).toBe(502)
      expect(origin.requests).toHaveLength(1)
    })

    test('tells no other origin credentials, however often that one sends it on, nor the first one again after that', async () => {
      const other = await another()
      const { client, origin } = await stage({
        rewrite: ({ fields }) => fields.set('Cookie', 'a=b'),
        modifyResponse({ status, fields }) {
          if (status === 302) return { to: fields.get('location') === 'other' ? other.url : origin.url }
          return undefined
        },
      })
      client.send(get('/', 'Authorization: Basic eA=='))
      const to = (place: string): string =>
        head('HTTP/1.1 302 Found', `Location: ${place}`, 'Content-Length: 0')
      const told: unknown[] = []
      for (const [at, answer] of [
        [origin, to('other')],
        [other, to('other')],
        [other, to('origin')],
        [origin, reply('ok')],
      ] as const) {
        const asked = await at.request()
        told.push([asked.message.has('authorization'), asked.message.has('cookie')])
        await asked.send(answer)
      }
      expect(told).toEqual([
        [true, true],
        [false, false],
        [false, false],
        [false, false],
      ])
      expect((await client.response()).text).toBe('ok')
    })

    test('gets what credentials the route itself adds', async () => {
      const other = await another()
      const { client, origin } = await stage({
        modifyResponse: ({ status }) =>
          status === 302
            ? { to: other.url, rewrite: ({ fields }) => fields.set('Authorization', 'Bearer theirs') }
            : undefined,
      })
      client.send(get('/', 'Authorization: Basic eA=='))
      await (await origin.request()).send(moved)
      const asked = await other.request()
      expect(asked.message.all('authorization')).toEqual(['Bearer theirs'])
      await asked.send(reply('ok'))
      await client.response()
    })
  })

  test('another origin is told no credentials that the gateway’s own rewrite adds, though the route calls it', async () => {
    const other = await another()
    const { client, origin } = await stage({
      rewrite: ({ fields }) => fields.set('Authorization', 'Bearer ours'),
      modifyResponse: ({ status }) =>
        status === 302
          ? {
              to: other.url,
              async rewrite(out, exchange, inherited) {
                out.fields.set('Cookie', 'theirs')
                await inherited(out, exchange)
              },
            }
          : undefined,
    })
    client.send(get('/'))
    const first = await origin.request()
    await first.send(moved)
    const second = await other.request()
    await second.send(reply('ok'))
    expect([first.message.get('authorization'), second.message.get('authorization')]).toEqual([
      'Bearer ours',
      undefined,
    ])
    expect(second.message.all('cookie')).toEqual(['theirs'])
    await client.response()
  })

  test.each([
    ['/p?q', 'Host: a.example:1', { path: '/p?q', authority: 'a.example:1' }],
    ['http://b.example/p', 'Host: a.example', { path: '/p', authority: 'b.example' }],
    ['http://b.example', 'Host: a.example', { path: '/', authority: 'b.example' }],
  ])('a hook sees what is asked for, and of whom: %s, %s', async (target, host, expected) => {
    const seen: ReceivedRequest[] = []
    const { client } = await stage({
      upstream({ request }) {
        seen.push(request)
        return { status: 204 }
      },
    })
    client.send(head(`GET ${target} HTTP/1.1`, host))
    expect((await client.response()).status).toBe(204)
    expect(seen).toMatchObject([{ ...expected, target, originalTarget: target }])
  })
}
