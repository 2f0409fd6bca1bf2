/** The options of http-proxy-3: what they have to be, and what becomes of those that are not kept. */

import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { SecureVersion } from 'node:tls'
import type { Origin, Pool, UpstreamTls } from '@relayrace/gateway'
import { unknownOption } from '@relayrace/gateway/strategy'

export interface ProxyTargetDetailed {
  host?: string | undefined
  port?: number | string | undefined
  protocol?: string | undefined
  hostname?: string | undefined
  pathname?: string | undefined
  search?: string | undefined
  socketPath?: string | undefined
  key?: UpstreamTls['key']
  passphrase?: string | undefined
  pfx?: UpstreamTls['pfx']
  cert?: UpstreamTls['cert']
  ca?: UpstreamTls['ca']
  ciphers?: string | undefined
}

export type ProxyTargetUrl = URL | string | { port: number | string; host: string; protocol?: string }
export type ProxyTarget = ProxyTargetUrl | ProxyTargetDetailed

/** Told of what went wrong, instead of the `error` event. Answering is then its affair. */
export type ErrorCallback = (
  error: NodeJS.ErrnoException,
  req: IncomingMessage,
  res: ServerResponse | Socket,
  target?: ProxyTarget,
) => void

export interface ServerOptions {
  /** Where requests go: a URL, an object with `host` and `port` or `socketPath`, or a function that chooses for each. */
  target?: ProxyTarget | ((req: IncomingMessage) => ProxyTarget) | undefined
  /** Where a copy of each request goes. What is answered there is dropped. */
  forward?: ProxyTargetUrl | undefined
  /** Connections are the proxy's own. Of a plain `http.Agent` the TLS options, `localAddress` and bounds are taken over. */
  agent?: http.Agent | false | undefined
  /** For `listen`: what `https.createServer` takes. Of upstreams, `servername`, `minVersion` and `maxVersion`. */
  // biome-ignore lint/suspicious/noExplicitAny: it is in http-proxy-3, so that whatever is passed there may be passed here
  ssl?: any
  /** Whether a server that `listen` makes takes upgrades. */
  ws?: boolean | undefined
  /** Adds the client to X-Forwarded-For, -Port and -Proto, and sets X-Forwarded-Host. */
  xfwd?: boolean | undefined
  /** `false` verifies no certificate. */
  secure?: boolean | undefined
  /** Paths are passed on byte for byte in any case. A target in absolute form goes on whole. */
  toProxy?: boolean | undefined
  /** Whether the target's path goes before the request's. Default true. */
  prependPath?: boolean | undefined
  /** Whether the request's path is left out. */
  ignorePath?: boolean | undefined
  /** The address that upstream connections are made from. */
  localAddress?: string | undefined
  /** Whether Host becomes the target's. */
  changeOrigin?: boolean | undefined
  /** The case of field names is kept in any case. */
  preserveHeaderKeyCase?: boolean | undefined
  /** `user:password`. */
  auth?: string | undefined
  hostRewrite?: string | null | undefined
  autoRewrite?: boolean | undefined
  protocolRewrite?: string | null | undefined
  cookieDomainRewrite?: false | string | { [domain: string]: string | null } | undefined
  cookiePathRewrite?: false | string | { [path: string]: string | null } | undefined
  /** Fields of the outgoing request, instead of those that came. */
  headers?: { [name: string]: string | number | readonly string[] | undefined } | undefined
  /** Milliseconds that the upstream may take for its head, and be silent afterwards. */
  proxyTimeout?: number | undefined
  /** Milliseconds that an upstream connection may take. */
  connectTimeout?: number | undefined
  /** Milliseconds that the client's connection may be silent. */
  timeout?: number | undefined
  /** Whether redirects of requests without content are followed: five times at most. */
  followRedirects?: boolean | undefined
  /** Whether listeners of `proxyRes` answer. */
  selfHandleResponse?: boolean | undefined
  /** The content, instead of that of the request. */
  buffer?: Readable | undefined
  method?: string | undefined
  /** Instead of the certificate authorities that Node.js trusts. */
  ca?: UpstreamTls['ca']
}

type Kind = 'function' | 'string' | 'number' | 'boolean' | 'object' | 'any'

