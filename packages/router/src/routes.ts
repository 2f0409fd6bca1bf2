/** What a route says, checked when it is made, and what it makes of an exchange. */

import type { Choice, Choose, Exchange, Origin, Route, Upstream } from '@relayrace/gateway'
import { isRoute, resolveSettings } from '@relayrace/gateway/web'
import { compose, type Middleware } from './middleware.ts'
import { beyond, segmentsOf } from './path.ts'
import type { Pattern } from './table.ts'

/** Which requests, where they go, and what holds for them there instead of what the gateway says. */
export interface RouterRoute extends Omit<Route, 'to' | 'path'> {
  /**
   * `/api/` stands for all that is below it, `/api` for itself alone: it is redirected to `/api/` if only that is there. The
   * longest one wins. Percent-encoded only where it has to be, and then in upper case: `/a%2Fb`.
   */
  readonly path: string
  /** One or several, without a port. Goes before all routes without one. Default: any. */
  readonly host?: string | readonly string[]
  /** One or several; GET is HEAD as well. Default: any that no other route with this path names. */
  readonly method?: string | readonly string[]
  /** As of a gateway: an origin, a route, or a function, which may answer with a `Reply`. Throwing answers 500. */
  readonly upstream: Upstream
  /**
   * What is asked for in the place of `path`: `/` takes the prefix off. What follows goes on byte for byte. With a slash at
   * its end if `path` has one.
   */
  readonly replace?: string
  /** Asked before `upstream` is, in this order, behind that of the router. */
  readonly middleware?: readonly Middleware[]
}

export interface Compiled {
  readonly name: string
  readonly pattern: Pattern
  readonly choose: Choose
}

/** @throws TypeError that names the route, and what is wrong with it. */
export function compile(route: RouterRoute): Compiled {
  const pattern = patternOf(route)
  const name = route.name ?? textOf(route)
  return { name, pattern, choose: compose(route.middleware ?? [], chooserOf(route, name)) }
}

/** As in Go: `GET api.example/users/`. */
function textOf({ method = [], host = [], path }: RouterRoute): string {
  return [[method].flat().join(','), `${[host].flat().join(',')}${path}`].filter(Boolean).join(' ')
}

const known: readonly (keyof RouterRoute)[] = [
  'path',
  'host',
  'method',
  'upstream',
  'replace',
  'middleware',
  'name',
  'rewrite',
  'modifyResponse',
  'timeouts',
  'limits',
  'tls',
]

