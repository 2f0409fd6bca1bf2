/** One request to undici's dispatcher: the handler of its answer, which goes on to the client as it comes. */

import { AsyncResource } from 'node:async_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { GatewayError, type Phase } from '@relayrace/gateway'
import {
  type ByteSource,
  Download,
  type HttpExchange,
  heard,
  internalFailure,
  isOfConnection,
  mayRepeat,
  relayFrom,
  responseFraming,
  upstreamFailure,
} from '@relayrace/gateway/strategy'
import { type Dispatcher, util } from 'undici'
import type { Connections, Watched } from './connections.ts'
import type { Use } from './pool.ts'
import { latin1, requestOf, wentStale } from './request.ts'

/** How a request gets to a connection. */
export interface Ask {
  readonly connections: Connections
  /** Others stand between: heads may have been edited, and pieces be kept. */
  readonly composed: boolean
  dispatch(options: Dispatcher.DispatchOptions, asking: Asking): void
}

/** Asks the upstream and relays its answer. Rejects with what has failed. */
export function carry(exchange: HttpExchange, ask: Ask, fresh = false): Promise<void> {
  return new Promise((resolve, reject) => new Asking(exchange, ask, fresh, resolve, reject).begin())
}

/** How much of an answer may be held while its head waits for a hook, in bytes. */
const allowance = 64 * 1024

/** What is done then runs when the parser has returned. `queueMicrotask` of Node does the same for more. */
const readIsUsed = Promise.resolve()

export class Asking implements Dispatcher.DispatchHandler {
  readonly exchange: HttpExchange
  /** On a new connection: others of the pool may be as stale as the one before. */
  readonly fresh: boolean
  /** The request has been written, at least in part. */
  sent = false
  reusedSocket = false
  /** Under interceptors: what it was last asked with. */
  watched: Watched | undefined

  readonly #ask: Ask
  readonly #resolve: (again?: Promise<void>) => void
  readonly #reject: (cause: unknown) => void
  /** In which the hooks are called: undici's parser runs in that of whoever has opened the connection. */
  readonly #context: AsyncResource | undefined
  #controller: Dispatcher.DispatchController | undefined
  #use: Use | undefined
  #givenUp = false
  /** The response head, as it came. */
  #status = 0
  #raw: readonly string[] = []
  /** Content that has come and not gone on. */
  #held: Buffer[] = []
  #heldBytes = 0
  #received = 0
  #rawTrailers: string[] = []
  #ended = false
  #broken: Error | undefined
  /** Where the content goes as it comes: from when the head has been written. */
  #download: Download | undefined
  /** Who takes it instead, piece by piece. */
  #reader: PromiseWithResolvers<{ value?: Uint8Array }> | undefined
  #pulled = false
  #settled = false
  /** The end of an answer that was refused, for its connection to be used again. */
  #whole: (() => void) | undefined

  constructor(
    exchange: HttpExchange,
    ask: Ask,
    fresh: boolean,
    resolve: (again?: Promise<void>) => void,
    reject: (cause: unknown) => void,
  ) {
    this.exchange = exchange
    this.fresh = fresh
    this.#ask = ask
    this.#resolve = resolve
    this.#reject = reject
    const { modifyResponse, informational } = exchange.settings
    if (modifyResponse !== undefined || informational !== undefined)
      this.#context = new AsyncResource('RelayraceAsking')
  }

  // ---- ask

