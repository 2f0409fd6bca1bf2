/** The upstream connections of one gateway, in the agents of node:http: how they are made, kept while idle, and given up. */

import { X509Certificate } from 'node:crypto'
import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import net, { type NetConnectOpts, type Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import { longest } from './clock.ts'
import { endedInOrder, unexpectedEnd, watchCloseNotify } from './close-notify.ts'
import { GatewayError } from './errors.ts'
import type { Limits, PoolState, UpstreamTls } from './gateway.ts'
import { beginsContent, watchProgress } from './progress.ts'
import { connectReading } from './reading.ts'
import { tellResets } from './resets.ts'
import type { Settings } from './settings.ts'
import type { Endpoint } from './upstream.ts'

/** Upstream connections of one gateway. */
export interface Agents {
  /** @param fresh On a new connection, which ends with the answer. */
  to(endpoint: Endpoint, fresh: boolean): http.Agent
  readonly pool: PoolState
  close(): void
}

/** Between two address families a slow first answer is waited for this long before the second one is tried, in ms. */
const attempt = 1_000
/** TCP keep-alive: how long a silent connection is trusted, in ms. */
export const probeAfter = 30_000

export function createAgents({ pool, tls, lookup, limits }: Settings): Agents {
  const pooling = {
    keepAlive: true,
    keepAliveMsecs: probeAfter,
    maxSockets: pool.connections,
    maxTotalSockets: pool.connections,
    maxFreeSockets: pool.idle,
    scheduling: 'lifo',
  } as const
  const connecting = {
    noDelay: true,
    autoSelectFamilyAttemptTimeout: attempt,
    ...(lookup !== undefined && { lookup }),
  }
  const plain = watchIdle(new http.Agent(pooling), pool.idleTimeout)
  Object.assign(plain, {
    // What is here Node copies for each request. It is of no use to a connection that is there already.
    options: { path: null },
    createConnection: (options: NetConnectOpts) =>
      watchProgress(connectReading({ ...options, ...connecting }), limits),
  })
  const secure = watchIdle(secureAgent({ ...pooling, ...connecting }, tls, limits), pool.idleTimeout)
  const once = { ...connecting, keepAlive: false }
  const fresh = { plain: plainAgent(once, limits), secure: secureAgent(once, tls, limits) }
  return {
    to(endpoint, isFresh) {
      if (isFresh) return endpoint.secure ? fresh.secure : fresh.plain
      return endpoint.secure ? secure : plain
    },
    get pool() {
      return stateOf([plain, secure])
    },
    close() {
      for (const agent of [plain, secure, fresh.plain, fresh.secure]) agent.destroy()
    },
  }
}

function stateOf(agents: readonly http.Agent[]): PoolState {
  const count = (lists: NodeJS.ReadOnlyDict<readonly unknown[]>): number =>
    Object.values(lists).reduce((sum, list) => sum + (list?.length ?? 0), 0)
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
function watchIdle<A extends http.Agent>(agent: A, idleTimeout: number): A {
  const reuse = agent.reuseSocket.bind(agent) as (socket: Socket, request: ClientRequest) => void
  return Object.assign(agent, {
    keepSocketAlive(socket: Socket): boolean {
      const limit = Math.min(idleTimeout, hintOf(current.get(socket)), longest)
      current.delete(socket)
      if (limit <= 0 || socket.readableLength > 0) return false
      socket.setTimeout(limit)
      socket.unref()
      socket.on('data', dropUnasked)
      return true
    },
    reuseSocket(socket: Socket, request: ClientRequest): void {
      socket.off('data', dropUnasked)
      reuse(socket, request)
    },
  })
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
      throw new TypeError('tls.servername is no string')
    return {}
  } catch (cause) {
    return { cause }
  }
}

/** An agent for `http:` whose connections tell a reset from an end. */
export function plainAgent(options: http.AgentOptions, limits: Limits): http.Agent {
  return Object.assign(new http.Agent(options), {
    createConnection: (given: NetConnectOpts): Socket =>
      watchProgress(tellResets(net.connect(given)), limits),
  })
}

/** An agent for `https:` whose connections know whether they were ended in order. */
export function secureAgent(options: https.AgentOptions, tls: UpstreamTls, limits: Limits): https.Agent {
  const agent = new https.Agent({ ...options, ...tls })
  const connect = agent.createConnection.bind(agent) as (...given: unknown[]) => Socket
  return Object.assign(agent, {
    createConnection(...given: unknown[]): Socket {
      checkTls(tls)
      // The first to hear of the end: before node:http takes the response for complete.
      return watchProgress(watchCloseNotify(connect(...given)), limits).on('end', judge)
    },
  })
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
  beginsContent(response)
}
