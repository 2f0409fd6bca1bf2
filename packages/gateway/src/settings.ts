/** Options with every default filled in, once, when a gateway is made. */

import { setForwarded } from './forwarded.ts'
import type { GatewayOptions, Limits, Pool, Timeouts, UpstreamTls } from './gateway.ts'
import { type Choose, type Endpoint, endpoint, type Origin } from './upstream.ts'

export const defaultTimeouts: Timeouts = {
  requestHead: 60_000,
  dns: 5_000,
  connect: 10_000,
  tls: 10_000,
  requestBody: 300_000,
  responseHead: 600_000,
  responseBody: Number.POSITIVE_INFINITY,
  drain: 300_000,
  tunnel: Number.POSITIVE_INFINITY,
  idle: 65_000,
  total: Number.POSITIVE_INFINITY,
}

export const defaultLimits: Limits = {
  requestHead: 16_384,
  fields: 1_000,
  responseHead: 65_536,
  requestBody: Number.POSITIVE_INFINITY,
  responseBody: Number.POSITIVE_INFINITY,
  exchanges: Number.POSITIVE_INFINITY,
  connections: Number.POSITIVE_INFINITY,
}

export const defaultPool: Pool = {
  connections: Number.POSITIVE_INFINITY,
  idle: 256,
  idleTimeout: 15_000,
}

export interface Settings {
  readonly name: string
  readonly pseudonym: string
  readonly timeouts: Timeouts
  readonly limits: Limits
  readonly pool: Pool
  readonly tls: UpstreamTls
  readonly lookup: GatewayOptions['lookup'] | undefined
  readonly redirect: GatewayOptions['redirect'] | undefined
  readonly rewrite: NonNullable<GatewayOptions['rewrite']>
  readonly modifyResponse: GatewayOptions['modifyResponse'] | undefined
  readonly transport: GatewayOptions['transport'] | undefined
  readonly onError: GatewayOptions['onError'] | undefined
  readonly onEnd: GatewayOptions['onEnd'] | undefined
  /** The one upstream, or undefined when it is chosen for each exchange. */
  readonly endpoint: Endpoint | undefined
  readonly choose: Choose | undefined
}

/** @throws TypeError when an option makes no sense, naming it. */
export function settle(name: string, options: GatewayOptions): Settings {
  const { upstream, timeouts, limits, pool, pseudonym, tls, lookup, redirect } = options
  const { rewrite, modifyResponse, transport, onError, onEnd } = options
  return {
    name,
    pseudonym: pseudonym ?? `${name}-${crypto.randomUUID().slice(0, 8)}`,
    timeouts: numbers('timeouts', defaultTimeouts, timeouts),
    limits: numbers('limits', defaultLimits, limits),
    pool: numbers('pool', defaultPool, pool),
    tls: tls ?? {},
    lookup,
    redirect,
    rewrite: rewrite ?? setForwarded,
    modifyResponse,
    transport,
    onError,
    onEnd,
    endpoint: typeof upstream === 'function' ? undefined : endpoint(upstream),
    choose: typeof upstream === 'function' ? upstream : undefined,
  }
}

function numbers<T extends object>(group: string, defaults: T, given: Partial<T> | undefined): T {
  const settled = { ...defaults, ...given }
  for (const [key, value] of Object.entries(settled)) {
    if (!(key in defaults)) {
      throw new TypeError(`Unknown option ${group}.${key}. Known: ${Object.keys(defaults).join(', ')}`)
    }
    if (typeof value !== 'number' || !(value >= 0)) {
      throw new TypeError(`${group}.${key} must be a number, zero or more, or Infinity: ${String(value)}`)
    }
  }
  return settled
}

const endpoints = new WeakMap<object, Endpoint>()

/** Takes a chosen origin apart, once for each URL object. */
export function endpointOf(origin: Origin): Endpoint {
  if (typeof origin === 'string') return endpoint(origin)
  let known = endpoints.get(origin)
  if (known === undefined) {
    known = endpoint(origin)
    endpoints.set(origin, known)
  }
  return known
}
