/** The upstream connections of one gateway, and the phases until there is one: name, handshake, TLS. */

import { isIP, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import {
  after,
  Bound,
  checkTls,
  clientOf,
  endedInOrder,
  type HttpExchange,
  longest,
  type Phase,
  type PhaseTimes,
  type PoolState,
  probeAfter,
  readingCopies,
  readProgress,
  responseFraming,
  type Settings,
  Stopwatch,
  servername,
  type Timer,
  tellResets,
  timedOut,
  unexpectedEnd,
  watchCloseNotify,
} from '@relayrace/gateway'
import { Agent, buildConnector, type Dispatcher } from 'undici'

export interface Connections {
  /** To origins on TCP, of nobody in particular. */
  readonly shared: Dispatcher
  /** @throws GatewayError `client_closed`, when the client has logged in and left. */
  for(exchange: HttpExchange): Dispatcher
  /** If the request that is being written now is the first one on its connection: how long making that took. */
  readonly opening: PhaseTimes | undefined
  /**
   * Why a response is broken that undici takes for complete now: it has no length, so it ends with its connection, and
   * that has been reset or was not ended in order (RFC 9112 §8, §9.8).
   */
  doubt(method: string, head: () => readonly string[]): Error | undefined
  readonly pool: PoolState
  close(): Promise<void>
}

export function createConnections(settings: Settings): Connections {
  const { pool, limits } = settings
  let opening: PhaseTimes | undefined
  let breaking: Error | undefined

  function open(socketPath: string | undefined, connections: number): Agent {
    const idleTimeout = Math.min(Math.max(Math.min(pool.idleTimeout, pool.maxAge), 1), longest)
    const dial = connector(settings, socketPath)
    // undici's clock for ages has no less than a millisecond.
    const maxRequests = pool.maxAge < 1 ? 1 : pool.maxRequests
    return new Agent({
      pipelining: 1,
      allowH2: false,
      ...(Number.isFinite(connections) && { connections }),
      ...(Number.isFinite(pool.maxAge) && { clientTtl: Math.max(pool.maxAge, 1) }),
      ...(Number.isFinite(maxRequests) && { maxRequestsPerClient: Math.max(Math.floor(maxRequests), 1) }),
      keepAliveTimeout: idleTimeout,
      keepAliveMaxTimeout: idleTimeout,
      // The clocks are the exchange's: one that knows a slow sender from a slow receiver.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: limits.responseHead,
      connect(options, callback) {
        dial(options, (...connected) => {
          const [, socket] = connected
          // Before undici's own listeners, and below after them.
          socket?.on('error', (error) => {
            breaking = error
          })
          socket?.on('end', () => {
            breaking = endedInOrder(socket) ? undefined : unexpectedEnd()
          })
          // The client writes the request that it was waiting for before this returns.
          opening = socket === null ? {} : (dialled.get(socket)?.read() ?? {})
          callback(...connected)
          opening = undefined
          for (const event of ['error', 'end']) {
            socket?.on(event, () => {
              breaking = undefined
            })
          }
        })
      },
    })
  }

  const shared = new Agents((socketPath) => open(socketPath, pool.connections))
  // What a client asks at once goes one after the other then: it is one connection that has logged in.
  const bound = new Bound(
    () => new Agents((socketPath) => open(socketPath, 1)),
    (mine) => void mine.destroy(),
  )

  return {
    shared: shared.to(undefined),
    for({ incoming, out, endpoint: { socketPath } }) {
      return (bound.of(clientOf(incoming), out.fields) ?? shared).to(socketPath)
    },
    get opening() {
      return opening
    },
    doubt(method, head) {
      if (breaking === undefined) return undefined
      // One without content has ended with its head, whatever its status.
      const { kind } = responseFraming(method, 200, head())
      return kind === 'close' ? breaking : undefined
    },
    get pool() {
      const states = [shared, ...bound.all].flatMap(({ states }) => states)
      const sum = (key: keyof PoolState): number => states.reduce((all, state) => all + state[key], 0)
      return { connections: sum('connections'), idle: sum('idle'), waiting: sum('waiting') }
    },
    async close() {
      await Promise.all([shared, ...bound.all].map((agents) => agents.destroy()))
    },
  }
}

/** A Unix domain socket has an agent of its own, because undici tells pools apart by origin. */
class Agents {
  readonly #open: (socketPath: string | undefined) => Agent
  readonly #agents = new Map<string | undefined, Agent>()

  constructor(open: (socketPath: string | undefined) => Agent) {
    this.#open = open
  }

  to(socketPath: string | undefined): Agent {
    let agent = this.#agents.get(socketPath)
    if (agent === undefined) {
      agent = this.#open(socketPath)
      this.#agents.set(socketPath, agent)
    }
    return agent
  }

  get states(): PoolState[] {
    return [...this.#agents.values()].flatMap(({ stats }) => Object.values(stats).map(stateOf))
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()))
  }
}

