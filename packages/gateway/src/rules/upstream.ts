/** Where an exchange goes: an origin's address, and the request target under its base path. */

import type { Origin, Reply, Route, UpstreamTls } from '../contract/gateway.ts'
import { checkOptions } from '../contract/options.ts'

export function isRoute(choice: unknown): choice is Route {
  return typeof choice === 'object' && choice !== null && 'to' in choice
}

export function isReply(choice: unknown): choice is Reply {
  return typeof choice === 'object' && choice !== null && 'status' in choice
}

/** An origin, taken apart once. */
export interface Endpoint {
  readonly secure: boolean
  /** For dialling: an IPv6 address without its brackets. */
  readonly hostname: string
  readonly port: number
  readonly socketPath: string | undefined
  /** For the Host field: without the scheme's default port. */
  readonly authority: string
  /** Without a trailing slash. Empty for the root. */
  readonly basePath: string
  /** Without the question mark. */
  readonly baseQuery: string
  readonly origin: string
  /** What connections to it have in common: one that was made for another endpoint with the same will do. */
  readonly address: string
  /** Of its route, instead of the gateway's. */
  readonly tls: UpstreamTls | undefined
}

/** @throws TypeError that says what is wrong with it. */
export function endpoint(origin: Origin): Endpoint {
  if (typeof origin !== 'string' && (typeof origin !== 'object' || origin === null))
    throw new TypeError(
      `The upstream must be a URL or a Unix domain socket, not ${String(origin)}: such as "http://127.0.0.1:9000" or { socketPath: "/run/app.sock" }`,
    )
  if (typeof origin === 'object' && 'socketPath' in origin) {
    checkOptions(origin, { socketPath: undefined, host: undefined }, 'upstream.')
    const { socketPath, host: authority = 'localhost' } = origin
    if (typeof socketPath !== 'string' || socketPath === '')
      throw new TypeError('The upstream has a socketPath that is no path: such as "/run/app.sock"')
    if (authority !== '' && !isHost(authority))
      throw new TypeError('The upstream has a host that is none: it is a name, with or without a port')
    return {
      secure: false,
      hostname: 'localhost',
      port: 0,
      socketPath,
      authority,
      basePath: '',
      baseQuery: '',
      origin: `http://${authority}`,
      address: socketPath,
      tls: undefined,
    }
  }
  const url = typeof origin === 'string' ? parse(origin) : origin
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new TypeError(
      `The upstream must be an http: or https: URL, not ${url.protocol} (upgrades are asked by http: as well)`,
    )
  }
  if (url.username !== '' || url.password !== '') {
    throw new TypeError(
      'The upstream URL must not hold credentials: set the Authorization field in rewrite instead',
    )
  }
  const secure = url.protocol === 'https:'
  const hostname = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port)
  return {
    secure,
    hostname,
    port,
    socketPath: undefined,
    authority: url.host,
    basePath: url.pathname.replace(/\/+$/, ''),
    baseQuery: url.search.slice(1),
    origin: url.origin,
    address: `${url.protocol}${hostname}:${port}`,
    tls: undefined,
  }
}

/** The same, asked with settings of its own: no connection that was made with others will do. */
export function withTls(endpoint: Endpoint, tls: UpstreamTls | undefined): Endpoint {
  if (tls === undefined || !endpoint.secure) return endpoint
  return { ...endpoint, tls, address: `${endpoint.address} ${nameOf(tls)}` }
}

const names = new WeakMap<UpstreamTls, number>()
let named = 0

function nameOf(tls: UpstreamTls): number {
  const name = names.get(tls) ?? ++named
  names.set(tls, name)
  return name
}

function parse(text: string): URL {
  const url = URL.parse(text)
  if (url === null)
    throw new TypeError(`The upstream is not a URL: ${JSON.stringify(text)}; such as "http://127.0.0.1:9000"`)
  return url
}

/**
 * The path to ask the upstream for, byte for byte what came, behind the base path. Nothing is decoded, resolved or
 * encoded again: that is how routes get bypassed. Only under a base path are dot segments refused, because there they
 * would escape it.
 *
 * @returns undefined when the target must not be forwarded.
 */
export function joinTarget({ basePath, baseQuery }: Endpoint, target: string): string | undefined {
  if (target === '*') return target
  if (basePath === '' && baseQuery === '') return target
  const mark = target.indexOf('?')
  const path = mark === -1 ? target : target.slice(0, mark)
  const query = mark === -1 ? '' : target.slice(mark + 1)
  if (basePath !== '' && hasDotSegment(path)) return undefined
  const search = baseQuery === '' ? query : query === '' ? baseQuery : `${baseQuery}&${query}`
  return `${basePath}${path}${search === '' && mark === -1 ? '' : `?${search}`}`
}

/** In any spelling that some server takes for one: `..`, `%2e.`, `..;x`, behind `/`, `\` or their encodings. */
const dotSegment = /(?:^|\/|\\|%2f|%5c)(?:\.|%2e){1,2}(?=$|\/|\\|;|%2f|%5c|%3b)/i

function hasDotSegment(path: string): boolean {
  return dotSegment.test(path)
}

/** A request target taken apart (RFC 9112 §3.2). */
export interface Target {
  /** In origin form, or `*`. */
  readonly path: string
  /** Of the absolute form, which then replaces the Host field (RFC 9112 §3.2.2). */
  readonly authority: string | undefined
}

const absoluteForm = /^https?:\/\/([^/?#]*)([^#]*)$/i
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly the characters that must not pass
const notInTarget = /[\x00-\x20\x7f#]/

/** @returns undefined when the target has none of the forms that a gateway serves. */
export function readTarget(method: string, target: string): Target | undefined {
  if (target === '*') return method === 'OPTIONS' ? { path: '*', authority: undefined } : undefined
  if (notInTarget.test(target)) return undefined
  if (target.startsWith('/')) return { path: target, authority: undefined }
  const absolute = absoluteForm.exec(target)
  if (absolute === null) return undefined
  const [, authority = '', rest = ''] = absolute
  if (!isHost(authority)) return undefined
  if (rest === '' && method === 'OPTIONS') return { path: '*', authority }
  return { path: rest.startsWith('/') ? rest : `/${rest}`, authority }
}

const notAscii = /[^\x21-\x7e]/

/** Whether it is a request target in origin form, or `*`, that can be sent as it is. */
export function isPath(method: string, path: unknown): path is string {
  return typeof path === 'string' && readTarget(method, path)?.path === path && !notAscii.test(path)
}

const hostShape = /^(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z\-._~!$&'()*+;=%]+)(?::\d{0,5})?$/

/** Whether a Host value is `uri-host [":" port]` (RFC 9110 §7.2). */
export function isHost(value: string): boolean {
  return hostShape.test(value)
}
