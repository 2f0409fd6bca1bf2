/** Asking an upstream with node:http: the connection pool, the phases until the response head, and the safe retry. */

import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { isIP, type Socket } from 'node:net'
import { idempotent } from './answer.ts'
import { endedInOrder, unexpectedEnd, watchCloseNotify } from './close-notify.ts'
import { upstreamFailure } from './errors.ts'
import type { HttpExchange } from './exchange.ts'
import type { PoolState } from './gateway.ts'
import { beginsAnswer, connectReading } from './reading.ts'
import type { Settings } from './settings.ts'

/** Upstream connections of one gateway. */
export interface Agents {
  readonly http: http.Agent
  readonly https: https.Agent
  readonly pool: PoolState
  close(): void
}

/** Between two address families a slow first answer is waited for this long before the second one is tried, in ms. */
const attempt = 1_000
/** TCP keep-alive: how long a silent connection is trusted, in ms. */
export const probeAfter = 30_000

export function createAgents({ pool, tls, limits, lookup }: Settings): Agents {
  const options = {
    keepAlive: true,
    keepAliveMsecs: probeAfter,
    maxSockets: pool.connections,
    maxTotalSockets: pool.connections,
    maxFreeSockets: pool.idle,
    scheduling: 'lifo',
    timeout: pool.idleTimeout,
    noDelay: true,
    autoSelectFamilyAttemptTimeout: attempt,
    maxHeaderSize: limits.responseHead,
    ...(lookup !== undefined && { lookup }),
  } as const
  const plain = watchIdle(new http.Agent(options))
  plain.createConnection = connectReading as never
  const secure = watchIdle(secureAgent({ ...options, ...tls }))
  return {
    http: plain,
    https: secure,
    get pool() {
      return stateOf([plain, secure])
    },
    close() {
      plain.destroy()
      secure.destroy()
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
 */
function watchIdle<A extends http.Agent>(agent: A): A {
  const keep = agent.keepSocketAlive.bind(agent) as (socket: Socket) => boolean
  const reuse = agent.reuseSocket.bind(agent) as (socket: Socket, request: ClientRequest) => void
  return Object.assign(agent, {
    keepSocketAlive(socket: Socket): boolean {
      if (socket.readableLength > 0 || !keep(socket)) return false
      socket.on('data', dropUnasked)
      return true
    },
    reuseSocket(socket: Socket, request: ClientRequest): void {
      socket.off('data', dropUnasked)
      reuse(socket, request)
    },
  })
}

function dropUnasked(this: Socket): void {
  this.destroy()
}

/** An agent for `https:` whose connections know whether they were ended in order. */
export function secureAgent(options: https.AgentOptions): https.Agent {
  const agent = new https.Agent(options)
  const connect = agent.createConnection.bind(agent) as (...given: unknown[]) => Socket
  return Object.assign(agent, {
    createConnection(...given: unknown[]): Socket {
      // The first to hear of the end: before node:http takes the response for complete.
      return watchCloseNotify(connect(...given)).on('end', judge)
    },
  })
}

/** The response that comes, or has last come, on each connection. */
const current = new WeakMap<Socket, IncomingMessage>()

function judge(this: Socket): void {
  const response = current.get(this)
  if (response?.complete === false && !endedInOrder(this)) response.destroy(unexpectedEnd())
}

/**
 * A response without a length ends with its connection, and node:http takes it for complete however that ended: by a
 * reset, or by a FIN where TLS would have sent an alert first (RFC 9112 §8, §9.8).
 */
export function doubtEnd(ask: ClientRequest, response: IncomingMessage): void {
  current.set(response.socket, response)
  ask.once('error', (cause) => {
    if (!response.complete) response.destroy(cause)
  })
}

/** Sends the request head and returns at once. `headers` is in `rawHeaders` layout. */
export function openRequest(
  { out, endpoint, settings }: HttpExchange,
  headers: readonly string[],
  agent: http.Agent | undefined,
): ClientRequest {
  // One literal, without spreads: Node copies it three times for each request.
  return (endpoint.secure ? https : http).request({
    method: out.method,
    path: out.path,
    headers,
    agent,
    setHost: false,
    timeout: 0,
    maxHeaderSize: settings.limits.responseHead,
    host: endpoint.hostname,
    port: endpoint.port,
    socketPath: endpoint.socketPath,
    servername: endpoint.secure ? servername(settings, endpoint.hostname) : undefined,
  } as https.RequestOptions)
}

/** SNI names hosts, never addresses (RFC 6066 §3). */
export function servername({ tls }: Settings, hostname: string): string {
  if (tls.servername !== undefined) return tls.servername
  return /^[\d.]+$|:/.test(hostname) ? '' : hostname
}

/** Resolves with the response head; interim responses go to the client on the way. Rejects with a `GatewayError`. */
export function responseTo(ask: ClientRequest, exchange: HttpExchange): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    watchConnecting(ask, exchange)
    let answered = false
    ask.once('response', (response) => {
      answered = true
      beginsAnswer(response)
      doubtEnd(ask, response)
      resolve(response)
    })
    ask.on('information', ({ statusCode, rawHeaders }) => exchange.inform(statusCode, rawHeaders))
    ask.on('error', (cause) => reject(upstreamFailure(cause, exchange.phase)))
    // Every request closes in the end, and an error costs the stack it keeps.
    ask.once('close', () => answered || reject(upstreamFailure(undefined, exchange.phase)))
  })
}

