/** A client's connection: requests one after the other, each with a response, in order (RFC 9112 §9.3). */

import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { GatewayError } from '@relayrace/gateway'
import {
  closingPatience,
  type Framing,
  type InFlight,
  type Pending,
  requestFraming,
  waitUntil,
} from '@relayrace/gateway/strategy'
import { parseRequestHead, type RequestLine, responseHead } from './head.ts'
import { Inbound } from './inbound.ts'
import { Malformed, type MessageEvents, MessageReader } from './message.ts'
import { httpDate, Response, type ResponseChannel } from './response.ts'
import type { Limited, Sweep } from './sweep.ts'
import { Wire, type WireEvents } from './wire.ts'

export interface ServerLimits {
  /** Bytes of a request head. */
  readonly requestHead: number
  /** Milliseconds for a head to arrive. */
  readonly headTimeout: number
  /** Milliseconds between two requests. */
  readonly idleTimeout: number
  /** Milliseconds between two pieces of a request's content, once its answer is out. */
  readonly bodyTimeout: number
  /** Milliseconds for a client to take what is left of a response. */
  readonly drainTimeout: number
}

/** Who answers the requests of a connection. */
export interface Answerer {
  readonly limits: ServerLimits
  readonly sweep: Sweep
  /** No connection is kept after its response. */
  readonly closing: boolean
  /** A request head has arrived. Its content is in `request`, its answer goes to `response`. Must not throw. */
  answer(request: RequestLine, content: Inbound, response: Response, connection: ServerConnection): void
  gone(connection: ServerConnection): void
}

/** How long a client that goes on sending after its answer is listened to, so that it can read the answer first, in ms. */
const linger = 5_000
/** Pipelined requests that wait for their turn, in bytes. Beyond that the client is not read. */
const mostWaiting = 64 * 1024
/** A connection that is not read does not tell that its client has gone: it is given up after that long, in ms. */
const unread = 10_000

/** Ends the connections of a server that accepts no more: each when it has nothing under way, the rest after `grace` ms. */
export async function endConnections(
  connections: ReadonlySet<ServerConnection>,
  inFlight: Pick<InFlight<Pending>, 'drained'>,
  grace: number,
): Promise<void> {
  const until = performance.now() + grace
  for (const connection of connections) {
    if (connection.idle && !connection.isFresh) connection.wire.socket.destroySoon()
  }
  // What was accepted just now gets an answer too.
  await waitUntil(() => [...connections].every(({ isFresh }) => !isFresh), Math.min(grace, closingPatience))
  await inFlight.drained(
    grace,
    () => new GatewayError('destination_unavailable', { phase: 'total', source: 'gateway' }),
  )
  // The kernel may not have taken all that was written.
  for (const connection of connections) if (!connection.handedOver) connection.wire.socket.destroySoon()
  const left = Math.max(until - performance.now(), Math.min(grace, closingPatience))
  await waitUntil(() => connections.size === 0, left)
  for (const connection of connections) connection.wire.socket.destroy()
}

export class ServerConnection implements WireEvents, MessageEvents, Limited, ResponseChannel {
  readonly wire: Wire
  readonly #answerer: Answerer
  readonly #reader: MessageReader
  #content: Inbound | undefined
  #response: Response | undefined
  /** What a pipelining client has sent ahead. */
  #waiting: Buffer | undefined
  /** It may send no more ahead, in ms of `performance.now()`. */
  #unreadSince: number | undefined
  #limit: number
  /** When the limit began to count. */
  #since: number
  /** `rest`: an answered request is still coming. `linger`: our side has ended. */
  #deadlinePhase: 'head' | 'idle' | 'rest' | 'linger' = 'head'
  #handedOver = false

  constructor(socket: Socket, answerer: Answerer) {
    this.#answerer = answerer
    this.#reader = new MessageReader(this, { head: answerer.limits.requestHead })
    this.#limit = answerer.limits.headTimeout
    this.#since = performance.now()
    this.wire = Wire.accept(socket, this)
    answerer.sweep.add(this)
  }

