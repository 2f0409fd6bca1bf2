/** One exchange through the gateway: ask, head, body, end. */

import {
  type ContentTransform,
  Fields,
  GatewayError,
  type Phase,
  type ReceivedRequest,
  type ResponseHead,
  type Route,
} from '@relayrace/gateway'
import {
  type Around,
  type Attempt,
  agreesWith,
  announcedTrailers,
  clientClosed,
  dropsContent,
  endToEnd,
  hasContent,
  type Incoming,
  idempotent,
  interimFields,
  internalFailure,
  isRoute,
  Life,
  offeredProtocols,
  type SendableReply,
  sentFraming,
  sentHead,
  targetOf,
  timedOut,
  trailersToForward,
  wantsTrailers,
} from '@relayrace/gateway/strategy'
import { BoundAttempt } from './attempt.ts'
import { Change, type ChangeTarget } from './change.ts'
import { type RequestLine, requestHead, type StatusLine } from './head.ts'
import type { ContentConsumer, Inbound } from './inbound.ts'
import type { Outbound } from './outbound.ts'
import type { Pool } from './pool.ts'
import type { Producer, Response } from './response.ts'
import type { ServerConnection } from './server-connection.ts'
import type { Sweep } from './sweep.ts'
import { Tunnel } from './tunnel.ts'
import type { Asker, UpstreamConnection } from './upstream-connection.ts'
import type { Wire } from './wire.ts'

/** What an exchange needs of its gateway. */
export interface Front extends Around<SocketExchange> {
  readonly pool: Pool
  readonly sweep: Sweep
}

export class SocketExchange extends Life implements Asker, ContentConsumer, Producer {
  readonly #front: Front
  readonly #connection: ServerConnection
  readonly #line: RequestLine
  readonly #content: Inbound
  readonly #response: Response
  readonly #upgrade: readonly string[]
  #upstream: UpstreamConnection | undefined
  #asked: Outbound | undefined
  #answer: Inbound | undefined
  #tunnel: Tunnel | undefined
  /** Where a hook changes the content on its way, or it is kept. */
  #upChange: Change | undefined
  #downChange: Change | undefined
  /** While it waits for a connection. */
  #leaveQueue: (() => void) | undefined
  #isAttempt = false
  #deadline = Number.POSITIVE_INFINITY
  readonly #begunAt = performance.now()
  #sentAt = 0
  #receivedAt = 0
  #answered = false

  constructor(
    front: Front,
    connection: ServerConnection,
    line: RequestLine,
    content: Inbound,
    response: Response,
  ) {
    super(front)
    this.#front = front
    this.#connection = connection
    this.#line = line
    this.#content = content
    this.#response = response
    this.#upgrade = offeredProtocols(line.version, line.raw)
    response.producer = this
    this.started(connection.remoteAddress)
  }

  protected incomingHead(): Incoming {
    const { method, target, version, raw } = this.#line
    return { method, target, version, raw, framing: this.#content.framing, upgrade: this.#upgrade }
  }

  protected receivedRequest(): ReceivedRequest {
    const { method, target, version, raw } = this.#line
    const { socket } = this.#response.wire
    return {
      ...targetOf(method, target, raw),
      originalTarget: target,
      version,
      remoteAddress: this.#connection.remoteAddress,
      remotePort: socket.remotePort,
      secure: this.#connection.secure,
    }
  }

  get status(): number {
    return this.#response.headSent ? this.#response.status : 0
  }

  protected override newAttempt(): Attempt {
    this.#isAttempt = true
    return new BoundAttempt()
  }

  // ---- ask

  protected ask(): undefined {
    this.#answered = false
    this.#answer = this.#upstream = this.#asked = undefined
    this.#send(false)
  }

  #send(fresh: boolean): void {
    const { method, path, fields } = this.out
    const head = requestHead(method, path, fields.raw)
    const client = this.#connection.wire.socket
    const { pool } = this.#front
    this.enter('responseHead')
    const upstream = pool.take(this.endpoint, this, { client, fields, fresh })
    if (upstream === undefined) {
      this.enter('connect')
      this.#leaveQueue = pool.wait(() => this.#resend(fresh))
      return
    }
    this.#upstream = upstream
    // A hook may have taken its time, and content may have been decoded meanwhile. In an attempt it has to wait.
    const verbatim =
      this.framing.kind === 'chunked' &&
      !this.#isAttempt &&
      this.out.content === undefined &&
      this.replay === undefined &&
      this.#connection.untouched
    this.#connection.verbatim = verbatim
    const framing = sentFraming(this.framing, this.out)
    const asked = upstream.ask(method, head, framing, verbatim, this)
    this.#asked = asked
    if (framing.kind === 'none') {
      asked.end()
      return
    }
    // Until there is a connection the content stays where it is: what has been read cannot be sent again, and a wire
    // that a receiver holds back does not tell that the client has left.
    if (this.phase === 'responseHead') this.#pour(asked)
  }

