/** Middleware as a configuration names it: an object with one key, and what that takes. */

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
  /** So many requests of a client in each window (60 s), counted in the memory of each process. More are 429. */
  | { readonly rateLimit: RateLimitConfig<N> }
  | { readonly bodyLimit: N }

export interface RateLimitConfig<N> {
  readonly limit: number
  readonly window?: N | undefined
  /** Proxies that say in X-Forwarded-For who has asked. */
  readonly trusted?: string[] | undefined
}

const networks = z.array(z.string()).min(1)

export const middlewareConfig: z.ZodType<MiddlewareConfig<number>> = z.union([
  z.custom<Middleware>((value) => typeof value === 'function', 'a function'),
  z.strictObject({ tokens: z.record(z.string(), z.string()) }),
  z.strictObject({ basic: z.record(z.string(), z.string()) }),
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
    }),
  }),
]) as never

/** @throws TypeError that says what is wrong with it. */
export function middlewareOf(given: MiddlewareConfig<number>): Middleware {
  if (typeof given === 'function') return given
  if ('tokens' in given) return apiTokens(given.tokens)
  if ('basic' in given) return basicAuth(given.basic)
  if ('allow' in given) return ipAllow(given.allow, trust(given.trusted))
  if ('deny' in given) return ipDeny(given.deny, trust(given.trusted))
  if ('cors' in given) return cors(given.cors)
  if ('rateLimit' in given) {
    const { limit, window = 60_000, trusted } = given.rateLimit
    return rateLimit({ limit, window: window / 1_000, ...trust(trusted) })
  }
  if ('bodyLimit' in given) return bodyLimit(given.bodyLimit)
  return requestId()
}

const trust = (trusted: string[] | undefined): { trusted?: string[] } =>
  trusted === undefined ? {} : { trusted }
