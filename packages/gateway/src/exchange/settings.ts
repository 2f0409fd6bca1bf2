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
import { setForwarded } from '../rules/forwarded.ts'
import { type Endpoint, endpoint, isPath, isRoute } from '../rules/upstream.ts'
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
    timeouts: numbers('timeouts', defaultTimeouts, timeouts),
    limits: numbers('limits', defaultLimits, limits),
    pool: poolOf(pool),
    tls: tls ?? {},
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
const routeOptions: Readonly<Record<keyof Route, 'string' | 'object' | 'function' | undefined>> = {
  to: undefined,
  path: undefined,
  name: 'string',
  rewrite: 'function',
  modifyResponse: 'function',
  timeouts: 'object',
  limits: 'object',
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
  checkAll(route, routeOptions, 'route.')
  const { to, path, name, rewrite, modifyResponse, timeouts, limits } = route
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
    endpoint: endpointOf(to),
    choose: undefined,
    path,
    route: name,
    rewrite: rewrite ?? settings.rewrite,
    modifyResponse:
      modifyResponse === undefined
        ? settings.modifyResponse
        : (head, exchange) => modifyResponse(head, exchange, settings.modifyResponse ?? nothing),
    timeouts:
      timeouts === undefined ? settings.timeouts : numbers('route.timeouts', settings.timeouts, timeouts),
    limits: limits === undefined ? settings.limits : numbers('route.limits', settings.limits, limits),
  }
}

/** What a route inherits from a gateway that has no such hook. */
function nothing(): void {}

/** Every option, and what it has to be. `upstream` is checked where it is taken apart. */
const options: Readonly<Record<keyof GatewayOptions, 'string' | 'object' | 'function' | undefined>> = {
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
  checkAll(given, options)
  if (given.upstream === undefined || given.upstream === null)
    throw new TypeError('Option upstream is missing: a URL such as "http://127.0.0.1:9000", or a function')
  if (given.pseudonym !== undefined && !pseudonymShape.test(given.pseudonym))
    throw new TypeError('Option pseudonym has to be a token, or a host: it stands in Via (RFC 9110 §7.6.3)')
}

function checkAll<T extends object>(
  given: T,
  known: Readonly<Record<keyof T, string | undefined>>,
  group = '',
): void {
  for (const [name, value] of Object.entries(given)) {
    if (!(name in known)) throw unknownOption(name, Object.keys(known), group)
    const type = known[name as keyof T]
    if (value === undefined || type === undefined) continue
    if (typeof value !== type || value === null)
      throw new TypeError(`Option ${group}${name} has to be ${a(type)}`)
  }
}

const a = (type: string): string => `${type === 'object' ? 'an' : 'a'} ${type}`

/** Names the known one that is nearest, if one is near at all, and else all of them. */
export function unknownOption(name: string, known: readonly string[], group = ''): TypeError {
  const near = nearest(name, known)
  const hint = near === undefined ? '' : `Did you mean ${group}${near}?`
  return new TypeError(
    [`Unknown option ${group}${name}.`, hint, `Known: ${known.join(', ')}`].filter(Boolean).join(' '),
  )
}

/** Undefined when none is near at all. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const by = new Map(known.map((one) => [one, distance(name.toLowerCase(), one.toLowerCase())]))
  const [near, edits] = [...by].sort(([, one], [, other]) => one - other)[0] ?? ['', Number.POSITIVE_INFINITY]
  return edits <= Math.max(2, near.length / 3) ? near : undefined
}

/** Characters to put in, take out or replace, to make one of the other (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, i) => i)
  for (let i = 1; i <= one.length; i++) {
    const next = [i]
    for (let j = 1; j <= other.length; j++) {
      const replaced = (row[j - 1] as number) + (one[i - 1] === other[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[other.length] as number
}

function numbers<T extends object>(group: string, defaults: T, given: Partial<NoInfer<T>> | undefined): T {
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
  const pool = numbers('pool', defaultPool, given)
  if (pool.connections < 1) throw new TypeError(`pool.connections must be 1 or more: ${pool.connections}`)
  return pool
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
