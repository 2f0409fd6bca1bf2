/** Options with every default filled in, once, when a gateway is made. */

import { internalFailure } from '../contract/errors.ts'
import type {
  Choose,
  GatewayOptions,
  Limits,
  Origin,
  Pool,
  Route,
  Timeouts,
  UpstreamTls,
} from '../contract/gateway.ts'
import { checkOptions, type KnownOptions, unknownOption } from '../contract/options.ts'
import { setForwarded } from '../rules/forwarded.ts'
import { type Endpoint, endpoint, isPath, isRoute, withTls } from '../rules/upstream.ts'
import { heldTo } from './lookup.ts'

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
  interimResponses: 1_000,
  interimBytes: 1_048_576,
  streamWindow: 1_048_576,
  connectionWindow: 4_194_304,
  replay: 0,
  requestBody: Number.POSITIVE_INFINITY,
  responseBody: Number.POSITIVE_INFINITY,
  exchanges: Number.POSITIVE_INFINITY,
  connections: Number.POSITIVE_INFINITY,
}

export const defaultPool: Pool = {
  connections: Number.POSITIVE_INFINITY,
  idle: 256,
  idleTimeout: 15_000,
  maxAge: Number.POSITIVE_INFINITY,
  maxRequests: Number.POSITIVE_INFINITY,
}

export interface Settings {
  readonly name: string
  readonly pseudonym: string
  readonly timeouts: Timeouts
  readonly limits: Limits
  readonly pool: Pool
  readonly tls: UpstreamTls
  readonly lookup: GatewayOptions['lookup'] | undefined
  readonly rewrite: NonNullable<Route['rewrite']>
  /** The gateway's, which that of a route may call. */
  readonly inherited: NonNullable<GatewayOptions['rewrite']>
  readonly informational: GatewayOptions['informational'] | undefined
  readonly modifyResponse: GatewayOptions['modifyResponse'] | undefined
  readonly transport: GatewayOptions['transport'] | undefined
  readonly onError: GatewayOptions['onError'] | undefined
  readonly onEnd: GatewayOptions['onEnd'] | undefined
  /** The one upstream, or undefined when it is chosen for each attempt. */
  readonly endpoint: Endpoint | undefined
  readonly choose: Choose | undefined
  /** Of a route: what to ask for, and its name. */
  readonly path: Route['path']
  readonly route: string | undefined
}

/** @throws TypeError when an option makes no sense, naming it. */
export function resolveSettings(name: string, options: GatewayOptions): Settings {
  check(options)
  const { upstream, timeouts, limits, pool, pseudonym, tls, lookup } = options
  const { rewrite, informational, modifyResponse, transport, onError, onEnd } = options
  const settings: Settings = {
    name,
    pseudonym: pseudonym ?? `${name}-${crypto.randomUUID().slice(0, 8)}`,
    timeouts: settleNumbers('timeouts', defaultTimeouts, timeouts),
    limits: settleNumbers('limits', defaultLimits, limits),
    pool: poolOf(pool),
    tls: tlsOf('tls', tls),
    lookup: lookup && heldTo(lookup),
    rewrite: rewrite ?? setForwarded,
    inherited: rewrite ?? setForwarded,
    informational,
    modifyResponse,
    transport,
    onError,
    onEnd,
    endpoint: typeof upstream === 'function' || isRoute(upstream) ? undefined : endpoint(upstream),
    choose: typeof upstream === 'function' ? upstream : undefined,
    path: undefined,
    route: undefined,
  }
  return isRoute(upstream) ? along(upstream, settings) : settings
}

/** What a route may say, and what that has to be. `to` is checked where it is taken apart, and `path` when it is known. */
const routeOptions: KnownOptions<Route> = {
  to: undefined,
  path: undefined,
  name: 'string',
  rewrite: 'function',
  modifyResponse: 'function',
  timeouts: 'object',
  limits: 'object',
  tls: 'object',
}

/** Of a connection, or of the gateway as a whole: known before there is a route, or shared by all. */
const notOfRoutes = {
  timeouts: ['requestHead', 'idle'],
  limits: ['requestHead', 'fields', 'streamWindow', 'connectionWindow', 'exchanges', 'connections'],
} as const

const routed = new WeakMap<Route, WeakMap<Settings, Settings>>()

/** The settings of a gateway along a route, made once for each. @throws TypeError when the route makes no sense, naming what. */
export function along(route: Route, settings: Settings): Settings {
  const known = routed.get(route)
  let made = known?.get(settings)
  if (made === undefined) {
    made = settleRoute(route, settings)
    if (known === undefined) routed.set(route, new WeakMap([[settings, made]]))
    else known.set(settings, made)
  }
  return made
}

