/** Middleware as a configuration names it: an object with one key, and what that takes. */

import { createRequire } from 'node:module'
import type { Middleware } from '@relayrace/router'
import {
  apiTokens,
  basicAuth,
  bodyLimit,
  cors,
  ipAllow,
  ipDeny,
  requestId,
} from '@relayrace/router/middleware'
import { rateLimit } from '@relayrace/router/rate-limit'
import type { Redis } from 'ioredis'
import { z } from 'zod'
import { duration, size } from './units.ts'

/** One of them in a file; a function in TypeScript. */
export type MiddlewareConfig<N> =
  | Middleware
  /** Names, and SHA-256 hashes of the tokens: `relayrace hash` makes them. */
  | { readonly tokens: Readonly<Record<string, string>> }
  /** Users, and hashes of their passwords: `relayrace hash --password` makes them. */
  | { readonly basic: Readonly<Record<string, string>> }
  | { readonly allow: string[]; readonly trusted?: string[] | undefined }
  | { readonly deny: string[]; readonly trusted?: string[] | undefined }
  | { readonly cors: { readonly origins: string[] } }
  | { readonly requestId: true }
  /** So many requests of a client in each window (60 s). More are 429. */
  | { readonly rateLimit: RateLimitConfig<N> }
  | { readonly bodyLimit: N }

export interface RateLimitConfig<N> {
  readonly limit: number
  readonly window?: N | undefined
  /** Proxies that say in X-Forwarded-For who has asked. */
  readonly trusted?: string[] | undefined
  /** `redis://host:6379` or `unix:/path`, where processes and machines count together. Default: each in its memory. Needs `ioredis`. */
  readonly redis?: string | undefined
  /** What becomes of a request when Redis is gone: it goes on, or it is answered 503. Default `allow`. */
  readonly onStoreError?: 'allow' | 'deny' | undefined
}

const hashed = z
  .string()
  .regex(/^[\da-f]{64}$/i, 'write the hash of the token: printf %s "$TOKEN" | npx relayrace hash')
const hashedPassword = z
  .string()
  .regex(
    /^scrypt\$[\w-]+\$[\w-]{43}$/,
    'write the hash of the password: printf %s "$PASSWORD" | npx relayrace hash --password',
  )

const networks = z.array(z.string()).min(1)

export const middlewareConfig: z.ZodType<MiddlewareConfig<number>> = z.union([
  z.custom<Middleware>((value) => typeof value === 'function', 'a function'),
  z.strictObject({ tokens: z.record(z.string(), hashed) }),
  z.strictObject({ basic: z.record(z.string(), hashedPassword) }),
  z.strictObject({ allow: networks, trusted: networks.optional() }),
  z.strictObject({ deny: networks, trusted: networks.optional() }),
  z.strictObject({ cors: z.strictObject({ origins: z.array(z.string()).min(1) }) }),
  z.strictObject({ requestId: z.literal(true) }),
  z.strictObject({ bodyLimit: size }),
  z.strictObject({
    rateLimit: z.strictObject({
      limit: z.int().min(1),
      window: duration.optional(),
      trusted: networks.optional(),
      redis: z
        .string()
        .regex(
          /^(?:rediss?:\/\/.|unix:\/)/,
          'write redis://host:6379, rediss://host:6379 or unix:/path/to/socket',
        )
        .refine((url) => URL.canParse(url), 'no host has that name, or no port that number')
        .optional(),
      onStoreError: z.enum(['allow', 'deny']).optional(),
    }),
  }),
]) as never

/** The part of a configuration that has middleware. */
interface Places {
  readonly middleware?: readonly MiddlewareConfig<number>[] | undefined
  readonly routes?: readonly Place[] | undefined
}

interface Place {
  readonly path: string
  readonly host?: unknown
  readonly method?: unknown
  readonly middleware?: readonly MiddlewareConfig<number>[] | undefined
}

