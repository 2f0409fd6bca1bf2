/** One request below `fetch`: puts the exact head on the wire, and keeps what `fetch` would change from it. */

import { type Connections, latin1, requestOf, type Use } from '@relayrace/dispatch-proxy/client'
import { type HttpExchange, heard, release, responseFraming } from '@relayrace/gateway/strategy'
import type { Dispatcher } from 'undici'

/**
 * The dispatcher of one `fetch`. `fetch` normalises URLs, invents fields, merges repeats, refuses a GET with content,
 * unpacks the response, acts on 401, 407 and 421, and forgets interim responses and trailers. It is its dispatcher that
 * talks to the network, so here it asks for anything and is told of a plain 200, while the head that came, the trailers
 * and the interim responses are kept for the exchange. Of the response `fetch` carries the body.
 *
 * It is the handler of the real dispatcher as well, and the controller that `fetch` sees: one object for each exchange.
 */
export class Asking implements Dispatcher.DispatchHandler, Dispatcher.DispatchController {
  /** Of the response head, as it came. */
  status = 0
  statusText = ''
  receivedHeaders: string[] = []
  rawTrailers: string[] = []
  /** Whether content, or its end, has come already. */
  bodyArrived = false
  /** The request has been written, at least in part. */
  sent = false
  reusedSocket = false

  /** What `fetch` sees of the fields: none. */
  readonly rawHeaders: string[] = []

  #exchange: HttpExchange | undefined
  readonly #method: string
  readonly #connections: Connections
  readonly #fresh: boolean
  #use: Use | undefined
  /** Content that has come and that `fetch` does not know of. */
  #held: Buffer[] = []
  #heldBytes = 0
  /** How much may be held before it is asked for: some until the reading begins, nothing from then on. */
  #allowance = 64 * 1024
  /** Whether what comes may go on. */
  #wanted = false
  /** Handed to `fetch` and not yet copied by it, and how far it is with the first one. */
  readonly #lent: Buffer[] = []
  #copied = 0
  #received = 0
  #handler!: Required<Dispatcher.DispatchHandler>
  #controller: Dispatcher.DispatchController | undefined
  /** Why it was given up while it waited for a connection. */
  #givenUp: Error | undefined

  /** @param fresh On a new connection. */
  constructor(exchange: HttpExchange, connections: Connections, fresh: boolean) {
    this.#exchange = exchange
    this.#fresh = fresh
    this.#method = exchange.out.method
    this.#connections = connections
  }

  dispatch(_asked: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.#handler = handler as Required<Dispatcher.DispatchHandler>
    const exchange = this.#exchange as HttpExchange
    if (this.#givenUp !== undefined) {
      this.#handler.onResponseError(this, this.#givenUp)
      return true
    }
    exchange.enter('responseHead')
    const use = this.#connections.ask(exchange, this.#fresh, requestOf(exchange), this)
    this.#use = use
    exchange.holding = use
    return true
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    const exchange = this.#exchange
    if (this.#givenUp !== undefined) {
      controller.abort(this.#givenUp)
      return
    }
    this.sent = true
    this.reusedSocket = this.#connections.opening === undefined
    if (this.#connections.opening !== undefined) exchange?.spent(this.#connections.opening)
    exchange?.enter('responseHead')
    this.#handler.onRequestStart(this, null)
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _: object,
    statusText = '',
  ): void {
    heard(status >= 200)
    const raw = latin1(controller.rawHeaders as Buffer[])
    if (status < 200) {
      this.#exchange?.inform(status, raw)
      return
    }
    this.status = status
    this.statusText = statusText
    this.receivedHeaders = raw
    // They lie in the piece that they came in, which is 64 KiB large perhaps.
    controller.rawHeaders = null
    this.#handler.onResponseStart(this, 200, {}, '')
  }

  /**
   * Each piece costs `fetch` a dozen promises. What has come with one read, in many chunks perhaps, is handed on as one
   * piece: as soon as the parser is through with that read, so that nothing that is live waits.
   */
  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    // A parser that goes on after a pause may begin with nothing.
    if (chunk.length === 0) return
    heard(true)
    this.bodyArrived = true
    this.#received += chunk.length
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (!this.#wanted) {
      if (this.#heldBytes > this.#allowance) controller.pause()
    } else if (chunk.byteOffset + chunk.length === chunk.buffer.byteLength) {
      // All that has been read. The socket is not to read ahead.
      controller.pause()
      this.#handOn()
    } else if (this.#held.length === 1) {
      void readIsUsed.then(() => this.#wanted && this.#handOn())
    }
  }

  /** `fetch` would fill queues of its own. So it is given nothing before it is asked for, and the socket waits. */
  wanted(): void {
    this.#allowance = 0
    this.#wanted = true
    this.#controller?.resume()
    this.#handOn()
  }

  #handOn(): void {
    const held = this.#held
    if (held.length === 0) return
    const piece = held.length === 1 ? (held[0] as Buffer) : Buffer.concat(held, this.#heldBytes)
    this.#held = []
    this.#heldBytes = 0
    this.#wanted = false
    this.#lent.push(piece)
    this.#handler.onResponseData(this, piece)
  }

  /** All of the answer has come, as far as its head says how much that is. */
  get isWhole(): boolean {
    const framing = responseFraming(this.#method, this.status, this.receivedHeaders)
    return framing.kind === 'none' || (framing.kind === 'length' && framing.length === this.#received)
  }

  /** `fetch` copies the content. What has come out of its stream is no longer needed as it came in. */
  taken(bytes: number): void {
    this.#copied += bytes
    for (
      let chunk = this.#lent[0];
      chunk !== undefined && chunk.byteLength <= this.#copied;
      chunk = this.#lent[0]
    ) {
      this.#copied -= chunk.byteLength
      release(chunk)
      this.#lent.shift()
    }
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    heard(false)
    this.bodyArrived = true
    const broken = this.#connections.doubt(this.#method, () => this.receivedHeaders)
    if (broken !== undefined) {
      this.#handler.onResponseError(this, broken)
      return
    }
    const trailers = controller.rawTrailers as Buffer[]
    if (trailers.length > 0) this.rawTrailers = latin1(trailers)
    this.#handOn()
    this.#handler.onResponseEnd(this, {})
  }

  /**
   * Lets go of the exchange once it is over. `fetch` has its Response watched by a FinalizationRegistry, which keeps it
   * and all that it knows through every minor collection.
   */
  forget(): void {
    this.#exchange = undefined
    this.#controller = undefined
    this.#use = undefined
    this.receivedHeaders = []
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (this.#givenUp === undefined) this.#handler.onResponseError(this, error)
  }

  get aborted(): boolean {
    return this.#controller?.aborted ?? false
  }

  get reason(): Error | null {
    return this.#controller?.reason ?? null
  }

  /** Never: see `wanted`. */
  readonly paused = false

  /** `fetch` hears of it at once. Until the request is written undici has nothing that can be aborted. */
  abort(reason: Error): void {
    if (this.#controller !== undefined) this.#controller.abort(reason)
    else if (this.#exchange !== undefined && this.#givenUp === undefined) {
      this.#givenUp = reason
      this.#use?.giveUp()
      // Not before `fetch` has come to ask.
      this.#handler?.onResponseError(this, reason)
    }
  }

  pause(): void {}

  resume(): void {}
}

/** What is to be done then runs when the parser has returned. `queueMicrotask` of Node does the same for more. */
const readIsUsed = Promise.resolve()
