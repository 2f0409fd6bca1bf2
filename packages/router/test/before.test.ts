/** What stands before services, on every gateway: requests and upgrades are refused alike. */

import { createHash, randomBytes, scryptSync } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { type Exchange, Fields, type RequestHead } from '@relayrace/gateway'
import { get, head, reply } from '@relayrace/promises/stage'
import { strategies } from '@relayrace/strategies'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Middleware } from '../src/index.ts'
import {
  apiTokens,
  basicAuth,
  bodyLimit,
  cors,
  hashPassword,
  hashToken,
  identityOf,
  ipAllow,
  ipDeny,
  requestId,
  requestIdOf,
  rewriteCookies,
  rewriteLocation,
} from '../src/middleware/index.ts'
import { gateFor, refused, upgrade } from './gate.ts'

const basic = (text: string): string => `Authorization: Basic ${Buffer.from(text).toString('base64')}`

describe.each(strategies)('%s', (_, create) => {
  const stage = gateFor(create)

  describe('C2 tokens', () => {
    const tokens = { ci: hashToken('secret-1'), phone: hashToken('secret-2') }

    test.each([
      ['none', []],
      ['a wrong one', ['X-API-Token: secret-3']],
      ['an empty one', ['X-API-Token:']],
      ['the hash of one', [`X-API-Token: ${tokens.ci}`]],
      ['two of them', ['X-API-Token: secret-1', 'X-API-Token: secret-2']],
      ['a wrong bearer', ['Authorization: Bearer secret-3']],
      ['a wrong one beside the right bearer', ['X-API-Token: no', 'Authorization: Bearer secret-1']],
      ['a right one in another scheme', ['Authorization: Basic secret-1']],
    ])('with %s is 401', async (_, fields) => {
      expect(await refused(await stage([apiTokens(tokens)]), ...fields)).toEqual([401, 401, 0])
    })

    test('401 says how to ask, and whether a token was wrong', async () => {
      const { visit } = await stage([apiTokens(tokens, { realm: 'the "api"' })])
      const client = await visit()
      for (const [fields, challenge] of [
        [[], 'Bearer realm="the \\"api\\""'],
        [['X-API-Token: no'], 'Bearer realm="the \\"api\\"", error="invalid_token"'],
      ] as const) {
        client.send(get('/', ...fields))
        expect((await client.response()).get('www-authenticate')).toBe(challenge)
      }
    })

    test.each([
      ['X-API-Token: secret-1', 'ci', {}, [undefined, undefined]],
      ['Authorization: bearer secret-2', 'phone', {}, [undefined, undefined]],
      ['X-API-Token: secret-1', 'ci', { forward: true }, ['secret-1', undefined]],
      ['Authorization: Bearer secret-2', 'phone', { forward: true }, [undefined, 'Bearer secret-2']],
    ])('%s goes on, and is known as %s', async (field, name, options, told) => {
      const seen: unknown[] = []
      const { origin, visit } = await stage([
        apiTokens(tokens, options),
        (exchange, next) => {
          seen.push(identityOf(exchange))
          return next()
        },
      ])
      const client = await visit()
      client.send(get('/', field))
      const { message, send } = await origin.request()
      expect([message.get('x-api-token'), message.get('authorization')]).toEqual(told)
      // What the gateway adds by default is there nevertheless.
      expect(message.get('x-forwarded-for')).toBe('127.0.0.1')
      await send(reply('ok'))
      await client.response()
      expect(seen).toEqual([name])
    })

    test('the service gets credentials of its own, from the route or the gateway', async () => {
      for (const [route, options, expected] of [
        [
          { rewrite: ({ fields }: RequestHead) => fields.set('Authorization', 'Bearer route') },
          {},
          'Bearer route',
        ],
        [
          {},
          { rewrite: async ({ fields }: RequestHead) => fields.set('Authorization', 'Bearer gateway') },
          'Bearer gateway',
        ],
      ] as const) {
        const { origin, visit } = await stage([apiTokens(tokens)], route, options)
        const client = await visit()
        client.send(get('/', 'Authorization: Bearer secret-1'))
        const { message, send } = await origin.request()
        expect(message.all('authorization')).toEqual([expected])
        await send(reply('ok'))
        await client.response()
      }
    })

    test.each([['secret'], [''], ['ab'.repeat(31)]])('%j is no hash: TypeError', (hash) => {
      expect(() => apiTokens({ ci: hash })).toThrow('The token ci is not a SHA-256 in hexadecimal')
    })

    test('an empty one has no hash, and its hash is nobody’s: TypeError', () => {
      expect(() => hashToken('')).toThrow(
        new TypeError('A token is not empty: is the variable set that it comes from?'),
      )
      expect(() => apiTokens({ ci: createHash('sha256').digest('hex') })).toThrow(
        'The token ci is the hash of nothing: is the variable set that it comes from?',
      )
    })
  })

  describe('C2 passwords', () => {
    test.each([
      ['none', undefined],
      ['a wrong one', 'ann:wrong'],
      ['one of another user', 'ben:pa:ss'],
      ['no user', ':pa:ss'],
      ['no password', 'ann'],
    ])('with %s is 401', async (_, pair) => {
      const users = { ann: await hashPassword('pa:ss') }
      expect(
        await refused(await stage([basicAuth(users)]), ...(pair === undefined ? [] : [basic(pair)])),
      ).toEqual([401, 401, 0])
    })

    test('with a right one goes on, is known, and costs a hash once', async () => {
      const asked: string[] = []
      const { origin, visit } = await stage([
        basicAuth((user, password) => {
          asked.push(`${user} ${password}`)
          return password === 'pä:ss'
        }),
        (exchange, next) => (identityOf(exchange) === 'ann' ? next() : { status: 500 }),
      ])
      const client = await visit()
      for (let i = 0; i < 2; i++) {
        client.send(get('/', basic('ann:pä:ss')))
        const { message, send } = await origin.request()
        expect(message.has('authorization')).toBe(false)
        await send(reply('ok'))
        expect((await client.response()).status).toBe(200)
      }
      expect(asked).toEqual(['ann pä:ss'])
    })

    test.each([
      [undefined, 300_000],
      [10, 10],
    ])('that were right are asked for again after that long: remember: %s', async (remember, ms) => {
      const verify = vi.fn(() => true)
      const { knock } = await stage([basicAuth(verify, remember === undefined ? {} : { remember })])
      const begun = performance.now()
      let later = 0
      const clock = vi.spyOn(performance, 'now').mockImplementation(() => begun + later)
      onTestFinished(() => clock.mockRestore())
      const asked: number[] = []
      for (later of [0, ms - 1, ms + 1]) {
        await knock(basic('ann:right'))
        asked.push(verify.mock.calls.length)
      }
      expect(asked).toEqual([1, 1, 2])
    })

    test('against a hash', async () => {
      const { knock } = await stage([basicAuth({ ann: await hashPassword('right') })])
      expect(await knock(basic('ann:right'))).toBe(200)
    })

    test('a right one is nobody else’s, and neither is it once it is known', async () => {
      const hash = await hashPassword('right')
      const { knock } = await stage([basicAuth({ ann: hash, ben: await hashPassword('other') })])
      expect(await knock(basic('ann:right'))).toBe(200)
      expect(await knock(basic('ben:right'))).toBe(401)
      expect(await knock(basic('ann:wrong'))).toBe(401)
      expect(await knock(basic('ann:right'))).toBe(200)
    })

    test('an empty one has no hash: TypeError', async () => {
      await expect(hashPassword('')).rejects.toThrow(
        new TypeError('A password is not empty: is the variable set that it comes from?'),
      )
    })

    test('an empty one is 401, also where its hash is kept', async () => {
      const salt = randomBytes(16)
      const key = scryptSync('', salt, 32, { N: 16_384, r: 8, p: 1 })
      const kept = `scrypt$${salt.toString('base64url')}$${key.toString('base64url')}`
      expect(await refused(await stage([basicAuth({ ann: kept })]), basic('ann:'))).toEqual([401, 401, 0])
    })

    test('that are not hashed are a TypeError', () => {
      expect(() => basicAuth({ ann: 'secret' })).toThrow('The password of ann is not hashed')
    })
  })

  describe('C2 addresses', () => {
    test.each<[string, Middleware, string[], boolean]>([
      ['allowed', ipAllow(['127.0.0.1']), [], true],
      ['in a network', ipAllow(['10.0.0.0/8', '127.0.0.0/8']), [], true],
      ['not allowed', ipAllow(['10.0.0.0/8', '::1']), [], false],
      ['denied', ipDeny(['127.0.0.0/8']), [], false],
      ['not denied', ipDeny(['10.0.0.0/8']), [], true],
      ['claimed by a stranger', ipAllow(['10.0.0.1']), ['X-Forwarded-For: 10.0.0.1'], false],
      [
        'told by a proxy',
        ipAllow(['10.0.0.1'], { trusted: ['127.0.0.1'] }),
        ['X-Forwarded-For: 10.0.0.1'],
        true,
      ],
      [
        'denied, as a proxy tells',
        ipDeny(['10.0.0.1'], { trusted: ['127.0.0.1'] }),
        ['X-Forwarded-For: 10.0.0.1'],
        false,
      ],
      [
        'claimed before a proxy',
        ipAllow(['10.0.0.1'], { trusted: ['127.0.0.1'] }),
        ['X-Forwarded-For: 10.0.0.1, 192.0.2.1'],
        false,
      ],
      ['no address', ipDeny([], { trusted: ['127.0.0.1'] }), ['X-Forwarded-For: unknown'], false],
    ])('one that is %s', async (_, middleware, fields, may) => {
      const staged = await stage([middleware])
      if (may) expect(await staged.knock(...fields)).toBe(200)
      else expect(await refused(staged, ...fields)).toEqual([403, 403, 0])
    })
  })

  describe('C2 a request has a name', () => {
    test.each([
      ['of its own', {}, ['X-Request-Id: theirs'], 'X-Request-Id', /^[\da-f-]{36}$/],
      ['that the client has given', { trust: true }, ['X-Request-Id: theirs'], 'X-Request-Id', /^theirs$/],
      ['not such a one', { trust: true }, ['X-Request-Id: the "irs'], 'X-Request-Id', /^[\da-f-]{36}$/],
      ['in another field', { field: 'Trace' }, [], 'Trace', /^[\da-f-]{36}$/],
    ])('%s, which service and client are told', async (_, options, fields, field, shape) => {
      const { origin, visit } = await stage([requestId(options)])
      const client = await visit()
      client.send(get('/', ...fields))
      const { message, send } = await origin.request()
      await send(reply('ok', `${field}: service`))
      const response = await client.response()
      expect(message.all(field)).toEqual([expect.stringMatching(shape)])
      expect(response.all(field)).toEqual(message.all(field))
    })

    test('that is one over all attempts, and on replies', async () => {
      const seen: unknown[] = []
      const note: Middleware = (exchange) => {
        seen.push(requestIdOf(exchange))
        return exchange.attempts === 0 ? 'http://127.0.0.1:1' : { status: 404 }
      }
      const { visit } = await stage(
        [requestId(), note],
        {},
        { transport: (_, next) => next().catch(() => next()) },
      )
      const client = await visit()
      client.send(get('/'))
      const response = await client.response()
      expect(response.status).toBe(404)
      expect(seen).toEqual([response.get('x-request-id'), response.get('x-request-id')])
    })
  })

  test('C2 more content than a route takes is 413', async () => {
    const { origin, visit } = await stage([bodyLimit(4)])
    for (const content of ['four', 'five!']) {
      const client = await visit()
      client.send(head('POST / HTTP/1.1', 'Host: a', `Content-Length: ${content.length}`) + content)
      if (content === 'four') await (await origin.request()).send(reply('ok'))
      expect((await client.response()).status).toBe(content === 'four' ? 200 : 413)
    }
    expect(() => bodyLimit(Number.NaN)).toThrow(TypeError)
  })

  describe('C2 pages of other origins', () => {
    const options = {
      origins: ['https://app.example'],
      credentials: true,
      responseFields: ['X-Total'],
      maxAge: 60,
    }

    test('ask first, and are answered without the service', async () => {
      const { origin, visit } = await stage([cors(options)])
      const ask = async (from: string): Promise<Record<string, unknown>> => {
        const client = await visit()
        client.send(
          head(
            'OPTIONS / HTTP/1.1',
            'Host: a',
            `Origin: ${from}`,
            'Access-Control-Request-Method: PUT',
            'Access-Control-Request-Headers: content-type, x-own',
          ),
        )
        const response = await client.response()
        return {
          status: response.status,
          origin: response.get('access-control-allow-origin'),
          methods: response.get('access-control-allow-methods'),
          headers: response.get('access-control-allow-headers'),
          credentials: response.get('access-control-allow-credentials'),
          age: response.get('access-control-max-age'),
          vary: response.all('vary').join(', '),
        }
      }
      const vary = 'Access-Control-Request-Method, Access-Control-Request-Headers, Origin'
      expect(await ask('https://app.example')).toEqual({
        status: 204,
        origin: 'https://app.example',
        methods: 'PUT',
        headers: 'content-type, x-own',
        credentials: 'true',
        age: '60',
        vary,
      })
      expect(await ask('https://other.example')).toEqual({ status: 204, vary })
      expect(origin.requests).toHaveLength(0)
    })

    test('may read what is answered, or not, whatever the service says', async () => {
      const { origin, visit } = await stage([cors(options)])
      const client = await visit()
      for (const [from, expected] of [
        ['https://app.example', ['https://app.example', 'true', 'X-Total']],
        ['https://other.example', [undefined, undefined, undefined]],
      ] as const) {
        client.send(get('/', `Origin: ${from}`))
        await (await origin.request()).send(reply('ok', 'Access-Control-Allow-Origin: *', 'Vary: Accept'))
        const response = await client.response()
        expect(
          ['allow-origin', 'allow-credentials', 'expose-headers'].map((name) =>
            response.get(`access-control-${name}`),
          ),
        ).toEqual(expected)
        expect(response.all('vary')).toEqual(['Accept', 'Origin'])
      }
    })

    test('may not upgrade; those of the same host may, and so may who is no page', async () => {
      const { origin, visit } = await stage([cors(options)])
      const stranger = await visit()
      stranger.send(get('/', ...upgrade, 'Origin: https://other.example'))
      expect((await stranger.response()).status).toBe(403)
      expect(origin.requests).toHaveLength(0)
      for (const from of [['Origin: https://app.example'], ['Origin: http://a'], []]) {
        const client = await visit()
        client.send(get('/', ...upgrade, ...from))
        const { connection } = await origin.request()
        connection.send(head('HTTP/1.1 101 Switching Protocols', ...upgrade))
        expect((await client.response()).status).toBe(101)
      }
    })

    test.each([
      [{ origins: '*' as const, credentials: true }, 'cors: credentials need origins that are named'],
      [{ origins: ['https://a.example/'] }, 'cors: no page has the origin "https://a.example/"'],
    ])('%j is a TypeError', (wrong, message) => {
      expect(() => cors(wrong)).toThrow(message)
    })
  })

  describe('C2 what a service says of where it is', () => {
    test.each([
      ['a=b; Path=/; Domain=inner.example; Secure', 'a=b; Path=/api/app1/; Secure'],
      ['a=b;path=/x;HttpOnly', 'a=b;path=/api/app1/x;HttpOnly'],
      ['a="/; b"; Expires=Wed, 01 Jan 2031 00:00:00 GMT', 'a="/; b"; Expires=Wed, 01 Jan 2031 00:00:00 GMT'],
      ['domain=x; path=/elsewhere', 'domain=x; path=/api/app1/elsewhere'],
    ])('its cookies: %s', async (given, expected) => {
      const modifyResponse = rewriteCookies({ domain: false, path: { '/': '/api/app1/' } })
      const { origin, visit } = await stage([], { modifyResponse })
      const client = await visit()
      client.send(get('/'))
      await (await origin.request()).send(reply('ok', `Set-Cookie: ${given}`, 'Set-Cookie: c=d'))
      expect((await client.response()).all('set-cookie')).toEqual([expected, 'c=d'])
    })

    test('their domain', async () => {
      const { origin, visit } = await stage([], { modifyResponse: rewriteCookies({ domain: 'b.example' }) })
      const client = await visit()
      client.send(get('/'))
      await (await origin.request()).send(reply('ok', 'Set-Cookie: a=b; Domain=a.example; Path=/'))
      expect((await client.response()).get('set-cookie')).toBe('a=b; Domain=b.example; Path=/')
    })

    test.each([
      ['http://inner:9001/x?y', '/api/app1/x?y'],
      ['http://inner:9001', '/api/app1/'],
      ['/x', '/api/app1/x'],
      ['x', 'x'],
      ['//other.example/', '//other.example/'],
      ['/\\other.example/', '/\\other.example/'],
      ['https://other.example/', 'https://other.example/'],
      ['http://inner:9001.example/', 'http://inner:9001.example/'],
      ['http://root//other.example', '/other.example'],
    ])('its redirects: %s', async (given, expected) => {
      const modifyResponse = rewriteLocation({
        'http://inner:9001/': '/api/app1/',
        'http://root/': '/',
        '/': '/api/app1/',
      })
      const { origin, visit } = await stage([], { modifyResponse })
      const client = await visit()
      client.send(get('/'))
      await (await origin.request()).send(
        head('HTTP/1.1 302 Found', `Location: ${given}`, 'Content-Length: 0'),
      )
      expect((await client.response()).get('location')).toBe(expected)
    })
  })
})

test('C2 a flood of wrong passwords leaves threads for everything else, and most of it is 503 at once', async () => {
  const gate = basicAuth({ ann: await hashPassword('right') })
  const ended: unknown[] = []
  const ask = async (i: number): Promise<void> => {
    const fields = Fields.from({ Authorization: basic(`ann:wrong${i}`).slice(15) })
    const exchange = { request: { fields } } as unknown as Exchange
    const told = await Promise.resolve(gate(exchange, () => ({ status: 200 }))).catch((error) => error)
    ended.push(told.status)
  }
  for (let i = 0; i < 200; i++) void ask(i)
  await stat('.')
  expect(ended.filter((status) => status !== 503).length).toBeLessThan(10)
  expect(ended.filter((status) => status === 503)).toHaveLength(98)
  await expect.poll(() => ended).toContain(401)
})
