/** The upstream connections of one gateway, in the agents of node:http: how they are made, kept while idle, and given up. */

import { X509Certificate } from 'node:crypto'
import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import net, { type NetConnectOpts, type Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import { GatewayError } from '../contract/errors.ts'
import type { Limits, Pool, PoolState, UpstreamTls } from '../contract/gateway.ts'
import { longest } from '../exchange/clock.ts'
import type { Settings } from '../exchange/settings.ts'
import { Bound, type ClientConnection, clientOf } from '../node/bound.ts'
import { endedInOrder, unexpectedEnd, watchCloseNotify } from '../node/close-notify.ts'
import { beginsContent, progressed, watchProgress } from '../node/progress.ts'
import { connectReading } from '../node/reading.ts'
import { detectResets } from '../node/resets.ts'
import type { Endpoint } from '../rules/upstream.ts'
import type { HttpExchange } from './exchange.ts'
import type { Places } from './places.ts'

/** Upstream connections of one gateway. */
export interface Agents {
  /** @param fresh On a new connection, which ends with the answer. */
  for(exchange: HttpExchange, fresh: boolean): http.Agent
  readonly pool: PoolState
  close(): void
}

/** What connections of `http:` and `https:` have in common that no option of a gateway says. */
export interface Dialling {
  /** The address that they are made from. */
  readonly localAddress?: string
}

/** Between two address families a slow first answer is waited for this long before the second one is tried, in ms. */
const attempt = 1_000
/** TCP keep-alive: how long a silent connection is trusted, in ms. */
export const probeAfter = 30_000

export interface Pair {
  readonly plain: http.Agent
  readonly secure: https.Agent
}

export function createAgents(settings: Settings, places: Places, dialling: Dialling = {}): Agents {
  const { pool, tls, lookup, limits } = settings
  const connecting = {
    noDelay: true,
    autoSelectFamilyAttemptTimeout: attempt,
    ...dialling,
    ...(lookup !== undefined && { lookup }),
  }
  const pair = (maxSockets: number, owner?: ClientConnection): Pair => {
    const pooling = {
      keepAlive: true,
      keepAliveMsecs: probeAfter,
      // `places` bounds them: an agent counts those of one origin, or of one protocol.
      maxFreeSockets: Number.POSITIVE_INFINITY,
      scheduling: 'lifo',
      maxSockets,
    } as const
    const opened = (socket: Socket): Socket => beginLife(places.opened(socket, owner), pool)
    const idle: Idle = { timeout: pool.idleTimeout, places, owner }
    const plain = watchIdle(new http.Agent(pooling), idle)
    Object.assign(plain, {
      // What is here Node copies for each request. It is of no use to a connection that is there already.
      options: { path: null },
      createConnection: (options: NetConnectOpts) =>
        opened(watchProgress(connectReading({ ...options, ...connecting }), limits)),
    })
    return {
      plain,
      secure: watchIdle(secureAgent({ ...pooling, ...connecting }, tls, limits, opened), idle),
    }
  }
  const once = { ...connecting, keepAlive: false }
  const fresh: Pair = onceBy(once, settings, places)
  const shared = pair(Number.POSITIVE_INFINITY)
  // What a client asks at once goes one after the other then: it is one connection that has logged in.
  const bound = new Bound<Pair>((client) => pair(1, client), destroy)
  return {
    for({ incoming, out, endpoint }, isFresh) {
      const mine = bound.of(clientOf(incoming), out.fields)
      const { plain, secure } = isFresh ? fresh : (mine ?? shared)
      return endpoint.secure ? secure : plain
    },
    get pool() {
      return stateOf([shared, ...bound.all].flatMap(({ plain, secure }) => [plain, secure]))
    },
    close() {
      for (const one of [shared, fresh, ...bound.all]) destroy(one)
    },
  }
}

function destroy({ plain, secure }: Pair): void {
  plain.destroy()
  secure.destroy()
}

function stateOf(agents: readonly http.Agent[]): PoolState {
  const count = (lists: NodeJS.ReadOnlyDict<readonly { readonly destroyed: boolean }[]>): number =>
    // An agent lists a socket that was given up until it has closed.
    Object.values(lists).reduce((sum, list = []) => sum + list.filter((one) => !one.destroyed).length, 0)
  const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)
  const idle = sum(agents.map(({ freeSockets }) => count(freeSockets)))
  return {
    connections: idle + sum(agents.map(({ sockets }) => count(sockets))),
    idle,
    waiting: sum(agents.map(({ requests }) => count(requests))),
  }
}

/**
 * An agent that looks at an idle socket only with the next request takes what came on it meanwhile for the answer to
 * that one (response smuggling). Here a socket that says anything while it is idle is gone at once. Newer Node does the
 * same; the oldest supported one does not.
 *
 * The limit is set when a socket becomes idle, and not taken back: the agent ends idle ones only.
 */
function watchIdle<A extends http.Agent>(agent: A, { timeout, places, owner }: Idle): A {
  const reuse = agent.reuseSocket.bind(agent) as (socket: Socket, request: ClientRequest) => void
  return Object.assign(agent, {
    keepSocketAlive(socket: Socket): boolean {
      const old = lives.get(socket)?.until ?? Number.POSITIVE_INFINITY
      const limit = Math.min(timeout, old - performance.now(), hintOf(current.get(socket)), longest)
      current.delete(socket)
      progressed(socket)
      if (limit <= 0 || socket.readableLength > 0 || !places.idles(socket, owner)) return false
      socket.setTimeout(limit)
      socket.unref()
      socket.on('data', dropUnasked)
      return true
    },
    reuseSocket(socket: Socket, request: ClientRequest): void {
      socket.off('data', dropUnasked)
      places.used(socket)
      reuse(socket, request)
    },
  })
}