  begin(): void {
    const { exchange } = this
    exchange.onCancel((reason) => this.#cancel(reason))
    if (this.#settled) return
    exchange.enter('responseHead')
    try {
      this.#ask.dispatch(requestOf(exchange), this)
    } catch (cause) {
      this.#fail(cause as Error)
    }
  }

  /** The connection that it is asked on. */
  holds(use: Use): void {
    // It has failed at once, and perhaps begun again.
    if (this.#settled) return
    this.#use = use
    this.exchange.holding = use
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#givenUp) {
      controller.abort(this.exchange.error ?? new Error('given up'))
      return
    }
    this.sent = true
    const { opening } = this.#ask.connections
    this.reusedSocket = opening === undefined
    if (opening === undefined) return
    this.exchange.spent(opening)
    this.exchange.enter('responseHead')
  }

  // ---- head

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Headers,
    reason = '',
  ): void {
    heard(status >= 200)
    const { exchange } = this
    const raw = this.#linesOf(controller.rawHeaders as Buffer[] | null, headers)
    if (status < 200) {
      this.#within(() => exchange.inform(status, raw))
      return
    }
    this.#status = status
    this.#raw = raw
    // They lie in the piece that they came in, which is 64 KiB large perhaps.
    controller.rawHeaders = null
    try {
      const edited = this.#within(() => exchange.respond(status, reason, raw))
      if (edited === undefined) this.#relay()
      else edited.then(() => this.#relay()).catch((cause) => this.#end(cause))
    } catch (cause) {
      this.#end(cause)
    }
  }

  #within<T>(work: () => T): T {
    return this.#context === undefined ? work() : this.#context.runInAsyncScope(work)
  }

  /** As they came. Where an interceptor has edited them, as it says: in small letters, and repeats together. */
  #linesOf(raw: Buffer[] | null | undefined, said: Headers): string[] {
    if (raw != null && (!this.#ask.composed || isDeepStrictEqual(util.parseHeaders(raw), said)))
      return latin1(raw)
    return Object.entries(said).flatMap(([name, values = []]) =>
      [values].flat().flatMap((value) => [name, value]),
    )
  }

  // ---- body

  #relay(): void {
    const { exchange } = this
    if (this.#settled) return
    exchange.enter('responseBody')
    if (exchange.contentDropped || exchange.expected === 0) {
      exchange.response.end()
      const whole = this.#isWhole
      this.#end()
      if (!whole) this.#controller?.abort(new Error('What comes is not wanted'))
    } else if (exchange.transform !== undefined) {
      this.#pulled = true
      relayFrom(exchange, this.#pieces(), this.#answer).then(
        () => this.#end(),
        (cause) => this.#end(cause),
      )
    } else {
      this.#download = new Download(exchange, () => this.#goOn())
      void readIsUsed.then(() => this.#flush())
    }
  }

  /**
   * What has come with one read, in many chunks perhaps, goes on as one piece: as soon as the parser is through with that
   * read, so that nothing that is live waits.
   */
  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    // A parser that goes on after a pause may begin with nothing.
    if (chunk.length === 0) return
    heard(true)
    if (this.#settled) return
    this.#received += chunk.length
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#download === undefined) {
      this.#give()
      if (this.#heldBytes > allowance) controller.pause()
    } else if (this.#download.isHeld) controller.pause()
    else if (
      this.#received === this.exchange.expected ||
      chunk.byteOffset + chunk.length === chunk.buffer.byteLength
    )
      this.#flush()
    else if (this.#held.length === 1) void readIsUsed.then(() => this.#flush())
  }

  #flush(): void {
    const download = this.#download
    if (this.#settled || download === undefined || download.isOver || download.isHeld) return
    const piece = this.#take()
    if (this.#ended) download.end(piece, this.#rawTrailers)
    else if (piece === undefined) {
      if (this.#received === 0) download.begin()
    } else download.write(piece, this.#ask.composed)
    if (download.isOver) this.#end()
    else if (download.isHeld) this.#controller?.pause()
  }

  /** The client has taken what there was. */
  #goOn(): void {
    this.#flush()
    if (this.#download?.isHeld === false) this.#controller?.resume()
  }

  #take(): Buffer | undefined {
    const held = this.#held
    if (held.length === 0) return undefined
    const piece = held.length === 1 ? held[0] : Buffer.concat(held, this.#heldBytes)
    this.#held = []
    this.#heldBytes = 0
    return piece
  }

  /** The content, for a hook that changes it. */
  #pieces(): ByteSource {
    return {
      getReader: () => ({
        read: () => {
          this.#reader = Promise.withResolvers()
          const { promise } = this.#reader
          this.#give()
          this.#controller?.resume()
          return promise
        },
        cancel: async () => this.#controller?.abort(new Error('The hook takes no more')),
      }),
    }
  }

  #give(): void {
    const reader = this.#reader
    if (reader === undefined) return
    const value = this.#take()
    if (value !== undefined) reader.resolve({ value })
    else if (this.#broken !== undefined) reader.reject(this.#broken)
    else if (this.#ended) reader.resolve({})
    else return
    this.#reader = undefined
  }

  get #answer(): { bodyArrived: boolean; rawTrailers: readonly string[]; wanted(): void; taken(): void } {
    const trailers = (): readonly string[] => this.#rawTrailers
    return {
      bodyArrived: this.#received > 0 || this.#ended,
      get rawTrailers() {
        return trailers()
      },
      wanted() {},
      taken() {},
    }
  }

  // ---- end

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: Headers): void {
    heard(false)
    this.#whole?.()
    if (this.#settled) return
    const { connections } = this.#ask
    const broken = connections.doubt(this.exchange.out.method, () => this.#raw)
    if (broken !== undefined) {
      this.onResponseError(controller, broken)
      return
    }
    this.#ended = true
    const raw = controller.rawTrailers as Buffer[] | null
    if (raw == null || raw.length > 0) this.#rawTrailers = this.#linesOf(raw, trailers ?? {})
    if (this.#pulled) this.#give()
    else this.#flush()
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#whole?.()
    if (this.#pulled) {
      this.#broken = this.#blamed(error)
      this.#give()
    } else this.#fail(error)
  }

  #fail(cause: Error): void {
    if (this.#settled) return
    const { exchange } = this
    const failure = upstreamFailure(this.#blamed(cause), this.#askingPhase)
    const asked = this.#status === 0 && failure.source !== 'gateway'
    const again = this.#isOfAnother(cause) ? { reusedSocket: true } : this
    if (asked && !this.fresh && (mayRepeat(again, exchange) || wentStale(this, exchange, cause))) {
      this.#settled = true
      this.#resolve(carry(exchange, this.#ask, true))
    } else this.#end(failure)
  }

  get #askingPhase(): Phase {
    return this.sent ? this.exchange.phase : 'connect'
  }

  /** Of several clients that an interceptor asks for at once, that one has left for which it was asked. */
  #isOfAnother(cause: Error): boolean {
    return (
      cause instanceof GatewayError &&
      cause.type === 'client_closed' &&
      this.#ask.composed &&
      this.exchange.error === undefined
    )
  }

  /** What an interceptor throws is the gateway's. */
  #blamed(cause: Error): Error {
    const phase = this.#askingPhase
    if (this.#isOfAnother(cause)) return new GatewayError('connection_terminated', { phase, cause })
    if (!this.#ask.composed || cause instanceof GatewayError || isOfConnection(cause)) return cause
    return internalFailure(cause, phase)
  }

  #end(failure?: unknown): void {
    if (this.#settled) return
    this.#settled = true
    if (failure === undefined) this.#resolve()
    else this.#reject(failure)
  }

  /** All of the answer has come, as far as its head says how much that is. */
  get #isWhole(): boolean {
    if (this.#ended) return true
    const framing = responseFraming(this.exchange.out.method, this.#status, this.#raw)
    return framing.kind === 'none' || (framing.kind === 'length' && framing.length === this.#received)
  }

  /** If all of an answer that was refused has come, its connection is free when it has been read. */
  #cancel(reason: GatewayError): Promise<void> | undefined {
    const refused = this.exchange.answerRefused && this.#status !== 0 && this.#isWhole
    this.#held = []
    if (refused) {
      this.#end(reason)
      return this.#drain()
    }
    // Until the request is written undici has nothing that can be aborted.
    this.#givenUp = true
    if (this.#controller !== undefined) this.#controller.abort(reason)
    else this.#use?.giveUp()
    this.#end(reason)
    return undefined
  }

  async #drain(): Promise<void> {
    if (!this.#ended) {
      await new Promise<void>((resolve) => {
        this.#whole = resolve
        this.#controller?.resume()
      })
    }
    // The pool hears of it a little later.
    await nextTurn()
  }
}

/** As undici tells them: by their names in small letters. */
type Headers = Record<string, string | string[] | undefined>