  /** It speaks another protocol, and whoever it was handed over to ends it. */
  get handedOver(): boolean {
    return this.#handedOver
  }

  /** It was accepted, and has not asked for anything yet. */
  get isFresh(): boolean {
    return this.#deadlinePhase === 'head' && this.#response === undefined
  }

  get idle(): boolean {
    return this.#response === undefined && this.#reader.idle && this.#waiting === undefined
  }

  // ---- the wire

  received(bytes: Buffer): void {
    if (this.#deadlinePhase === 'linger') return
    // Whoever reads on is waited for; a rest that is dropped has to come soon.
    if (this.#deadlinePhase === 'rest' && this.#content?.wanted === true) this.#since = performance.now()
    try {
      this.#read(bytes)
    } catch (error) {
      this.#refuse(error)
    }
  }

  ended(): void {
    const { wire } = this
    if (this.#response !== undefined && !this.#response.ended) this.#response.aborted()
    // A request that is cut off is no request, and between two there is nothing left to do.
    wire.socket.end()
    if (this.#response === undefined) wire.socket.destroySoon()
  }

  drained(): void {
    if (this.#deadlinePhase !== 'head') this.#since = performance.now()
    this.#response?.producer?.drained()
  }

  closed(): void {
    this.#answerer.sweep.delete(this)
    if (this.#response !== undefined && !this.#response.ended) this.#response.aborted()
    this.#answerer.gone(this)
  }

  check(now: number): void {
    if (this.#handedOver) return
    if (this.#unreadSince !== undefined && now - this.#unreadSince >= unread) {
      this.wire.socket.destroy()
      return
    }
    if (this.#response !== undefined && !this.#response.ended) {
      this.#response.producer?.check(now)
      return
    }
    const { socket } = this.wire
    const owed = socket.writableLength > 0
    // A client that is slow to take its answer may need longer than one that is silent.
    if (now - this.#since < (owed ? this.#answerer.limits.drainTimeout : this.#limit)) return
    if (owed || this.#deadlinePhase === 'linger' || this.#deadlinePhase === 'rest') {
      socket.destroy()
      return
    }
    if (this.#response !== undefined) return
    // Between two requests silence is all there is to say (RFC 9112 §9.5).
    if (this.#deadlinePhase === 'idle' && this.#reader.idle) this.wire.socket.destroySoon()
    else this.#refuse(new GatewayError('http_request_error', { phase: 'requestHead', status: 408 }))
  }

  // ---- the message

  head(text: string): Framing {
    const request = parseRequestHead(text)
    const framing = requestFraming(request.version, request.raw)
    const content = new Inbound(this.wire, framing)
    const response = new Response(this, request)
    this.#content = content
    this.#response = response
    this.#reader.verbatim = false
    this.wire.bulk = framing.kind === 'chunked' || (framing.kind === 'length' && framing.length > 16_384)
    this.#answerer.answer(request, content, response, this)
    return framing
  }

  content(piece: Buffer): void {
    this.#content?.deliver(piece)
  }

  end(trailers: readonly string[]): void {
    this.wire.bulk = false
    this.#content?.finish(trailers)
    if (this.#response?.ended === true && this.#deadlinePhase !== 'linger') this.#next()
  }

  // ---- the response's side

  get remoteAddress(): string | undefined {
    return this.wire.socket.remoteAddress
  }

  get secure(): boolean {
    return (this.wire.socket as TLSSocket).encrypted === true
  }

  get closing(): boolean {
    return this.#answerer.closing
  }

  /** Content in chunks is wanted with its framing, not decoded. */
  set verbatim(verbatim: boolean) {
    this.#reader.verbatim = verbatim
  }

  /** Nothing of the content has been looked at: `verbatim` can still be chosen. */
  get untouched(): boolean {
    return this.#reader.untouched
  }

  get awaitsContent(): boolean {
    return (
      this.#content?.complete === false && this.#content.framing.kind !== 'none' && this.#content.bytes === 0
    )
  }

  /** Content received of the current request, without framing. */
  get contentBytes(): number {
    return this.#reader.contentBytes
  }

  /** The response is out. The next request may begin, or the connection ends. */
  responded(keep: boolean): void {
    const complete = this.#content?.complete === true
    if (!keep || this.wire.socket.readableEnded) {
      this.#lingerThenClose()
      return
    }
    if (complete) this.#next()
    else if (this.#content?.wanted === true) this.#setDeadline('rest', this.#answerer.limits.bodyTimeout)
    else {
      // The rest of the request is read and dropped for a while, then the connection is given up.
      this.#content?.discard()
      this.#setDeadline('rest', linger)
    }
  }

  /** The connection speaks another protocol from here on. @returns what has arrived of it already. */
  handOver(events: WireEvents): Buffer | undefined {
    this.#handedOver = true
    this.#answerer.sweep.delete(this)
    this.wire.socket.once('close', () => this.#answerer.gone(this))
    this.wire.events = events
    const early = this.#waiting
    this.#waiting = undefined
    return early
  }

  #read(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length && this.#deadlinePhase !== 'linger') {
      if (this.#waiting !== undefined || this.#content?.complete === true) {
        this.#wait(at === 0 ? bytes : bytes.subarray(at))
        return
      }
      if (this.#response === undefined && this.#deadlinePhase === 'idle') {
        this.#setDeadline('head', this.#answerer.limits.headTimeout)
      }
      at += this.#reader.read(at === 0 ? bytes : bytes.subarray(at))
    }
  }

  #wait(bytes: Buffer): void {
    this.#waiting = this.#waiting === undefined ? Buffer.from(bytes) : Buffer.concat([this.#waiting, bytes])
    if (this.#waiting.length <= mostWaiting) return
    this.wire.pause()
    this.#unreadSince ??= performance.now()
  }

  #next(): void {
    this.#content = undefined
    this.#response = undefined
    this.#setDeadline('idle', this.#answerer.limits.idleTimeout)
    if (this.#waiting === undefined) this.wire.resume()
    // Not at once: a long pipeline would end up on the stack.
    else setImmediate(() => this.#catchUp())
  }

  /** Reads what had to wait. Until then what arrives goes on waiting behind it. */
  #catchUp(): void {
    const waiting = this.#waiting
    if (waiting === undefined || this.wire.socket.destroyed) return
    this.#waiting = undefined
    this.#unreadSince = undefined
    this.wire.resume()
    this.received(waiting)
  }

  #setDeadline(phase: 'head' | 'idle' | 'rest' | 'linger', ms: number): void {
    this.#deadlinePhase = phase
    this.#limit = ms
    this.#since = performance.now()
  }

  /** Answers what is no request, in order. A response that has begun is cut instead, since nothing can follow it. */
  #refuse(cause: unknown): void {
    if (!(cause instanceof GatewayError || cause instanceof Malformed)) throw cause
    const error = cause instanceof Malformed ? this.#refusal(cause) : cause
    const response = this.#response
    if (response?.producer !== undefined) {
      if (response.ended) this.#lingerThenClose()
      else response.refused(error)
      return
    }
    const raw = ['Date', httpDate(), 'Content-Length', '0', 'Connection', 'close']
    this.wire.write(responseHead(error.status, STATUS_CODES[error.status] ?? '', raw))
    this.#lingerThenClose()
  }

  /** What is wrong with bytes that are no request, as a status. */
  #refusal(error: Malformed): GatewayError {
    const status = error.tooLarge === 'head' ? 431 : 400
    const phase = this.#response === undefined ? 'requestHead' : 'requestBody'
    return new GatewayError('http_request_error', { phase, status, detail: error.message })
  }

  /** Ends our side and reads on for a while: closing at once would reset what the client has not read yet (RFC 9112 §9.6). */
  #lingerThenClose(): void {
    this.#setDeadline('linger', linger)
    const { socket } = this.wire
    socket.end()
    this.wire.resume()
    if (socket.readableEnded) socket.destroySoon()
  }
}