/** @throws TypeError that names the route, and what is wrong with it. */
export function patternOf(route: RouterRoute): Pattern {
  if (typeof route !== 'object' || route === null) throw new TypeError(`A route is an object, not ${route}`)
  const { path, host = [], method = [], upstream, replace, middleware = [] } = route
  if (typeof path !== 'string' || !path.startsWith('/'))
    throw new TypeError(`The path of a route begins with a slash: ${JSON.stringify(path)}`)
  const wrong = (why: string): TypeError => new TypeError(`Route ${textOf(route)}: ${why}`)
  for (const key of Object.keys(route))
    if (!(known as readonly string[]).includes(key))
      throw wrong(`unknown option ${key}. Known: ${known.join(', ')}`)
  const normal = normalOf(path)
  if (normal !== path)
    throw wrong(
      `no request has this path: ${normal === undefined ? 'leave out query and fragment, and percent-encode the rest' : `write ${normal}`}`,
    )
  const methods = [method].flat()
  for (const one of methods) {
    if (typeof one !== 'string' || !/^[!#$%&'*+\-.^_`|~0-9A-Z]+$/.test(one))
      throw wrong(`no request has the method ${JSON.stringify(one)}: methods are in upper case`)
    if (one === '*' || one === 'CONNECT' || one === 'TRACE')
      throw wrong(`${one} is never asked for here: leave it out`)
  }
  const hosts = [host].flat()
  for (const one of hosts)
    if (typeof one !== 'string' || !/^(?:\[[\da-f:.]+\]|[\da-z\-._~!$&'()+;=%]*[\da-z])$/.test(one))
      throw wrong(`no request is for the host ${JSON.stringify(one)}: it is in lower case and without a port`)
  if (upstream === undefined || upstream === null)
    throw wrong('upstream is missing: a URL such as "http://127.0.0.1:9000", or a function')
  if (replace !== undefined) {
    if (typeof replace !== 'string' || !replace.startsWith('/') || /[^\x21-\x7e]|[?#]/.test(replace))
      throw wrong('replace is a path: it begins with a slash, without a query')
    if (path.endsWith('/') && !replace.endsWith('/')) throw wrong('replace ends in a slash, as path does')
  }
  if (!Array.isArray(middleware) || middleware.some((one) => typeof one !== 'function'))
    throw wrong('middleware is an array of functions: [(exchange, next) => next()]')
  return { hosts, methods, path }
}

/** Undefined for what no path can be. */
function normalOf(path: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly the characters that must not pass
  if (/[\x00-\x20\x7f-\uffff?#]/.test(path)) return undefined
  const segments = segmentsOf(path)
  return segments && `/${segments.names.join('/')}`
}

function chooserOf(route: RouterRoute, name: string): Choose {
  const { path, host: _, method: __, upstream, replace, middleware: ___, ...hooks } = route
  const own: Own = { ...hooks, name, ...(replace !== undefined && { path: replacer(path, replace) }) }
  try {
    if (typeof upstream === 'function') {
      resolveSettings('router', { upstream: { ...own, to: 'http://127.0.0.1' } })
      return chooserBy(upstream, own)
    }
    const { to, ...rest } = routeTo(upstream)
    const fixed = merged(own, { ...rest, to: typeof to === 'string' ? (URL.parse(to) ?? to) : to })
    resolveSettings('router', { upstream: fixed })
    return () => fixed
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new TypeError(`Route ${textOf(route)}: ${why}`, { cause })
  }
}

/** What a route of the router says, whatever is chosen. */
type Own = Omit<Route, 'to'>

function chooserBy(upstream: Choose, own: Own): Choose {
  /** What is seen again is not made again. */
  const made = new WeakMap<object, Route>()
  const along = (choice: Choice): Choice => {
    if (typeof choice !== 'object' || choice === null) return merged(own, { to: choice })
    if ('status' in choice) return choice
    const known = made.get(choice)
    if (known !== undefined) return known
    const route = merged(own, routeTo(choice))
    made.set(choice, route)
    return route
  }
  return (exchange) => {
    const choice = upstream(exchange)
    return isPromise(choice) ? choice.then(along) : along(choice)
  }
}

function routeTo(choice: Origin | Route): Route {
  return isRoute(choice) ? choice : { to: choice }
}

/** What was chosen goes before what is said of all; its hooks inherit those. */
function merged(own: Own, chosen: Route): Route {
  const { timeouts, limits } = own
  const rewrite = inheriting(chosen.rewrite, own.rewrite)
  const modifyResponse = inheriting(chosen.modifyResponse, own.modifyResponse)
  return {
    ...own,
    ...chosen,
    ...(rewrite && { rewrite }),
    ...(modifyResponse && { modifyResponse }),
    ...(timeouts && { timeouts: { ...timeouts, ...chosen.timeouts } }),
    ...(limits && { limits: { ...limits, ...chosen.limits } }),
  }
}

type Hook<H, R> = (head: H, exchange: Exchange, inherited: (head: H, exchange: Exchange) => R) => R

function inheriting<H, R>(
  inner: Hook<H, R> | undefined,
  outer: Hook<H, R> | undefined,
): Hook<H, R> | undefined {
  if (inner === undefined || outer === undefined) return inner ?? outer
  return (head, exchange, inherited) => inner(head, exchange, (given, same) => outer(given, same, inherited))
}

/** Puts another prefix there. `*` has none. */
function replacer(path: string, by: string): (path: string) => string {
  const below = path.endsWith('/')
  const count = path.split('/').length - (below ? 2 : 1)
  const prefix = below ? by.slice(0, -1) : by
  return (asked) => (asked === '*' ? asked : prefix + beyond(asked, count))
}

export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Promise<T> | null | undefined)?.then === 'function'
}
