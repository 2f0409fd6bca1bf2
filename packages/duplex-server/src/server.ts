/** A server whose request and response are two independent streams: read and write at the same time, in any order. */

import { setMaxListeners } from 'node:events'
import type { Socket } from 'node:net'
import { Duplex, Readable } from 'node:stream'
import {
  defaultLimits,
  defaultTimeouts,
  Fields,
  GatewayError,
  type Limits,
  type Listener,
  type ListenOptions,
  type Timeouts,
} from '@relayrace/gateway'
import {
  checkOptions,
  hostOf,
  InFlight,
  internalFailure,
  type KnownOptions,
  offeredProtocols,
  type Pending,
  settleNumbers,
} from '@relayrace/gateway/strategy'
import type { RequestLine } from './head.ts'
import type { Inbound } from './inbound.ts'
import type { Producer, Response } from './response.ts'
import { serve } from './serve.ts'
import type { ServerConnection } from './server-connection.ts'
import { Sweep } from './sweep.ts'
import type { Wire, WireEvents } from './wire.ts'

/** Answers one request. Its promise may settle before or after either stream ends; a rejection breaks the response off. */
export type DuplexHandler = (request: DuplexRequest, response: DuplexResponse) => void | Promise<void>

/** Durations are milliseconds, sizes are bytes. Defaults are the gateway's. */
export interface DuplexServerOptions {
  readonly timeouts?: Partial<Pick<Timeouts, 'requestHead' | 'requestBody' | 'drain' | 'idle'>>
  readonly limits?: Partial<Pick<Limits, 'requestHead' | 'connections'>>
  /**
   * Told of what a handler threw. The client gets 500 before the head, a broken message after it. Default: the stack on
   * standard error.
   */
  readonly onError?: (error: unknown, request: DuplexRequest) => void
}

const serverOptions: KnownOptions<DuplexServerOptions> = {
  timeouts: 'object',
  limits: 'object',
  onError: 'function',
}

export interface DuplexServer extends AsyncDisposable {
  /** Requests whose response is not complete. */
  readonly inFlight: number
  /** Serves a connection on which nothing has been read (`pauseOnConnect`). */
  readonly accept: (socket: Socket) => void
  listen(where?: ListenOptions): Promise<Listener>
  /** Accepts nothing new, waits up to `grace` ms (10 000), then breaks off what is left. */
  close(grace?: number): Promise<void>
}

export function createDuplexServer(handler: DuplexHandler, options: DuplexServerOptions = {}): DuplexServer {
  checkOptions(options, serverOptions)
  const timeouts = settleNumbers('timeouts', defaultTimeouts, options.timeouts)
  const limits = settleNumbers('limits', defaultLimits, options.limits)
  const onError = options.onError ?? ((error: unknown): void => console.error(error))
  const sweep = new Sweep(Object.values(timeouts))
  const inFlight = new InFlight<Turn>()
  const { accept, listen, close } = serve({
    timeouts,
    limits,
    sweep,
    inFlight,
    answer(line, content, response, connection) {
      // Refuses what could be read in two ways (RFC 9112 §3.2) before anybody sees it.
      if (line.version === '1.1' && hostOf(line.raw) === undefined) throw badRequest()
      new Turn(line, content, response, connection, { timeouts, inFlight, onError }).run(handler)
    },
  })

  return {
    get inFlight() {
      return inFlight.size
    },
    accept,
    listen,
    close,
    [Symbol.asyncDispose]: () => close(),
  }
}

const ignore = (): void => {}

function badRequest(): GatewayError {
  return new GatewayError('http_request_error', { phase: 'requestHead' })
}

/** The request: a head, and content that is read when it is asked for. Iterate it, or take `stream()`. Once. */
export class DuplexRequest implements AsyncIterable<Buffer> {
  readonly method: string
  /** As it came, byte for byte. */
  readonly target: string
  readonly version: string
  readonly fields: Fields
  /** Aborts when the client leaves before the response is complete. */
  readonly signal: AbortSignal
  /** Empty until the content has been read to its end. */
  trailers: Fields = new Fields()

  readonly #content: Inbound
  readonly #turn: Turn
  #taken = false

  constructor(line: RequestLine, content: Inbound, turn: Turn, signal: AbortSignal) {
    this.method = line.method
    this.target = line.target
    this.version = line.version
    this.fields = new Fields(line.raw)
    this.signal = signal
    this.#content = content
    this.#turn = turn
  }

  /** Whether the client waits for 100 before it sends its content. Reading answers that by itself. */
  get expectsContinue(): boolean {
    return this.fields.tokens('expect').includes('100-continue')
  }

