/** How often one may ask: 429 for who asks more. Needs `rate-limiter-flexible`. */

import { isIPv6 } from 'node:net'
import type { Exchange, Reply } from '@relayrace/gateway'
import { checkOptions, GatewayError, Known, type KnownOptions, longest } from '@relayrace/gateway/web'
import flexible, { type RateLimiterAbstract, type RateLimiterRes } from 'rate-limiter-flexible'
import type { Middleware } from '../middleware.ts'
import { adding } from './adding.ts'
import { type AddressOptions, clientAddress } from './addresses.ts'
import { identityOf } from './identity.ts'

export interface RateLimitOptions extends AddressOptions {
  /** Requests in a window, for each key. */
  readonly limit: number
  /** Seconds. */
  readonly window: number
  /**
   * What is counted together. Default: who asks, as tokens and passwords tell; else the client's address, of IPv6 the
   * network of 64 bits, which is one customer's. Undefined is not limited.
   */
  readonly key?: (exchange: Exchange) => string | undefined
  /** A client of ioredis or node-redis, so that several machines share the limit. Default: each counts in its memory. */
  readonly redis?: unknown
  /** Or any limiter of `rate-limiter-flexible`, with this limit and window. */
  readonly limiter?: RateLimiterAbstract
  /** What becomes of a request that cannot be counted: it goes on, or it is answered 503. Default `allow`. */
  readonly onStoreError?: 'allow' | 'deny'
  /** How long counting may take, in milliseconds, until that is so. Default 250. */
  readonly storeTimeout?: number
  /** In the fields RateLimit and RateLimit-Policy, and before keys in Redis. Default `default`. */
  readonly name?: string
}

const rateLimitOptions: KnownOptions<RateLimitOptions> = {
  limit: undefined,
  window: undefined,
  key: 'function',
  trusted: 'object',
  redis: undefined,
  limiter: 'object',
  onStoreError: undefined,
  storeTimeout: undefined,
  name: 'string',
}

/** @throws TypeError for a limit that is none. */
export function rateLimit(options: RateLimitOptions): Middleware {
  checkOptions(options, rateLimitOptions, 'rateLimit.')
  const { limit, window, name = 'default', onStoreError = 'allow', storeTimeout = 250 } = options
  for (const [option, value] of Object.entries({ limit, window, storeTimeout }))
    if (!Number.isInteger(value) || value < 1)
      throw new TypeError(`rateLimit: ${option} is a whole number, one or more: ${value}`)
  if (!/^[\w-]+$/.test(name))
    throw new TypeError(`rateLimit: name has only letters, digits, - and _: ${name}`)
  if (onStoreError !== 'allow' && onStoreError !== 'deny')
    throw new TypeError(`rateLimit: onStoreError is allow or deny: ${onStoreError}`)
  const { key = keyOf(options), limiter = limiterOf(options, name) } = options
  /** Counted once, however often it is asked. */
  const counted = new Known<RateLimiterRes>()
  let failing = false

  const told = adding({
    respond(fields, exchange) {
      const state = counted.of(exchange)
      if (state === undefined) return
      fields.set('RateLimit-Policy', `"${name}";q=${limit};w=${window}`)
      fields.set('RateLimit', `"${name}";r=${state.remainingPoints};t=${seconds(state)}`)
    },
  })

  /** Undefined when nobody can count. */
  async function count(one: string): Promise<{ state: RateLimiterRes; over: boolean } | undefined> {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(
      () => late.reject(new Error('it takes too long')),
      Math.min(storeTimeout, longest),
    )
    try {
      const state = await Promise.race([limiter.consume(one), late.promise])
      failing = false
      return { state, over: false }
    } catch (cause) {
      if (cause instanceof flexible.RateLimiterRes) return { state: cause, over: true }
      if (!failing) process.emitWarning(`Requests cannot be counted: ${String(cause)}`, 'RelayraceWarning')
      failing = true
      return undefined
    } finally {
      clearTimeout(timer)
    }
  }

  return async (exchange, next) => {
    const one = key(exchange)
    if (one === undefined) return next()
    if (counted.of(exchange) !== undefined) return told(next(), exchange)
    const result = await count(one)
    if (result === undefined) {
      if (onStoreError === 'allow') return next()
      throw new GatewayError('destination_unavailable', { phase: 'requestHead', source: 'gateway' })
    }
    counted.set(exchange, result.state)
    return told(result.over ? tooMany(result.state) : next(), exchange)
  }
}

function tooMany(state: RateLimiterRes): Reply {
  return {
    status: 429,
    fields: { 'Retry-After': String(seconds(state)), 'Content-Type': 'text/plain; charset=utf-8' },
    body: 'Too Many Requests\n',
  }
}

const seconds = ({ msBeforeNext }: RateLimiterRes): number => Math.max(1, Math.ceil(msBeforeNext / 1_000))

function limiterOf({ limit, window: duration, redis }: RateLimitOptions, name: string): RateLimiterAbstract {
  const common = { points: limit, duration, keyPrefix: `relayrace:${name}` }
  if (redis === undefined && duration > longest / 1_000)
    throw new TypeError(
      `rateLimit: window is at most ${Math.floor(longest / 1_000)}, 24 days, where it is counted in memory: ${duration}`,
    )
  if (redis === undefined) return new flexible.RateLimiterMemory(common)
  return new flexible.RateLimiterRedis({ ...common, storeClient: redis, rejectIfRedisNotReady: true })
}

function keyOf({ trusted = [] }: AddressOptions): (exchange: Exchange) => string | undefined {
  const addressOf = clientAddress({ trusted })
  return (exchange) => {
    const name = identityOf(exchange)
    if (name !== undefined) return `who:${name}`
    return `from:${networkOf(addressOf(exchange) ?? 'unknown')}`
  }
}

/** Of IPv6 the first 64 bits: who has one address has all that begin like it. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [before = '', after] = address.toLowerCase().split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const missing = after === undefined ? 0 : 8 - head.length - tail.length
  const groups = [...head, ...Array<string>(Math.max(0, missing)).fill('0'), ...tail]
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}