/** What becomes of the idle ones of an agent. */
interface Idle {
  readonly timeout: number
  readonly places: Places
  /** Whose they are, if they are somebody's. */
  readonly owner: ClientConnection | undefined
}

/** How long a connection is asked on, of those for which that is bounded: in ms of `performance.now()`, and requests. */
interface Life {
  readonly until: number
  left: number
}

const lives = new WeakMap<Socket, Life>()

function beginLife(socket: Socket, { maxAge, maxRequests }: Pool): Socket {
  if (Number.isFinite(maxAge) || Number.isFinite(maxRequests))
    lives.set(socket, { until: performance.now() + maxAge, left: maxRequests })
  return socket
}

/** Has node:http end the connection with this response when its life is over. */
function endLife(response: IncomingMessage): void {
  const life = lives.get(response.socket)
  if (life === undefined || (--life.left > 0 && performance.now() < life.until)) return
  const { req } = response as unknown as { req: ClientRequest }
  req.shouldKeepAlive = false
}

/** How long the upstream says it keeps the connection, less a second for what is on its way then, in ms. */
function hintOf(response: IncomingMessage | undefined): number {
  const raw = response?.rawHeaders ?? []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (name.length !== 10 || name.toLowerCase() !== 'keep-alive') continue
    const seconds = /\btimeout=(\d+)/i.exec(raw[i + 1] as string)?.[1]
    if (seconds !== undefined) return Number(seconds) * 1_000 - 1_000
  }
  return Number.POSITIVE_INFINITY
}

function dropUnasked(this: Socket): void {
  this.destroy()
}

/** What is wrong with each `tls` of a gateway, found out with its first connection. */
const faults = new WeakMap<UpstreamTls, { readonly cause?: unknown }>()

/** @throws GatewayError 500 when no connection can be made with it: our fault, and not the upstream's. */
export function checkTls(tls: UpstreamTls): void {
  let fault = faults.get(tls)
  if (fault === undefined) {
    fault = faultOf(tls)
    faults.set(tls, fault)
  }
  if ('cause' in fault)
    throw new GatewayError('proxy_configuration_error', { phase: 'tls', cause: fault.cause })
}

function faultOf(tls: UpstreamTls): { readonly cause?: unknown } {
  try {
    createSecureContext(tls)
    // OpenSSL passes over what is no certificate, and trusts nobody then.
    for (const ca of [tls.ca ?? []].flat()) new X509Certificate(ca)
    if (tls.servername !== undefined && typeof tls.servername !== 'string')
      throw new TypeError(
        'tls.servername is no string: it is the name in the certificate, such as "origin.example"',
      )
    return {}
  } catch (cause) {
    return { cause }
  }
}

/** Agents whose connections carry one request each. */
export function onceBy(options: https.AgentOptions, { tls, limits }: Settings, places: Places): Pair {
  const opened = (socket: Socket): Socket => places.opened(socket)
  return { plain: plainAgent(options, limits, opened), secure: secureAgent(options, tls, limits, opened) }
}

/** An agent for `http:` whose connections tell a reset from an end. */
function plainAgent(
  options: http.AgentOptions,
  limits: Limits,
  opened: (socket: Socket) => Socket,
): http.Agent {
  return Object.assign(new http.Agent(options), {
    createConnection: (given: NetConnectOpts): Socket =>
      opened(watchProgress(detectResets(net.connect(given)), limits)),
  })
}

/** An agent for `https:` whose connections know whether they were ended in order. */
function secureAgent(
  options: https.AgentOptions,
  tls: UpstreamTls,
  limits: Limits,
  opened: (socket: Socket) => Socket,
): https.Agent {
  const agent = new https.Agent(options)
  const connect = agent.createConnection.bind(agent) as (...given: unknown[]) => Socket
  const nameOf = agent.getName.bind(agent)
  return Object.assign(agent, {
    // Of connections, and of the sessions that are resumed on them: where nothing was verified, nothing is verified again.
    getName(options: Asked): string {
      const { endpoint } = options
      return endpoint === undefined ? nameOf(options) : `${nameOf(options)}:${endpoint.address}`
    },
    createConnection(options: Asked, ...rest: unknown[]): Socket {
      const its = options.endpoint?.tls ?? tls
      checkTls(its)
      const socket = connect({ ...options, ...its }, ...rest)
      // The first to hear of the end: before node:http takes the response for complete.
      return opened(watchProgress(watchCloseNotify(socket), limits).on('end', judge))
    },
  })
}

/** What an agent is asked with. */
interface Asked extends https.RequestOptions {
  /** If its route has TLS settings of its own. */
  readonly endpoint?: Endpoint
}

/** The response that comes on each connection in use. */
const current = new WeakMap<Socket, IncomingMessage>()

function judge(this: Socket): void {
  const response = current.get(this)
  if (response?.complete === false && !endedInOrder(this)) response.destroy(unexpectedEnd())
}

/** To be told of each response: how long its connection may be kept, and over TLS whether it ended in order (RFC 9112 §9.8). */
export function noteResponse(response: IncomingMessage): void {
  current.set(response.socket, response)
  endLife(response)
  beginsContent(response)
}