/**
 * All of a configuration. What the one before says in the same place stays, and with it what has been counted; so do
 * connections to Redis.
 */
export class Middlewares {
  readonly #made = new Map<string, Middleware>()
  readonly #places = new Map<string, Middleware[]>()
  readonly #stores = new Map<string, Redis>()

  /** @throws TypeError that says what is wrong with one; and then `before` is as it was. */
  constructor({ middleware = [], routes = [] }: Places, before?: Middlewares) {
    try {
      this.#take('', middleware, before)
      for (const route of routes) this.#take(placeOf(route), route.middleware ?? [], before)
    } catch (error) {
      this.close(before)
      throw error
    }
  }

  #take(place: string, given: readonly MiddlewareConfig<number>[], before: Middlewares | undefined): void {
    const store = this.#storeAfter(before)
    const all = given.map((one, i) => {
      if (typeof one === 'function') return one
      const key = `${place} ${i} ${JSON.stringify(one)}`
      // What stays goes on with the same connection.
      if ('rateLimit' in one && one.rateLimit.redis !== undefined) store(one.rateLimit.redis)
      const known = before === undefined ? undefined : before.#made.get(key)
      const made = known ?? middlewareOf(one, `${place} ${i}`, store)
      this.#made.set(key, made)
      return made
    })
    this.#places.set(place, all)
  }

  /** Those before all routes; or of one. */
  of(route?: Place): Middleware[] {
    return this.#places.get(route === undefined ? '' : placeOf(route)) ?? []
  }

  /** Ends what `next` has not taken over. */
  close(next?: Middlewares): void {
    for (const [url, store] of this.#stores)
      if (next === undefined || next.#stores.get(url) !== store) store.disconnect()
  }

  /** A connection for each Redis. */
  #storeAfter(before: Middlewares | undefined): (url: string) => Redis {
    return (url) => {
      const known =
        this.#stores.get(url) ?? (before === undefined ? undefined : before.#stores.get(url)) ?? connect(url)
      this.#stores.set(url, known)
      return known
    }
  }
}

const placeOf = ({ path, host = '', method = '' }: Place): string => [method, host, path].flat().join(' ')

/** @throws TypeError without the client. */
function connect(url: string): Redis {
  const { Redis } = ioredis()
  const client = new Redis(url.replace(/^unix:/, ''), {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    connectTimeout: 2_000,
  })
  // `rateLimit` says once that nothing can be counted; it comes back by itself.
  client.on('error', () => {})
  return client
}

function ioredis(): typeof import('ioredis') {
  try {
    return createRequire(import.meta.url)('ioredis') as typeof import('ioredis')
  } catch (cause) {
    throw new TypeError('rateLimit with redis needs the package ioredis: npm install ioredis', { cause })
  }
}

/** @throws TypeError that says what is wrong with it. */
function middlewareOf(
  given: Exclude<MiddlewareConfig<number>, Middleware>,
  place: string,
  store: (url: string) => Redis,
): Middleware {
  if ('tokens' in given) return apiTokens(given.tokens)
  if ('basic' in given) return basicAuth(given.basic)
  if ('allow' in given) return ipAllow(given.allow, trust(given.trusted))
  if ('deny' in given) return ipDeny(given.deny, trust(given.trusted))
  if ('cors' in given) return cors(given.cors)
  if ('rateLimit' in given) {
    const { limit, window = 60_000, trusted, redis, onStoreError } = given.rateLimit
    return rateLimit({
      limit,
      window: window / 1_000,
      ...trust(trusted),
      // Limits of two places are not counted together.
      ...(redis !== undefined && { redis: store(redis), name: place.trim().replaceAll(/[^\w-]+/g, '-') }),
      ...(onStoreError !== undefined && { onStoreError }),
    })
  }
  if ('bodyLimit' in given) return bodyLimit(given.bodyLimit)
  return requestId()
}

const trust = (trusted: string[] | undefined): { trusted?: string[] } =>
  trusted === undefined ? {} : { trusted }