  /** There may be room for another connection now. */
  #resend(fresh: boolean): void {
    this.#leaveQueue = undefined
    try {
      this.#send(fresh)
    } catch (cause) {
      this.fail(internalFailure(cause, 'connect'))
    }
  }

  #pour(asked: Outbound): void {
    this.#sentAt = performance.now()
    this.takeContent()
    const { replay } = this
    const { content = identity } = this.out
    const end = (trailers: readonly string[]): void =>
      this.#asking(() => asked.end(trailersToForward(trailers).raw))
    if (content === identity && replay === undefined) {
      this.#content.consume({ content: (piece, from) => this.#pump(piece, from, asked), end })
    } else {
      const target: ChangeTarget = {
        received: () => this.#countRequest(),
        write: (piece) => this.error !== undefined || asked.content(piece, asked.wire),
        end,
        failed: (cause) => this.abort(internalFailure(cause, 'requestBody')),
      }
      this.#upChange = new Change(this.#content, content, target, replay)
    }
    asked.flush()
  }

  #pump(piece: Buffer, from: Wire, asked: Outbound): boolean {
    return !this.#countRequest() || asked.content(piece, from)
  }

  #countRequest(): boolean {
    this.#sentAt = performance.now()
    return this.countRequest(this.#connection.contentBytes)
  }

  #asking(end: () => void): void {
    if (this.error !== undefined || this.ended) return
    end()
    if (this.phase === 'requestBody') this.enter(this.#response.headSent ? 'responseBody' : 'responseHead')
  }

  connecting(phase: Phase): void {
    if (phase !== 'responseHead') {
      this.enter(phase)
      return
    }
    this.enter(this.#content.complete || this.framing.kind === 'none' ? 'responseHead' : 'requestBody')
    if (this.framing.kind !== 'none') this.#pour(this.#asked as Outbound)
  }

  drained(): void {
    // Both wires tell: the upstream took what it was sent, or the client did.
    this.#sentAt = this.#receivedAt = performance.now()
    this.#tellMore()
  }

  #tellMore(): void {
    const upstream = this.#upstream?.wire.socket
    if (upstream === undefined || upstream.writableLength === 0) {
      if (this.#upChange === undefined) this.#content.resume()
      else this.#upChange.drained()
    }
    if (this.#response.wire.socket.writableLength === 0) {
      this.taken()
      if (this.#downChange === undefined) this.#answer?.resume()
      else this.#downChange.drained()
    }
  }

  // ---- head

  informed({ status, reason, raw }: StatusLine): void {
    if (!this.informs(status, raw)) return
    try {
      this.#response.inform(status, reason, status === 100 ? [] : interimFields(raw).raw)
    } catch (cause) {
      this.fail(new GatewayError('http_protocol_error', { phase: 'responseHead', cause }))
    }
  }

  answered(head: StatusLine, content: Inbound): void {
    this.#answered = true
    this.headCame()
    this.#answer = content
    const upstream = this.#upstream
    const { status, reason, raw } = head
    const methods = [this.out.method, this.#line.method] as const
    const edited = this.edit(sentHead(content.framing, status, reason, raw, methods))
    if (!(edited instanceof Promise)) {
      this.#relay(head, edited)
      return
    }
    const current = (then: () => void): void => {
      // It may have been given up meanwhile.
      if (this.#upstream === upstream && !this.ended) then()
    }
    void edited.then(
      (left) => current(() => this.#edited(head, left)),
      (cause) => current(() => this.fail(cause)),
    )
  }

  #edited(head: StatusLine, left: ResponseHead | Route): void {
    if (this.error !== undefined) return
    if (isRoute(left)) {
      try {
        void this.followRoute(left)
      } catch (cause) {
        this.fail(cause)
      }
      return
    }
    this.#relay(head, left)
    if (dropsContent(head.status, left.status)) this.#dropContent()
    this.caughtUp()
  }

  // ---- body

  #relay({ raw: received }: StatusLine, { status, reason, fields, content: transform }: ResponseHead): void {
    if (this.error !== undefined || this.ended) return
    const response = this.#response
    const upstream = this.#upstream as UpstreamConnection
    if (this.phase !== 'requestBody') this.enter('responseBody')
    this.#receivedAt = performance.now()
    const content = this.#answer as Inbound
    const { raw } = fields
    const changed =
      transform !== undefined && content.framing.kind !== 'none' && hasContent(this.out.method, status)
    const chunks = content.framing.kind === 'chunked' && response.passesChunks(raw)
    if (chunks && wantsTrailers(this.#line.raw)) {
      const trailers = announcedTrailers(received)
      if (trailers !== undefined && hasContent(this.out.method, status)) raw.push('Trailer', trailers)
    }
    const verbatim = chunks && !changed && upstream.untouched
    upstream.verbatim = verbatim
    try {
      response.writeHead(status, reason, raw, verbatim)
    } catch (cause) {
      this.fail(new GatewayError('http_protocol_error', { phase: 'responseHead', cause }))
      return
    }
    if (!changed) {
      content.consume(this)
      return
    }
    this.#downChange = new Change(content, transform, {
      received: () => this.#countResponse(),
      write: (piece) => this.error !== undefined || response.content(piece, response.wire),
      end: (trailers) => this.end(trailers),
      failed: (cause) => this.abort(internalFailure(cause, 'responseBody')),
    })
  }

  /** A hook has made it an answer without content, and what comes may have no end. */
  #dropContent(): void {
    if (this.error !== undefined || this.ended || this.#answer?.framing.kind === 'none') return
    this.#declineRest()
    this.#response.end()
    this.finish()
    this.#upstream?.abandon()
  }

  /** The upstream did not want the rest of the request. A client that goes on is told so by the end of the connection. */
  #declineRest(): void {
    // A parser that has no content to read may yet have to say so.
    if (this.#content.complete || this.isBare) return
    this.#response.close()
    this.#content.discard()
  }

  /** Nothing of the body came with the head: the client gets the head now. */
  caughtUp(): void {
    if (this.#response.headSent && !this.#response.ended) this.#response.flush()
  }

  /** A piece of the response. */
  content(piece: Buffer, from: Wire): boolean {
    if (!this.#countResponse()) return true
    try {
      return this.#response.content(piece, from)
    } catch (cause) {
      this.fail(internalFailure(cause, 'responseBody'))
      return true
    }
  }

  #countResponse(): boolean {
    this.#receivedAt = performance.now()
    return this.countResponse((this.#upstream as UpstreamConnection).contentBytes)
  }

  // ---- end

  /** The response is complete. */
  end(received: readonly string[]): void {
    if (this.error !== undefined || this.ended) return
    const upstream = this.#upstream as UpstreamConnection
    this.responseBytes = upstream.contentBytes
    this.#declineRest()
    const trailers = received.length > 0 && wantsTrailers(this.#line.raw)
    this.#response.end(trailers ? trailersToForward(received).raw : [])
    this.finish()
    if (!this.#isFree(upstream, this.#answer)) upstream.abandon()
    else if (upstream.wire.paused) this.#releaseLater(upstream)
    else upstream.release()
  }

  /** Whether its connection can be asked on again. */
  #isFree(upstream: UpstreamConnection | undefined, answer: Inbound | undefined): boolean {
    // Who refuses an upgrade often ends the connection, and does not say so.
    if (this.#upgrade.length > 0) return false
    // What the upstream has not taken of the request, it answered without: it must not get it from a buffer that is
    // read into again. A write of its own buffer may still be under way: only then is the connection free.
    const sent = this.#asked?.ended === true && upstream?.wire.socket.writableLength === 0
    return sent && answer?.complete === true
  }

  #releaseLater(upstream: UpstreamConnection): void {
    this.#response.wire.whenTaken(() => {
      upstream.wire.resume()
      upstream.release()
    })
  }

  // ---- other ends

  switched(head: StatusLine, early: Buffer): void {
    const upstream = this.#upstream as UpstreamConnection
    // The other protocol begins when all of the request has been sent, and not before (RFC 9110 §7.8).
    if (!this.#content.complete || !agreesWith(this.#upgrade, head.raw)) {
      this.fail(new GatewayError('http_upgrade_failed', { phase: 'responseHead' }))
      return
    }
    this.tunnels()
    this.#deadline = Number.POSITIVE_INFINITY
    const { tunnel: silence, drain } = this.settings.timeouts
    const client = this.#response.wire
    const raw = ['Connection', 'Upgrade', 'Upgrade', new Fields(head.raw).all('upgrade').join(', ')]
    this.#response.switchProtocols([...endToEnd(head.raw).raw, ...raw])
    const tunnel = new Tunnel(client, upstream.wire, { silence, drain }, this.#front.sweep, (error) => {
      this.requestBytes = tunnel.sent
      this.responseBytes = tunnel.received
      this.tunnelClosed(error)
    })
    this.#tunnel = tunnel
    // Until now its connection was asked about time limits.
    this.#front.sweep.add(this)
    client.bulk = upstream.wire.bulk = true
    const sentAhead = this.#connection.handOver(tunnel.fromClient)
    upstream.handOver(tunnel.fromUpstream)
    if (sentAhead !== undefined) {
      tunnel.sent += sentAhead.length
      upstream.wire.write(sentAhead)
    }
    if (early.length > 0) {
      tunnel.received += early.length
      client.write(early)
    }
    client.resume()
    upstream.wire.resume()
  }

  lost(error: GatewayError, stale: boolean): void {
    if (this.ended) return
    // A connection that went stale while it was idle is no fault of the request (RFC 9112 §9.3.1).
    if (
      stale &&
      this.framing.kind === 'none' &&
      idempotent.has(this.out.method) &&
      this.error === undefined
    ) {
      this.#resend(true)
      return
    }
    const phase = this.#answered ? 'responseBody' : this.phase
    const { type, status, source, cause, message: detail } = error
    this.fail(new GatewayError(type, { phase, status, source, cause, detail }))
  }

  aborted(error: unknown): void {
    this.fail(error instanceof GatewayError ? error : clientClosed(this.phase))
    // It was the reply to a failure that nobody takes.
    if (this.failed !== undefined) this.finish()
  }

  refused(error: GatewayError): void {
    this.fail(error)
  }

  /** If all of an answer that was refused has come, the connection can be used again. */
  protected cancel(reason: GatewayError): void {
    if (this.#tunnel !== undefined) {
      this.#tunnel.cut(reason)
      return
    }
    this.#deadline = Number.POSITIVE_INFINITY
    this.#response.retract()
    this.#upChange?.stop(reason)
    this.#downChange?.stop(reason)
    this.#leaveQueue?.()
    this.#leaveQueue = undefined
    const upstream = this.#upstream
    const answer = this.#answer
    this.#upstream = this.#answer = undefined
    if (this.answerRefused && this.#isFree(upstream, answer)) {
      answer?.discard()
      upstream?.release()
    } else {
      upstream?.abandon()
    }
    this.#asked = undefined
  }

  protected breakOff(): void {
    this.#response.destroy()
    this.finish()
  }

  protected reply(reply: SendableReply): void {
    const { status, fields, body = '' } = reply
    const bytes = Buffer.from(body)
    if (hasContent('', status)) fields.set('Content-Length', String(bytes.length))
    this.begin(reply)
    if (bytes.length > 0 && hasContent(this.#line.method, status))
      this.#response.content(bytes, this.#response.wire)
    this.complete()
  }

  protected begin({ status, fields }: SendableReply): void {
    // What a client sends behind an Upgrade may be the other protocol already.
    if (this.#upgrade.length > 0) this.#response.close()
    // What is left of the request cannot be told from the next one for sure.
    this.#declineRest()
    this.#response.writeHead(status, '', fields.raw)
  }

  protected write({ buffer, byteOffset, byteLength }: Uint8Array): boolean {
    return this.#response.content(Buffer.from(buffer, byteOffset, byteLength), this.#response.wire)
  }

  protected complete(): void {
    this.#response.end()
    this.finish()
  }

  protected override over(): void {
    // An error costs its stack, which most exchanges have no use for.
    if (this.#upChange !== undefined || this.#downChange !== undefined) {
      const over = this.failed ?? clientClosed('requestBody')
      this.#upChange?.stop(over)
      this.#downChange?.stop(over)
    }
    if (this.#tunnel !== undefined) this.#front.sweep.delete(this)
  }

  // ---- clocks: one sweep for all exchanges, and no timer for each

  override enter(phase: Phase): void {
    this.phase = phase
    const isBody = phase === 'requestBody' || phase === 'responseBody' || phase === 'tunnel'
    this.#deadline = isBody ? Number.POSITIVE_INFINITY : performance.now() + this.settings.timeouts[phase]
  }

  protected override timeTotal(): void {}

  check(now: number): void {
    if (this.ended) return
    if (now - this.#begunAt > this.settings.timeouts.total) this.totalPassed()
    else if (now > this.#deadline) this.fail(timedOut(this.phase))
    else if (this.#tunnel === undefined) this.#checkBodies(now)
  }

  #checkBodies(now: number): void {
    const { timeouts } = this.settings
    if (this.#asked?.ended === false && this.framing.kind !== 'none' && this.#content.wanted) {
      const held = this.#asked.wire.socket.writableLength > 0 || this.#upChange?.isHeld === true
      const limit = held ? timeouts.drain : timeouts.requestBody
      if (now - this.#sentAt > limit)
        this.fail(held ? timedOut('drain', 'upstream') : timedOut('requestBody'))
    }
    if (this.#answer !== undefined && !this.ended) {
      const held = this.#response.wire.socket.writableLength > 0 || this.#downChange?.isHeld === true
      const limit = held ? timeouts.drain : timeouts.responseBody
      if (now - this.#receivedAt > limit) this.fail(timedOut(held ? 'drain' : 'responseBody'))
    }
  }
}

const identity: ContentTransform = (source) => source