/**
 * Times the phases of a new connection: name, handshake, TLS. A reused one has none of them. Meanwhile the client may
 * well send its body: that is a phase of the other direction, and has its own clock.
 */
export function watchConnecting(ask: ClientRequest, exchange: HttpExchange): void {
  ask.once('socket', (socket: Socket) => {
    if (!socket.connecting) return
    const { endpoint } = exchange
    // An address needs no looking up, and there is no event that would say so.
    exchange.enter(endpoint.socketPath === undefined && isIP(endpoint.hostname) === 0 ? 'dns' : 'connect')
    // A name is looked up to its end even for a request that has been given up, when there may be another one already.
    socket.once('lookup', () => ask.destroyed || exchange.enter('connect'))
    if (endpoint.secure) socket.once('connect', () => exchange.enter('tls'))
    socket.once(endpoint.secure ? 'secureConnect' : 'connect', () => exchange.connected())
  })
}

/** Calls back when there is a connection to send the request on: at once on one that is used again. */
export function whenConnected(ask: ClientRequest, secure: boolean, then: () => void): void {
  ask.once('socket', (socket: Socket) => {
    if (socket.connecting) socket.once(secure ? 'secureConnect' : 'connect', then)
    else then()
  })
}

/**
 * Gives a request up. If it was sent whole, and all of an answer that was refused has come already, its connection can be
 * used again from when the promise resolves. No reason is given: a socket that has been given back would throw it.
 */
export function giveUpRequest(
  ask: ClientRequest,
  answer: IncomingMessage | undefined,
  { refused }: HttpExchange,
): Promise<unknown> | undefined {
  if (!refused || answer?.complete !== true || !ask.writableFinished || ask.destroyed) {
    ask.destroy()
    return undefined
  }
  answer.resume()
  return new Promise((resolve) => ask.once('close', resolve))
}

/**
 * Whether a failed request may be sent once more: it had no content, means the same a second time, and went over a
 * connection that may have gone stale while it was idle, which is no fault of the request (RFC 9112 §9.3.1).
 */
export function mayRepeat(connection: { readonly reusedSocket: boolean }, exchange: HttpExchange): boolean {
  const { framing, out, error } = exchange
  return (
    connection.reusedSocket && error === undefined && framing.kind === 'none' && idempotent.has(out.method)
  )
}