  /** The content as a Node stream. It errors when the client leaves before the end. */
  stream(): Readable {
    if (this.#taken) throw new Error('The content of this request is being read already')
    this.#taken = true
    const content = this.#content
    const turn = this.#turn
    const stream = new Readable({
      read: () => {
        turn.invite()
        content.resume()
      },
      destroy: (error, done) => {
        turn.left.delete(stream)
        if (!content.complete) content.discard()
        done(error)
      },
    })
    turn.left.add(stream)
    // Its client may leave while nobody listens: whoever reads it hears of that all the same.
    stream.on('error', ignore)
    content.consume({
      content: (piece) => {
        turn.receivedAt = performance.now()
        // A copy: the stream keeps it for longer than the buffer it was read into stays untouched.
        return stream.push(Buffer.from(piece))
      },
      end: (trailers) => {
        this.trailers = new Fields([...trailers])
        stream.push(null)
      },
    })
    return stream
  }

  [Symbol.asyncIterator](): AsyncIterator<Buffer> {
    return this.stream()[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }
}

/** The response: interim heads, a head, content, an end. Everything written leaves at once. */
export class DuplexResponse {
  readonly #response: Response
  readonly #turn: Turn

  constructor(response: Response, turn: Turn) {
    this.#response = response
    this.#turn = turn
  }

  get headSent(): boolean {
    return this.#response.headSent
  }

  get ended(): boolean {
    return this.#response.ended
  }

  /**
   * Sends an interim response: 102, 103 (RFC 9110 §15.2). Ignored for an HTTP/1.0 client.
   * @throws RangeError for a status that is none of an interim response, or is 101: see `switchProtocols`.
   */
  inform(status: number, fields: FieldsInit = {}): void {
    if (!(status >= 100 && status < 200) || status === 101)
      throw new RangeError(
        `Not the status of an interim response: ${status}; those are 100 to 199 without 101`,
      )
    this.#response.inform(status, '', fieldsOf(fields).raw)
  }

  /**
   * Sends the head at once. With Content-Length the content must have that many bytes; without it goes in chunks.
   * @throws Error when a head was written already: it can be written once.
   */
  writeHead(status: number, fields: FieldsInit = {}): this {
    if (status < 200 || status > 999)
      throw new RangeError(`Not the status of a final response: ${status}; those are 200 to 999`)
    this.#response.writeHead(status, '', fieldsOf(fields).raw)
    this.#response.flush()
    return this
  }

  /** Sends some content. Resolves when the client can take more: await it, and memory stays flat. */
  async write(piece: Uint8Array | string): Promise<void> {
    const bytes =
      typeof piece === 'string'
        ? Buffer.from(piece)
        : Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    if (!this.headSent) this.writeHead(200)
    if (bytes.length === 0) return
    if (!this.#response.content(bytes, this.#response.wire)) await this.#turn.untilDrained()
  }

  /** Sends all that comes from an iterable or a Node stream, then ends. Stops the source when the client leaves. */
  async send(source: AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>): Promise<void> {
    if (!this.headSent) this.writeHead(200)
    // To HEAD the answer is complete, and the source may have no end.
    if (this.#response.hasNoContent) this.end()
    for await (const piece of source) {
      if (this.ended) break
      await this.write(piece)
    }
    this.end()
  }

  /** Completes the response. Trailers reach a client that reads them (RFC 9110 §6.5). */
  end(piece?: Uint8Array | string, trailers: FieldsInit = {}): void {
    if (this.ended) return
    if (!this.headSent) {
      const length = piece === undefined ? 0 : Buffer.byteLength(piece as string)
      this.#response.writeHead(200, '', ['Content-Length', String(length)])
    }
    if (piece !== undefined && piece.length > 0) {
      const bytes = typeof piece === 'string' ? Buffer.from(piece) : Buffer.from(piece)
      this.#response.content(bytes, this.#response.wire)
    }
    this.#response.end(fieldsOf(trailers).raw)
    this.#turn.finish()
  }

  /** Breaks the response off so that nobody takes it for whole. */
  destroy(): void {
    this.#response.destroy()
    this.#turn.finish()
  }

  /**
   * Leaves HTTP: answers 101 with the fields given, or 200 to a CONNECT, and hands the connection over. What the client
   * has sent already comes first. The duty to end it goes with it.
   * @throws Error when a head was written already, or the client has not asked for another protocol.
   */
  switchProtocols(fields: FieldsInit = {}): Duplex {
    return this.#turn.switchProtocols(fieldsOf(fields).raw)
  }
}

export type FieldsInit = Fields | Readonly<Record<string, string>>

const fieldsOf = (init: FieldsInit): Fields => (init instanceof Fields ? init : Fields.from(init))

interface Surroundings {
  readonly timeouts: Pick<Timeouts, 'requestBody' | 'drain'>
  readonly inFlight: InFlight<Turn>
  readonly onError: (error: unknown, request: DuplexRequest) => void
}

/** One request's turn on its connection. */
class Turn implements Producer, Pending {
  place = -1
  /** Streams that must learn that the client has left. */
  readonly left: Set<Readable | Duplex> = new Set()
  receivedAt: number = performance.now()

  readonly #request: DuplexRequest
  readonly #response: Response
  readonly #content: Inbound
  readonly #connection: ServerConnection
  readonly #around: Surroundings
  readonly #controller = new AbortController()
  #waiting: { resolve(): void; reject(error: unknown): void }[] = []
  #writtenAt = performance.now()
  #invited = false
  #finished = false

  constructor(
    line: RequestLine,
    content: Inbound,
    response: Response,
    connection: ServerConnection,
    around: Surroundings,
  ) {
    this.#content = content
    this.#response = response
    this.#connection = connection
    this.#around = around
    setMaxListeners(0, this.#controller.signal)
    this.#request = new DuplexRequest(line, content, this, this.#controller.signal)
    response.producer = this
    around.inFlight.add(this)
  }

  run(handler: DuplexHandler): void {
    const response = new DuplexResponse(this.#response, this)
    void (async () => handler(this.#request, response))().then(undefined, (error) => this.#failed(error))
  }

  /** The handler wants content: a client that waits for 100 gets it (RFC 9110 §10.1.1). */
  invite(): void {
    if (this.#invited) return
    this.#invited = true
    if (this.#request.expectsContinue && !this.#content.complete) this.#response.inform(100, '', [])
  }

  untilDrained(): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  drained(): void {
    this.#writtenAt = performance.now()
    const waiting = this.#waiting
    this.#waiting = []
    for (const { resolve } of waiting) resolve()
  }

  aborted(error: unknown): void {
    this.abort(error ?? new GatewayError('client_closed', { phase: 'responseBody' }))
  }

  refused(error: GatewayError): void {
    this.#breakOff(error)
    this.#answer(error.status)
  }

  abort(reason: unknown): void {
    if (this.#finished) return
    this.#breakOff(internalFailure(reason, 'responseBody'))
    this.#response.destroy()
    this.finish()
  }

  #breakOff(error: GatewayError): void {
    this.#controller.abort(error)
    for (const stream of this.left) stream.destroy(error)
    for (const { reject } of this.#waiting) reject(error)
  }

  /** An answer instead of the handler's, or a visible break when that has begun. */
  #answer(status: number): void {
    if (this.#response.headSent || this.#response.ended) {
      this.#response.destroy()
    } else {
      this.#response.close()
      this.#response.writeHead(status, '', ['Content-Length', '0'])
      this.#response.end()
    }
    this.finish()
  }

  finish(): void {
    if (this.#finished) return
    this.#finished = true
    this.#around.inFlight.delete(this)
  }

  check(now: number): void {
    const { drain, requestBody } = this.#around.timeouts
    if (this.#waiting.length > 0 && now - this.#writtenAt > drain) {
      this.abort(new GatewayError('http_request_error', { phase: 'drain', status: 408 }))
    } else if (!this.#content.complete && !this.#content.wire.paused && now - this.receivedAt > requestBody) {
      this.abort(new GatewayError('http_request_error', { phase: 'requestBody', status: 408 }))
    }
  }

  switchProtocols(raw: readonly string[]): Duplex {
    const { wire, headSent, ended } = this.#response
    if (headSent || ended) throw new Error('It is too late to change the protocol: the response was begun')
    if (this.#request.method === 'CONNECT') {
      this.#response.acceptTunnel(raw)
    } else {
      const { version, fields } = this.#request
      const protocols = offeredProtocols(version, fields.raw)
      if (protocols.length === 0) throw new Error('The client has not asked for another protocol')
      this.#response.switchProtocols([...raw, 'Connection', 'Upgrade', 'Upgrade', protocols.join(', ')])
    }
    this.finish()
    return wireDuplex(wire, (events) => this.#connection.handOver(events)).on('error', ignore)
  }

  #failed(error: unknown): void {
    // A handler that fails because its client left has done nothing wrong.
    if (!this.#controller.signal.aborted) this.#around.onError(error, this.#request)
    if (this.#finished) return
    if (this.#response.headSent || this.#response.ended) this.abort(error)
    else this.#answer(500)
  }
}

/** A wire as a Node stream. `takeOver` makes the stream the wire's listener, and tells what has arrived already. */
function wireDuplex(wire: Wire, takeOver: (events: WireEvents) => Buffer | undefined): Duplex {
  let taken: (() => void) | undefined
  const stream = new Duplex({
    allowHalfOpen: true,
    read: () => wire.resume(),
    write(bytes: Buffer, _encoding, done) {
      if (wire.write(bytes)) done()
      else taken = done
    },
    final(done) {
      wire.socket.end(done)
    },
    destroy(error, done) {
      wire.socket.destroy()
      done(error)
    },
  })
  const early = takeOver({
    received(bytes) {
      if (!stream.push(Buffer.from(bytes))) wire.pause()
    },
    drained() {
      const done = taken
      taken = undefined
      done?.()
    },
    ended: () => stream.push(null),
    closed: (error) => stream.destroy(error),
  })
  if (early !== undefined) stream.push(early)
  wire.resume()
  return stream
}