const known: Readonly<Record<keyof ServerOptions, readonly Kind[]>> = {
  target: ['string', 'object', 'function'],
  forward: ['string', 'object'],
  agent: ['any'],
  ssl: ['object'],
  ws: ['boolean'],
  xfwd: ['boolean'],
  secure: ['boolean'],
  toProxy: ['boolean'],
  prependPath: ['boolean'],
  ignorePath: ['boolean'],
  localAddress: ['string'],
  changeOrigin: ['boolean'],
  preserveHeaderKeyCase: ['boolean'],
  auth: ['string'],
  hostRewrite: ['string'],
  autoRewrite: ['boolean'],
  protocolRewrite: ['string'],
  cookieDomainRewrite: ['string', 'object'],
  cookiePathRewrite: ['string', 'object'],
  headers: ['object'],
  proxyTimeout: ['number'],
  connectTimeout: ['number'],
  timeout: ['number'],
  followRedirects: ['boolean'],
  selfHandleResponse: ['boolean'],
  buffer: ['object'],
  method: ['string'],
  ca: ['any'],
}

const gone: Readonly<Record<string, string>> = {
  fetch: 'use createFetchProxy of @relayrace/fetch-proxy, which asks with fetch',
  fetchOptions: 'use createFetchProxy of @relayrace/fetch-proxy, and its hooks rewrite and modifyResponse',
}

/** @throws TypeError when an option makes no sense or is not kept, naming it and what to do instead. */
export function checkOptions(options: ServerOptions): void {
  if (typeof options !== 'object' || options === null)
    throw new TypeError('Options are an object: { target: "http://127.0.0.1:9000" }')
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    const instead = gone[name]
    if (instead !== undefined) throw new TypeError(`Option ${name} is not kept: ${instead}`)
    const kinds = known[name as keyof ServerOptions] as readonly Kind[] | undefined
    if (kinds === undefined) throw unknownOption(name, Object.keys(known))
    // Where http-proxy takes something falsy for nothing, so do we.
    if (value === null || value === false || kinds[0] === 'any') continue
    if (!kinds.includes(typeof value as Kind))
      throw new TypeError(`Option ${name} has to be ${kinds.map((kind) => a(kind)).join(' or ')}`)
  }
  checkAgent(options.agent)
  for (const name of ['proxyTimeout', 'connectTimeout', 'timeout'] as const)
    if (options[name] !== undefined && !((options[name] as number) >= 0))
      throw new TypeError(`Option ${name} has to be zero or more milliseconds: ${options[name]}`)
  const { target } = options
  if (target && typeof target !== 'function') settleTarget(target, 'target')
  if (options.forward) settleTarget(options.forward, 'forward')
}

const a = (kind: Kind): string => `${kind === 'object' ? 'an' : 'a'} ${kind}`

function checkAgent(agent: ServerOptions['agent']): void {
  if (!agent || isPlain(agent)) return
  throw new TypeError(
    'Option agent has to be a plain http.Agent or https.Agent, of which options are taken over: connections are the' +
      ' proxy’s own. Leave it out for a pool that keeps them alive; an agent that dials by another way has no place here',
  )
}

const plainAgents: readonly unknown[] = [http.Agent.prototype, https.Agent.prototype]

const isPlain = (agent: unknown): agent is http.Agent => plainAgents.includes(Object.getPrototypeOf(agent))

/** Those of one call, where everything has been chosen. */
export interface ChosenOptions extends ServerOptions {
  target?: ProxyTarget | undefined
}

/** A target, taken apart. */
export interface Target {
  /** With its path. */
  readonly whole: Origin
  /** Without it. */
  readonly origin: Origin
  /** Path and query, as they stand in a request that asks for the target itself. */
  readonly path: string
  readonly host: string
  readonly tls: UpstreamTls
}

const settled = new WeakMap<object, Target>()

/** By what they are written as, the same few again and again. */
const written = new Map<string, Target>()
const most = 256

/** @throws TypeError that names the option. */
export function settleTarget(target: ProxyTarget, name: string): Target {
  if (typeof target === 'object' && !(target instanceof URL)) {
    const made = settled.get(target) ?? fromObject(target, name)
    settled.set(target, made)
    return made
  }
  const text = String(target)
  const known = written.get(text)
  if (known !== undefined) return known
  const made = fromUrl(parse(text, name), name)
  if (written.size >= most) written.clear()
  written.set(text, made)
  return made
}

function parse(text: string, name: string): URL {
  const url = URL.parse(text)
  if (url === null)
    throw new TypeError(
      `Option ${name} is not a URL such as "http://127.0.0.1:9000": ${JSON.stringify(text)}`,
    )
  return url
}