function settleRoute(route: Route, settings: Settings): Settings {
  checkOptions(route, routeOptions, 'route.')
  const { to, path, name, rewrite, modifyResponse, timeouts, limits, tls } = route
  for (const [group, given] of [
    ['timeouts', timeouts],
    ['limits', limits],
  ] as const)
    for (const key of Object.keys(given ?? {}))
      if ((notOfRoutes[group] as readonly string[]).includes(key))
        throw new TypeError(`route.${group}.${key} is none of a route: set ${group}.${key} of the gateway`)
  if (path !== undefined && typeof path !== 'function' && !isPath('OPTIONS', path))
    throw new TypeError(
      `route.path is no path that can be asked for: ${JSON.stringify(path)}; it begins with a slash and is percent-encoded`,
    )
  return {
    ...settings,
    endpoint: withTls(endpointOf(to), tls && tlsOf('route.tls', tls)),
    choose: undefined,
    path,
    route: name,
    rewrite: rewrite ?? settings.rewrite,
    modifyResponse:
      modifyResponse === undefined
        ? settings.modifyResponse
        : (head, exchange) => modifyResponse(head, exchange, settings.modifyResponse ?? nothing),
    timeouts:
      timeouts === undefined
        ? settings.timeouts
        : settleNumbers('route.timeouts', settings.timeouts, timeouts),
    limits: limits === undefined ? settings.limits : settleNumbers('route.limits', settings.limits, limits),
  }
}

/** What a route inherits from a gateway that has no such hook. */
function nothing(): void {}

/** Every option, and what it has to be. `upstream` is checked where it is taken apart. */
const options: KnownOptions<GatewayOptions> = {
  upstream: undefined,
  pseudonym: 'string',
  timeouts: 'object',
  limits: 'object',
  pool: 'object',
  tls: 'object',
  lookup: 'function',
  rewrite: 'function',
  informational: 'function',
  modifyResponse: 'function',
  transport: 'function',
  onError: 'function',
  onEnd: 'function',
}

/** What may stand in Via as a name (RFC 9110 §7.6.3): a token, or a host with or without a port. */
const pseudonymShape = /^[!#$%&'*+\-.^_`|~0-9A-Za-z:[\]]+$/

function check(given: GatewayOptions): void {
  if (typeof given !== 'object' || given === null)
    throw new TypeError(
      'Options are an object, with at least an upstream: { upstream: "http://127.0.0.1:9000" }',
    )
  checkOptions(given, options)
  if (given.upstream === undefined || given.upstream === null)
    throw new TypeError('Option upstream is missing: a URL such as "http://127.0.0.1:9000", or a function')
  if (given.pseudonym !== undefined && !pseudonymShape.test(given.pseudonym))
    throw new TypeError('Option pseudonym has to be a token, or a host: it stands in Via (RFC 9110 §7.6.3)')
}

/** Those that are given, beside the defaults. @throws TypeError for one that is none of them, or no number. */
export function settleNumbers<T extends object>(
  group: string,
  defaults: T,
  given: Partial<NoInfer<T>> | undefined,
): T {
  const settled = { ...defaults, ...given }
  for (const [key, value] of Object.entries(settled)) {
    if (!(key in defaults)) {
      throw unknownOption(key, Object.keys(defaults), `${group}.`)
    }
    if (typeof value !== 'number' || !(value >= 0)) {
      throw new TypeError(`${group}.${key} must be a number, zero or more, or Infinity: ${String(value)}`)
    }
  }
  return settled
}

/** Without a connection nothing could be asked. */
function poolOf(given: Partial<Pool> | undefined): Pool {
  const pool = settleNumbers('pool', defaultPool, given)
  if (pool.connections < 1) throw new TypeError(`pool.connections must be 1 or more: ${pool.connections}`)
  return pool
}

const tlsOptions: KnownOptions<UpstreamTls> = {
  ca: 'bytes',
  cert: 'bytes',
  key: 'bytes',
  passphrase: 'string',
  pfx: 'bytes',
  servername: 'string',
  minVersion: 'string',
  maxVersion: 'string',
  rejectUnauthorized: 'boolean',
  ciphers: 'string',
}

function tlsOf(group: string, tls: UpstreamTls = {}): UpstreamTls {
  checkOptions(tls, tlsOptions, `${group}.`)
  return tls
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

/** @throws GatewayError 500 when it is none. */
export function originOf(origin: Origin): string {
  try {
    return endpointOf(origin).origin
  } catch (cause) {
    throw internalFailure(cause, 'responseHead')
  }
}
