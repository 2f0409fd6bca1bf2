/** The answer to one request: interim responses, a head, content, an end; or a visible break. */

import { STATUS_CODES } from 'node:http'
import { Fields, type GatewayError } from '@relayrace/gateway'
import {
  breakOff,
  chunked,
  connectionOptions,
  contentLength,
  type Framing,
  hasContent,
  noContent,
  untilClose,
} from '@relayrace/gateway/strategy'
import { type RequestLine, responseHead } from './head.ts'
import { Outbound } from './outbound.ts'
import type { Limited } from './sweep.ts'
import type { Wire } from './wire.ts'

/** The connection a response goes out on. */
export interface ResponseChannel {
  readonly wire: Wire
  /** No connection is kept after its response. */
  readonly closing: boolean
  /** None of the request's content has come, and there is some. */
  readonly awaitsContent: boolean
  responded(keep: boolean): void
}

/** Who produces the response wants to know. */
export interface Producer extends Limited {
  /** What was written has been taken: go on. */
  drained(): void
  /** The client is gone: whatever is written now goes nowhere. */
  aborted(error: unknown): void
  /** What the client has sent is no HTTP. Nothing more will come; an answer can still be given if none has begun. */
  refused(error: GatewayError): void
}

export class Response {
  producer: Producer | undefined
  headSent = false
  /** Nothing more can be written: it is complete, or broken. */
  ended = false
  status = 0

  readonly #channel: ResponseChannel
  readonly #request: RequestLine
  #keep: boolean
  /** The client has been told to go on. */
  #invited = false
  #framing: Framing = noContent
  #out: Outbound | undefined

  constructor(channel: ResponseChannel, request: RequestLine) {
    this.#channel = channel
    this.#request = request
    this.#keep = request.version === '1.1' && !connectionOptions(request.raw).includes('close')
  }

  get wire(): Wire {
    return this.#channel.wire
  }

  /** Bytes of content sent. With verbatim chunks their framing counts. */
  get bytes(): number {
    return this.#out?.bytes ?? 0
  }

  /** Sends an interim response at once, except to an HTTP/1.0 client (RFC 9110 §15.2). */
  inform(status: number, reason: string, raw: readonly string[]): void {
    if (this.headSent || this.ended || this.#request.version === '1.0') return
    if (status === 100) this.#invited = true
    this.wire.write(responseHead(status, reason === '' ? (STATUS_CODES[status] ?? '') : reason, raw))
  }

  /** Its head says that none follows: to HEAD, and in a 204 or 304. */
  get hasNoContent(): boolean {
    return this.headSent && this.#framing.kind === 'none'
  }

  /** How content goes to this client if it comes framed like that. */
  passesChunks(raw: readonly string[]): boolean {
    return this.#request.version === '1.1' && lengthOf(raw) === undefined
  }

  /**
   * Writes the head, framed for this client: by Content-Length if `raw` has one, else in chunks, else until the
   * connection closes. It leaves with the first piece of content, or with `flush`.
   *
   * @param verbatim The pieces will carry their chunk framing already. Only where `passesChunks` says so.
   * @throws TypeError when a field cannot be sent. Nothing was written then.
   */
  writeHead(status: number, reason: string, raw: string[], verbatim = false): void {
    if (this.headSent || this.ended) throw new Error('The response head was written already')
    const lines = raw.slice()
    this.#framing = this.#frame(status, lines)
    if (!hasField(lines, 'date')) lines.push('Date', httpDate())
    if (this.#channel.closing || this.#isDeclining()) this.#keep = false
    if (!this.#keep) lines.push('Connection', 'close')
    const text = responseHead(status, reason === '' ? (STATUS_CODES[status] ?? '') : reason, lines)
    this.headSent = true
    this.status = status
    this.#out = new Outbound(this.wire, this.#framing, verbatim)
    this.#out.head(text)
  }

  /**
   * The client waits for 100 and gets a final answer: whether what it sends next is the content, or another request, can
   * then not be told (RFC 9110 §10.1.1).
   */
  #isDeclining(): boolean {
    if (this.#invited || !this.#channel.awaitsContent) return false
    return new Fields(this.#request.raw).tokens('expect').includes('100-continue')
  }

  flush(): boolean {
    return this.#out?.flush() ?? true
  }

  /** Takes a head back that has not left yet, so that another answer can be given. */
  retract(): void {
    if (!this.ended && this.#out?.retract() === true) this.headSent = false
  }

  /** Whether the client took it all. If not, `Producer.drained` follows. To HEAD, and in a 204 or 304, there is none. */
  content(piece: Buffer, from: Wire): boolean {
    if (this.ended || this.#framing.kind === 'none') return true
    return (this.#out as Outbound).content(piece, from)
  }

  /** Completes the message. Trailers reach a client that can take them. @returns like `content`. */
  end(trailers: readonly string[] = []): boolean {
    if (this.ended) return true
    const taken = (this.#out as Outbound).end(trailers)
    this.ended = true
    this.#channel.responded(this.#keep)
    return taken
  }

  /** Ends HTTP on this connection: 101, after which bytes are the other protocol's (RFC 9110 §7.8). */
  switchProtocols(raw: readonly string[]): void {
    this.headSent = true
    this.ended = true
    this.status = 101
    this.wire.write(responseHead(101, 'Switching Protocols', raw))
  }

  /** Ends HTTP on this connection: the answer to a CONNECT that is granted (RFC 9110 §9.3.6). */
  acceptTunnel(raw: readonly string[]): void {
    this.headSent = true
    this.ended = true
    this.status = 200
    this.wire.write(responseHead(200, 'OK', raw))
  }

  /** The connection ends after this response. */
  close(): void {
    this.#keep = false
  }

  /** Breaks the message off so that nobody takes it for whole (RFC 9112 §8). */
  destroy(): void {
    this.ended = true
    const { socket } = this.wire
    if (this.headSent && this.#framing.kind === 'close') breakOff(socket)
    else socket.destroy()
  }

  /** Told by the connection. */
  aborted(error?: unknown): void {
    if (this.ended) return
    this.ended = true
    this.producer?.aborted(error)
  }

  /** Told by the connection. */
  refused(error: GatewayError): void {
    this.close()
    this.producer?.refused(error)
  }

  #frame(status: number, lines: string[]): Framing {
    if (!hasContent(this.#request.method, status)) return noContent
    const length = lengthOf(lines)
    if (length !== undefined) return { kind: 'length', length }
    if (this.#request.version === '1.1') {
      lines.push('Transfer-Encoding', 'chunked')
      return chunked
    }
    this.#keep = false
    return untilClose
  }
}

function lengthOf(raw: readonly string[]): number | undefined {
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (name.length === 14 && name.toLowerCase() === 'content-length')
      return contentLength([raw[i + 1] as string])
  }
  return undefined
}

function hasField(raw: readonly string[], lower: string): boolean {
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (name.length === lower.length && name.toLowerCase() === lower) return true
  }
  return false
}

let dateText = ''
let dateUntil = 0

/** The time as a Date field has it (RFC 9110 §5.6.7), worked out once a second. */
export function httpDate(): string {
  const now = Date.now()
  if (now >= dateUntil) {
    dateText = new Date(now).toUTCString()
    dateUntil = now - (now % 1_000) + 1_000
  }
  return dateText
}