function fromUrl(given: URL, name: string, tls: UpstreamTls = {}): Target {
  const scheme = schemes[given.protocol.replace(/:$/, '')]
  if (scheme === undefined)
    throw new TypeError(`Option ${name} has to be an http:, https:, ws: or wss: URL, not ${given.protocol}`)
  if (given.username !== '' || given.password !== '')
    throw new TypeError(`Option ${name} must not hold credentials: give them as auth, "user:password"`)
  // The scheme of a URL that is a special one can become another special one.
  const whole = new URL(given)
  whole.protocol = scheme
  return {
    whole,
    origin: new URL(whole.origin),
    path: `${whole.pathname}${whole.search}`,
    host: whole.host,
    tls,
  }
}

const schemes: Readonly<Record<string, string>> = {
  http: 'http:',
  https: 'https:',
  ws: 'http:',
  wss: 'https:',
}

function fromObject(target: ProxyTargetDetailed, name: string): Target {
  const { socketPath, key, passphrase, pfx, cert, ca, ciphers } = target
  if ('secureProtocol' in target && target.secureProtocol !== undefined)
    throw new TypeError(`Option ${name}.secureProtocol is not kept: set ssl.minVersion and ssl.maxVersion`)
  const tls = { key, passphrase, pfx, cert, ca, ciphers }
  for (const one of Object.keys(tls) as (keyof typeof tls)[]) if (tls[one] == null) delete tls[one]
  const path = `${target.pathname ?? '/'}${target.search ?? ''}`
  const protocol = (target.protocol ?? 'http:').replace(/:$/, '')
  if (typeof socketPath === 'string') {
    if (schemes[protocol] !== 'http:')
      throw new TypeError(`Option ${name}.socketPath is spoken to without TLS: set protocol to "http:"`)
    const host = target.hostname ?? target.host ?? 'localhost'
    const origin = { socketPath, host }
    return { whole: origin, origin, path, host, tls: tls as UpstreamTls }
  }
  const { host, port } = target
  const hostname = target.hostname ?? withoutPort(host ?? '')
  if (hostname === '') throw new TypeError(`Option ${name} has no host: { host: "127.0.0.1", port: 9000 }`)
  const bracketed = hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname
  const where = port === undefined || port === '' ? '' : `:${port}`
  return fromUrl(parse(`${protocol}://${bracketed}${where}${path}`, name), name, tls as UpstreamTls)
}

function withoutPort(host: string): string {
  return /^[^:]*:\d+$|^\[.*\]:\d+$/.test(host) ? host.replace(/:\d+$/, '') : host
}

/** What upstream connections are made with. Requests for which it is the same share them. */
export interface Connecting {
  readonly tls: UpstreamTls
  readonly pool: Partial<Pool>
  readonly localAddress: string | undefined
}

/** What `connectingOf` depends on. */
export function partsOf({ secure, ca, ssl, agent, localAddress }: ServerOptions, { tls }: Target): unknown[] {
  return [
    secure !== false,
    ca,
    ssl,
    agent || undefined,
    localAddress || undefined,
    ...tlsNames.map((name) => tls[name]),
  ]
}

const tlsNames = ['ca', 'cert', 'key', 'passphrase', 'pfx', 'ciphers'] as const
const ofAgents = [...tlsNames, 'servername', 'minVersion', 'maxVersion', 'rejectUnauthorized'] as const
const ofSsl = ['servername', 'minVersion', 'maxVersion'] as const

export function connectingOf(options: ServerOptions, target: Target): Connecting {
  const { secure, ca, ssl, agent } = options
  const ofAgent = ((agent || {}) as { options?: AgentOptions }).options ?? {}
  const tls = {
    ...picked(ssl || {}, ofSsl),
    rejectUnauthorized: secure !== false,
    ...(ca && { ca }),
    ...target.tls,
    ...picked(ofAgent, ofAgents),
  }
  const { maxSockets = Number.POSITIVE_INFINITY } = (agent || {}) as http.Agent
  return {
    tls: tls as UpstreamTls,
    pool: { connections: Math.max(1, maxSockets) },
    localAddress: options.localAddress || ofAgent.localAddress,
  }
}

interface AgentOptions extends UpstreamTls {
  readonly localAddress?: string
  readonly minVersion?: SecureVersion
}

function picked(from: object, names: readonly string[]): object {
  return Object.fromEntries(
    Object.entries(from).filter(([name, value]) => names.includes(name) && value != null),
  )
}