/** For one connection undici has another class than for many, which counts differently. */
function stateOf(stats: Agent['stats'][string]): PoolState {
  if ('free' in stats) return { connections: stats.connected, idle: stats.free, waiting: stats.queued }
  const connections = stats.connected ? 1 : 0
  return { connections, idle: stats.running === 0 ? connections : 0, waiting: stats.pending }
}

export function latin1(lines: readonly Buffer[]): string[] {
  return lines.map((line) => line.toString('latin1'))
}

/** How long each connection took to make. */
const dialled = new WeakMap<object, Stopwatch>()

function connector(settings: Settings, socketPath: string | undefined): buildConnector.connector {
  const common = {
    ...settings.tls,
    ...(settings.lookup !== undefined && { lookup: settings.lookup }),
    allowH2: false,
    timeout: 0,
    keepAliveInitialDelay: probeAfter,
    autoSelectFamilyAttemptTimeout: 1_000,
    ...(socketPath !== undefined && { socketPath }),
  }
  // As much as one record: so the end of a connection is seen although the parser is held back.
  const dialSecure = buildConnector({ ...common, highWaterMark: 16 * 1024 } as buildConnector.BuildOptions)
  return (options, callback) => {
    const secure = options.protocol === 'https:'
    if (secure) checkTls(settings.tls)
    const named = { ...options, servername: servername(settings, options.hostname) }
    // One for each plain connection, which has a reader of its own.
    const dial = secure
      ? dialSecure
      : buildConnector({
          ...common,
          // Nothing is read before the parser asks for it.
          highWaterMark: 0,
          onread: readingCopies(() => socket),
        } as buildConnector.BuildOptions)
    // Declared to return nothing, but it is the socket: there is no other way to see it before it is connected.
    const socket = dial(named, callback) as unknown as Socket
    if (secure) watchCloseNotify(socket)
    // That of a socket with `onread` begins to read again although the parser has been paused.
    else tellResets(socket).read = Readable.prototype.read
    readProgress(socket, settings.limits)
    timePhases(socket, settings, socketPath !== undefined || isIP(options.hostname) > 0, secure)
  }
}

function timePhases(socket: Socket, { timeouts }: Settings, addressKnown: boolean, secure: boolean): void {
  let timer: Timer
  const first = addressKnown ? 'connect' : 'dns'
  const stopwatch = new Stopwatch(first)
  dialled.set(socket, stopwatch)
  const enter = (phase: Phase): void => {
    clearTimeout(timer)
    stopwatch.enter(phase)
    timer = after(timeouts[phase], () => socket.destroy(timedOut(phase)))
  }
  enter(first)
  socket.once('lookup', () => enter('connect'))
  if (secure) socket.once('connect', () => enter('tls'))
  socket.once(secure ? 'secureConnect' : 'connect', () => clearTimeout(timer))
  socket.once('close', () => clearTimeout(timer))
}
