/** The upstream connections of one gateway, and the phases until there is one: name, handshake, TLS. */

import type { IncomingHttpHeaders } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { Phase, PhaseTimes, PoolState, UpstreamTls } from '@relayrace/gateway'
import {
  after,
  Bound,
  checkTls,
  clientOf,
  detectResets,
  endedInOrder,
  type HttpExchange,
  heard,
  longest,
  type Places,
  probeAfter,
  readingCopies,
  readProgress,
  responseFraming,
  type Settings,
  Stopwatch,
  servername,
  type Timer,
  timedOut,
  unexpectedEnd,
  watchCloseNotify,
} from '@relayrace/gateway/strategy'
import { buildConnector, Client, type Dispatcher } from 'undici'
import { type Destination, type OpenClient, Pool, type Use } from './pool.ts'
import { latin1 } from './request.ts'

export interface Connections {
  /**
   * Asks on a connection that the exchange has a place for.
   * @param fresh On a new one.
   * @param to Where interceptors have led it; else where the exchange goes.
   * @throws GatewayError `client_closed`, when the client has logged in and left.
   */
  ask(
    exchange: HttpExchange,
    fresh: boolean,
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
    to?: Destination,
  ): Use
  /** A handler that knows nothing of a gateway, made fit for `ask`. */
  watched(handler: Dispatcher.DispatchHandler, method: string): Watched
  /** The same for somebody of whom nothing is known, on a connection of nobody in particular. */
  askFor(to: Destination, options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): Use
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

export function createConnections(settings: Settings, places: Places): Connections {
  const { pool, limits } = settings
  let opening: PhaseTimes | undefined
  let breaking: Error | undefined

  const idleTimeout = Math.min(Math.max(Math.min(pool.idleTimeout, pool.maxAge), 1), longest)
  // Who may not be asked twice is told so with the request.
  const maxRequests = pool.maxAge <= 0 ? 1 : pool.maxRequests
  const common = {
    pipelining: 1,
    allowH2: false,
    ...(Number.isFinite(maxRequests) && { maxRequestsPerClient: Math.max(Math.floor(maxRequests), 1) }),
    keepAliveTimeout: idleTimeout,
    keepAliveMaxTimeout: idleTimeout,
    // The clocks are the exchange's: one that knows a slow sender from a slow receiver.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: limits.responseHead,
  }
  const dial = dialer(settings)

  const open: OpenClient = (to, told) =>
    new Client(to.origin, {
      ...common,
      connect(options, callback) {
        const dialling = dial(to, options, (...connected) => {
          const [, socket] = connected
          // Before undici's own listeners, and below after them.
          socket?.on('error', (error) => {
            breaking = error
          })
          socket?.on('end', () => {
            breaking = endedInOrder(socket) ? undefined : unexpectedEnd()
          })
          if (socket !== null) told.connected()
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
        told.dials(dialling)
      },
    })

  const doubt = (method: string, head: () => readonly string[]): Error | undefined => {
    if (breaking === undefined) return undefined
    // One without content has ended with its head, whatever its status.
    const { kind } = responseFraming(method, 200, head())
    return kind === 'close' ? breaking : undefined
  }

  const shared = new Pool(settings, places, open)
  const bound = new Bound(
    (client) => new Pool(settings, places, open, client),
    (mine) => void mine.destroy(),
  )

  return {
    ask({ incoming, out, endpoint }, fresh, options, handler, to = endpoint) {
      const mine = bound.of(clientOf(incoming), out.fields) ?? shared
      return mine.ask(to, fresh, options, handler)
    },
    askFor(to, options, handler) {
      return shared.ask(to, false, options, new Watched(handler, options.method, doubt))
    },
    watched: (handler, method) => new Watched(handler, method, doubt),
    get opening() {
      return opening
    },
    doubt,
    get pool() {
      const states = [shared, ...bound.all].map(({ state }) => state)
      const sum = (key: keyof PoolState): number => states.reduce((all, state) => all + state[key], 0)
      return { connections: sum('connections'), idle: sum('idle'), waiting: sum('waiting') }
    },
    async close() {
      await Promise.all([shared, ...bound.all].map((one) => one.destroy()))
    },
  }
}

/** Between undici's client and a handler that knows nothing of a gateway: has it told what is told to our own. */
export class Watched implements Dispatcher.DispatchHandler {
  readonly #handler: Dispatcher.DispatchHandler
  readonly #method: string
  readonly #doubt: Connections['doubt']
  /** undici has not taken the request, and said so at once. */
  refused = false
  /** Its answer has come to an end. */
  isOver = false
  #raw: readonly Buffer[] = []

  constructor(handler: Dispatcher.DispatchHandler, method: string, doubt: Connections['doubt']) {
    this.#handler = handler
    this.#method = method
    this.#doubt = doubt
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: object): void {
    this.#handler.onRequestStart?.(controller, context)
  }

  onBodySent(chunk: Buffer): void {
    ;(this.#handler as { onBodySent?(chunk: Buffer): void }).onBodySent?.(chunk)
  }

  onRequestSent(): void {
    ;(this.#handler as { onRequestSent?(): void }).onRequestSent?.()
  }

  onResponseStarted(): void {
    ;(this.#handler as { onResponseStarted?(): void }).onResponseStarted?.()
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    ...head: [number, IncomingHttpHeaders, string?]
  ): void {
    heard(head[0] >= 200)
    this.#raw = controller.rawHeaders as Buffer[]
    this.#handler.onResponseStart?.(controller, ...head)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (chunk.length > 0) heard(true)
    this.#handler.onResponseData?.(controller, chunk)
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    heard(false)
    this.isOver = true
    const broken = this.#doubt(this.#method, () => latin1(this.#raw))
    if (broken === undefined) this.#handler.onResponseEnd?.(controller, trailers)
    else this.#handler.onResponseError?.(controller, broken)
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    this.refused = controller === null
    this.isOver = true
    this.#handler.onResponseError?.(controller, error)
  }
}

/** How long each connection took to make. */
const dialled = new WeakMap<object, Stopwatch>()

type Dial = (to: Destination, options: buildConnector.Options, callback: buildConnector.Callback) => Socket

function dialer(settings: Settings): Dial {
  const common = {
    ...(settings.lookup !== undefined && { lookup: settings.lookup }),
    allowH2: false,
    timeout: 0,
    keepAliveInitialDelay: probeAfter,
    autoSelectFamilyAttemptTimeout: 1_000,
  }
  /** Each keeps the sessions of TLS that it resumes: where nothing was verified, nothing is verified again. */
  const secureBy = new WeakMap<UpstreamTls, buildConnector.connector>()
  const dialSecure = (tls: UpstreamTls): buildConnector.connector => {
    let dial = secureBy.get(tls)
    if (dial === undefined) {
      // As much as one record: so the end of a connection is seen although the parser is held back.
      dial = buildConnector({ ...tls, ...common, highWaterMark: 16 * 1024 } as buildConnector.BuildOptions)
      secureBy.set(tls, dial)
    }
    return dial
  }
  return ({ tls = settings.tls, socketPath }, options, callback) => {
    const secure = options.protocol === 'https:'
    if (secure) checkTls(tls)
    const named = { ...options, servername: servername(tls, options.hostname) }
    // One for each plain connection, which has a reader of its own.
    const dial = secure
      ? dialSecure(tls)
      : buildConnector({
          ...common,
          ...(socketPath !== undefined && { socketPath }),
          // What is larger stops the reading until the parser asks for more. For less it would have to begin again each time.
          highWaterMark: 4 * 1024,
          onread: readingCopies(() => socket),
        } as buildConnector.BuildOptions)
    // Declared to return nothing, but it is the socket: there is no other way to see it before it is connected.
    const socket = dial(named, callback) as unknown as Socket
    if (secure) watchCloseNotify(socket)
    // That of a socket with `onread` begins to read again although the parser has been paused.
    else detectResets(socket).read = Readable.prototype.read
    readProgress(socket, settings.limits)
    timePhases(socket, settings, socketPath !== undefined || isIP(options.hostname) > 0, secure)
    return socket
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
