/** How often one may ask. */

import { once } from 'node:events'
import { type RedisServer, startRedis } from '@relayrace/fixtures/redis'
import { get } from '@relayrace/promises/stage'
import { strategies } from '@relayrace/strategies'
import { Redis } from 'ioredis'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Middleware } from '../src/index.ts'
import { apiTokens, hashToken } from '../src/middleware/index.ts'
import { type RateLimitOptions, rateLimit } from '../src/middleware/rate-limit.ts'
import { type Gate, gateFor, refused, upgrade } from './gate.ts'

describe.each(strategies)('%s', (_, create) => {
  const stage = gateFor(create)

  const bearer = (token: string): string => `Authorization: Bearer ${token}`

  describe('C2 rate limits', () => {
    test('who asks more than that is answered 429, told when to come again, and nobody hears of it', async () => {
      const { origin, visit, knock } = await stage([rateLimit({ limit: 2, window: 60 })])
      expect([await knock(), await knock()]).toEqual([200, 200])
      for (const fields of [[], upgrade]) {
        const client = await visit()
        client.send(get('/', ...fields))
        const response = await client.response()
        expect(response.status).toBe(429)
        const wait = Number(response.get('retry-after'))
        expect(wait).toBeGreaterThan(50)
        expect(wait).toBeLessThanOrEqual(60)
        expect(response.get('ratelimit-policy')).toBe('"default";q=2;w=60')
        expect(response.get('ratelimit')).toBe(`"default";r=0;t=${wait}`)
      }
      expect(origin.requests).toHaveLength(2)
    })

    test('what goes on says how much is left', async () => {
      const { visit } = await stage([rateLimit({ limit: 2, window: 60, name: 'api' })], {
        upstream: () => ({ status: 200, body: 'ok' }),
      })
      const client = await visit()
      const left: unknown[] = []
      for (let i = 0; i < 3; i++) {
        client.send(get('/'))
        left.push((await client.response()).get('ratelimit')?.replace(/t=\d+/, 't'))
      }
      expect(left).toEqual(['"api";r=1;t', '"api";r=0;t', '"api";r=0;t'])
    })

    test('again when the window is over', async () => {
      const { knock } = await stage([rateLimit({ limit: 1, window: 1 })])
      expect([await knock(), await knock()]).toEqual([200, 429])
      await expect.poll(() => knock(), { interval: 100, timeout: 10_000 }).toBe(200)
    })

    test.each([
      [1, '1'],
      [1_000, '1'],
      [1_001, '2'],
      [59_001, '60'],
    ])('nobody is told to come again too early: in %i ms, so in %s s', async (ms, seconds) => {
      const limiter = { consume: () => Promise.reject(new RateLimiterRes(0, ms)) } as never
      const { visit } = await stage([rateLimit({ limit: 1, window: 60, limiter })])
      const client = await visit()
      client.send(get('/'))
      const response = await client.response()
      expect([response.get('retry-after'), response.get('ratelimit')]).toEqual([
        seconds,
        `"default";r=0;t=${seconds}`,
      ])
    })

    test('each has a limit of its own: who is known by name, others by address', async () => {
      const tokens = apiTokens({ ann: hashToken('a'), ben: hashToken('b') })
      const { knock } = await stage([tokens, rateLimit({ limit: 1, window: 60 })])
      expect([await knock(bearer('a')), await knock(bearer('b')), await knock(bearer('a'))]).toEqual([
        200, 200, 429,
      ])
      const { knock: behind } = await stage([rateLimit({ limit: 1, window: 60, trusted: ['127.0.0.1'] })])
      const from = (address: string): Promise<number> => behind(`X-Forwarded-For: ${address}`)
      expect([
        await from('192.0.2.1'),
        await from('192.0.2.2'),
        await from('192.0.2.1'),
        await from('2001:db8::1'),
        await from('2001:db8:0:0:ffff::'),
        await from('2001:db8:0:1::1'),
      ]).toEqual([200, 200, 429, 200, 429, 200])
    })

    test('or by what is said; who has no key has no limit', async () => {
      const key: RateLimitOptions['key'] = ({ request }) => request.fields.get('x-plan')
      const { knock } = await stage([rateLimit({ limit: 1, window: 60, key })])
      expect([await knock(), await knock(), await knock('X-Plan: a'), await knock('X-Plan: a')]).toEqual([
        200, 200, 200, 429,
      ])
    })

    test('a request counts once, however often it is asked', async () => {
      let asked = 0
      const busy: Middleware = () => (asked++ < 2 ? 'http://127.0.0.1:1' : { status: 200 })
      const { visit } = await stage(
        [rateLimit({ limit: 1, window: 60 }), busy],
        {},
        { transport: (_, next) => next().catch(() => next().catch(() => next())) },
      )
      const client = await visit()
      client.send(get('/'))
      const response = await client.response()
      expect([asked, response.status]).toEqual([3, 200])
      expect(response.get('ratelimit')).toMatch(/r=0/)
    })

    test('the process is warned once of each time in which nobody can count', async () => {
      const warnings: string[] = []
      const warned = ({ message }: Error): unknown => warnings.push(message)
      process.on('warning', warned)
      onTestFinished(() => {
        process.off('warning', warned)
      })
      const limiter = new RateLimiterMemory({ points: 9, duration: 60 })
      const count = limiter.consume.bind(limiter)
      let isGone = false
      limiter.consume = async (key) => {
        if (isGone) throw new Error('gone')
        return count(key)
      }
      const { knock } = await stage([rateLimit({ limit: 9, window: 60, limiter })])
      for (isGone of [true, true, false, true, true]) await knock()
      expect(warnings).toHaveLength(2)
    })

    describe('when Redis is gone', () => {
      const client = (port: number): Redis => {
        const redis = new Redis({ port, host: '127.0.0.1', retryStrategy: null, maxRetriesPerRequest: 1 })
        redis.on('error', () => {})
        onTestFinished(() => redis.disconnect())
        return redis
      }

      test('what cannot be counted goes on, or is 503, as is decided; the process is warned once', async () => {
        const warnings: string[] = []
        const warned = ({ message }: Error): unknown => warnings.push(message)
        process.on('warning', warned)
        onTestFinished(() => {
          process.off('warning', warned)
        })
        const limits = { limit: 1, window: 60, redis: client(1) }
        const { knock } = await stage([rateLimit(limits)])
        expect([await knock(), await knock()]).toEqual([200, 200])
        expect(warnings).toEqual([expect.stringContaining('Requests cannot be counted')])
        expect(await refused(await stage([rateLimit({ ...limits, onStoreError: 'deny' })]))).toEqual([
          503, 503, 0,
        ])
      })
    })

    describe('that machines share', () => {
      const without = 'there is no redis-server: npm run peers -- redis-server'
      const limits = { limit: 3, window: 60 }

      test('by Redis', async ({ skip }) => {
        const server = await redisServer()
        if (server === undefined) return skip(without)
        const machine = async (): Promise<Gate> =>
          stage([rateLimit({ ...limits, redis: await connected(server) })])
        const [one, other] = [await machine(), await machine()]
        const statuses: number[] = []
        for (const { knock } of [one, other, one, other, one]) statuses.push(await knock())
        expect(statuses).toEqual([200, 200, 200, 429, 429])
      })

      test.for<[string, (server: RedisServer) => Promise<void> | void]>([
        ['is killed', (server) => server.kill()],
        ['answers no more', (server) => server.freeze()],
      ])('until Redis %s: then it is as was decided', async ([, fail], { skip }) => {
        const server = await redisServer()
        if (server === undefined) return skip(without)
        const options = { ...limits, limit: 1, storeTimeout: 100, redis: await connected(server) }
        const allowing = await stage([rateLimit(options)])
        const denying = await stage([rateLimit({ ...options, name: 'denying', onStoreError: 'deny' })])
        expect([await allowing.knock(), await allowing.knock()]).toEqual([200, 429])
        expect([await denying.knock(), await denying.knock()]).toEqual([200, 429])
        await fail(server)
        expect([await allowing.knock(), await allowing.knock()]).toEqual([200, 200])
        expect([await denying.knock(), await denying.knock(...upgrade)]).toEqual([503, 503])
      })
    })

    test.each<[Partial<RateLimitOptions>, string]>([
      [{ limit: 0 }, 'rateLimit: limit is a whole number, one or more: 0'],
      [{ window: 2_592_000 }, 'rateLimit: window is at most 2147483, 24 days, where it is counted in memory'],
      [{ window: 0.5 }, 'rateLimit: window is a whole number, one or more: 0.5'],
      [{ onStoreError: 'alow' as 'allow' }, 'rateLimit: onStoreError is allow or deny: alow'],
      [{ name: 'a "b"' }, 'rateLimit: name has only letters, digits, - and _: a "b"'],
    ])('%j is a TypeError', (wrong, message) => {
      expect(() => rateLimit({ limit: 1, window: 1, ...wrong })).toThrow(message)
    })
  })
})

/** Goes with the test. */
async function redisServer(): Promise<RedisServer | undefined> {
  const server = await startRedis()
  if (server !== undefined) onTestFinished(() => server[Symbol.asyncDispose]())
  return server
}

/** A client that does not wait for a server that is gone. */
async function connected({ socket }: RedisServer): Promise<Redis> {
  const redis = new Redis({ path: socket, retryStrategy: null, maxRetriesPerRequest: 1 })
  redis.on('error', () => {})
  onTestFinished(() => redis.disconnect())
  await once(redis, 'ready')
  return redis
}
