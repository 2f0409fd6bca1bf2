/** One exchange through the gateway: ask, head, body, end. */

import {
  type Admitted,
  admit,
  agreesWith,
  allowRedirect,
  announcedTrailers,
  askOnError,
  type ContentTransform,
  carryBy,
  clientClosed,
  dropsContent,
  type Endpoint,
  type ExchangeSummary,
  endOf,
  endsAttempt,
  endToEnd,
  Fields,
  type Framing,
  GatewayError,
  goesOn,
  hasContent,
  type Incoming,
  Interim,
  idempotent,
  interimFields,
  internalFailure,
  isRoute,
  isWatched,
  modified,
  type Origin,
  offeredProtocols,
  originOf,
  type Pending,
  type Phase,
  type Prepared,
  prepare,
  type ReceivedRequest,
  type Repeatable,
  Replay,
  type RequestHead,
  type ResponseHead,
  type Route,
  refusal,
  responseFields,
  type SendableReply,
  type Settings,
  Stopwatch,
  sentFraming,
  targetOf,
  tellError,
  tellStart,
  tellUpstream,
  timedOut,
  trailersToForward,
  wantsTrailers,
} from '@relayrace/gateway'
import { Attempt } from './attempt.ts'
import { Change } from './change.ts'
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
export interface Front {
  readonly settings: Settings
  readonly pool: Pool
  readonly sweep: Sweep
  ended(exchange: SocketExchange): void
}

export class SocketExchange implements Repeatable, Asker, ContentConsumer, Producer, Pending {
  place = -1
  attempts = 0
  readonly #front: Front
  /** Those of the route it takes. */
  #settings: Settings
  readonly #connection: ServerConnection
  readonly #line: RequestLine
  readonly #content: Inbound
  readonly #response: Response
  readonly #upgrade: readonly string[]
  readonly #startedAt: number
  #phase: Phase = 'requestHead'
  /** Only if somebody will read it. */
  readonly #stopwatch: Stopwatch | undefined
  readonly #remoteAddress: string | undefined
  #endpoint: Endpoint | undefined
  #framing!: Framing
  #out!: RequestHead
  /** Answers that were given up for another one, in this attempt. */
  #followed = 0
  /** One of them has led to another origin. */
  #abroad = false
  #upstream: UpstreamConnection | undefined
  #asked: Outbound | undefined
  #answer: Inbound | undefined
  #tunnel: Tunnel | undefined
  /** Where a hook changes the content on its way. */
  #upChange: Change | undefined
  #replay: Replay | undefined
  #downChange: Change | undefined
  /** While it waits for a connection. */
  #leaveQueue: (() => void) | undefined
  /** Under a transport, which may make another one. */
  #attempt: Attempt | undefined
  #headAt: number | undefined
  #deadline = Number.POSITIVE_INFINITY
  #sentAt = 0
  #receivedAt = 0
  #answered = false
  /** `modifyResponse` has thrown at an answer with which nothing else was wrong. */
  #refused = false
  #interim: Interim | undefined
  #requestBytes = 0
  #responseBytes = 0
  #error: GatewayError | undefined
  #ended = false
  #controller: AbortController | undefined
  #request: ReceivedRequest | undefined

  constructor(
    front: Front,
    connection: ServerConnection,
    line: RequestLine,
    content: Inbound,
    response: Response,
  ) {
    this.#front = front
    this.#settings = front.settings
    this.#connection = connection
    this.#line = line
    this.#content = content
    this.#response = response
    this.#upgrade = offeredProtocols(line.version, line.raw)
    this.#startedAt = performance.now()
    response.producer = this
    if (isWatched(front.settings)) {
      this.#stopwatch = new Stopwatch(this.#phase)
      this.#remoteAddress = connection.remoteAddress
    }
    tellStart(front.settings, this)
  }

  get phase(): Phase {
    return this.#phase
  }

  // ---- ask

  start(): void {
    const { settings } = this.#front
    const { transport } = settings
    try {
      const admitted = admit(settings, this.#incoming())
      if ('status' in admitted) {
        this.#reply(admitted)
        return
      }
      this.#framing = admitted.framing
      if (transport === undefined) this.#choose(admitted)
      else carryBy(transport, this, (where) => this.#try(where)).catch((error) => this.#failAtLast(error))
    } catch (cause) {
      this.fail(internalFailure(cause, this.phase))
    }
  }

  /** Where to, and with what: then the asking begins. */
  #choose(admitted: Admitted, where?: Origin | Route): void {
    const attempt = this.#attempt
    const ready = prepare(this.#front.settings, admitted, this, where)
    if (!(ready instanceof Promise)) {
      this.#begin(ready)
      return
    }
    const current = (then: () => void): void => {
      // A hook has taken its time.
      if (this.#attempt === attempt) then()
    }
    ready
      .then((it) => current(() => this.#begin(it)))
      .catch((cause) => current(() => this.fail(internalFailure(cause, this.phase))))
  }

  #incoming(): Incoming {
    const { method, target, version, raw } = this.#line
    return { method, target, version, raw, framing: this.#content.framing, upgrade: this.#upgrade }
  }

  /** One attempt of those that a transport makes. */
  async #try(where: Origin | Route | undefined): Promise<void> {
    const attempt = new Attempt()
    this.#attempt = attempt
    this.#answered = this.#refused = this.#abroad = false
    this.#followed = 0
    try {
      attempt.run(() => this.#choose(this.#admittedAgain(), where))
    } catch (cause) {
      this.fail(internalFailure(cause, this.phase))
    }
    await attempt.ended
  }

  /** Its head has been judged before; its fields are edited for each attempt. */
  #admittedAgain(): Admitted {
    return admit(this.#front.settings, this.#incoming()) as Admitted
  }

  #begin(ready: Prepared | SendableReply): void {
    if (this.#ended || this.#error !== undefined) return
    if ('status' in ready) {
      this.#answerWith(ready)
      return
    }
    this.#settings = ready.settings
    this.#endpoint = ready.endpoint
    this.#out = ready.out
    this.attempts++
    tellUpstream(this.#settings, this, ready.endpoint, ready.out)
    this.#send(false)
  }

  /** Gives up the answer that has begun to come: it is asked for elsewhere. */
  #turnAway(route: Route): void {
    try {
      allowRedirect(this.#followed++, this.contentTaken)
      this.#abroad ||= originOf(route.to) !== this.#endpoint?.origin
      this.#refused = true
      this.#letGo()
      this.#refused = this.#answered = false
      this.#answer = this.#upstream = this.#asked = undefined
      this.#choose({ ...this.#admittedAgain(), abroad: this.#abroad }, route)
    } catch (cause) {
      this.fail(internalFailure(cause, this.phase))
    }
  }

  #send(fresh: boolean): void {
    const { method, path, fields } = this.#out
    const head = requestHead(method, path, fields.raw)
    const client = this.#connection.wire.socket
    const { pool } = this.#front
    this.#enter('responseHead')
    const upstream = pool.take(this.#endpoint as Endpoint, this, { client, fields, fresh })
    if (upstream === undefined) {
      this.#enter('connect')
      this.#leaveQueue = pool.wait(() => this.#resend(fresh))
      return
    }
    this.#upstream = upstream
    // A hook may have taken its time, and content may have been decoded meanwhile. In an attempt it has to wait.
    const verbatim =
      this.#framing.kind === 'chunked' &&
      this.#attempt === undefined &&
      this.#out.content === undefined &&
      this.#settings.limits.replay === 0 &&
      this.#connection.untouched
    this.#connection.verbatim = verbatim
    const framing = sentFraming(this.#framing, this.#out)
    const asked = upstream.ask(method, head, framing, verbatim, this)
    this.#asked = asked
    if (this.#framing.kind === 'none') {
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
    if (this.phase === 'responseHead') this.#enter('requestBody')
    const { content = identity } = this.#out
    const { replay } = this.#settings.limits
    if (replay > 0) this.#replay ??= new Replay(replay)
    const end = (trailers: readonly string[]): void =>
      this.#asking(() => asked.end(trailersToForward(trailers).raw))
    if (content === identity && this.#replay === undefined) {
      this.#content.consume({ content: (piece, from) => this.#pump(piece, from, asked), end })
    } else {
      this.#upChange = new Change(
        this.#content,
        content,
        {
          received: () => this.#countRequest(),
          write: (piece) => this.#error !== undefined || asked.content(piece, asked.wire),
          end,
          failed: (cause) => this.fail(internalFailure(cause, 'requestBody')),
        },
        this.#replay,
      )
    }
    asked.flush()
  }

  #pump(piece: Buffer, from: Wire, asked: Outbound): boolean {
    return !this.#countRequest() || asked.content(piece, from)
  }

  /** @returns whether the exchange goes on. */
  #countRequest(): boolean {
    this.#sentAt = performance.now()
    this.#requestBytes = this.#connection.contentBytes
    if (this.#requestBytes > this.#settings.limits.requestBody) {
      this.fail(
        new GatewayError('http_request_error', {
          phase: 'requestBody',
          status: 413,
          detail: 'request body too large',
        }),
      )
      return false
    }
    return this.#error === undefined
  }

  #asking(end: () => void): void {
    if (this.#error !== undefined || this.#ended) return
    end()
    if (this.phase === 'requestBody') this.#enter('responseHead')
  }

  connecting(phase: Phase): void {
    if (phase !== 'responseHead') {
      this.#enter(phase)
      return
    }
    this.#enter(this.#content.complete || this.#framing.kind === 'none' ? 'responseHead' : 'requestBody')
    if (this.#framing.kind !== 'none') this.#pour(this.#asked as Outbound)
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
      if (this.#downChange === undefined) this.#answer?.resume()
      else this.#downChange.drained()
    }
  }

  // ---- head

  informed({ status, reason, raw }: StatusLine): void {
    this.#interim ??= new Interim()
    try {
      this.#interim.add(raw, this.#settings.limits)
      if (!goesOn(this.#settings.informational, status, raw, this)) return
      this.#response.inform(status, reason, status === 100 ? [] : interimFields(raw).raw)
    } catch (cause) {
      this.fail(
        cause instanceof GatewayError
          ? cause
          : new GatewayError('http_protocol_error', { phase: 'responseHead', cause }),
      )
    }
  }

  answered(head: StatusLine, content: Inbound): void {
    this.#answered = true
    this.#headAt = performance.now()
    this.#answer = content
    const { modifyResponse } = this.#settings
    const outgoing = {
      status: head.status,
      reason: head.reason,
      fields: responseFields(content.framing, head.status, head.raw),
    }
    // What HEAD is told of the length is none of the content that its client awaits.
    if (this.#out.method === 'HEAD' && this.#line.method !== 'HEAD') outgoing.fields.delete('content-length')
    if (modifyResponse === undefined) {
      this.#relay(head, outgoing)
      return
    }
    const attempt = this.#attempt
    const modify = (): Promise<ResponseHead | Route> => modified(outgoing, modifyResponse, this)
    void (attempt === undefined ? modify() : attempt.run(modify)).then(
      (left) => {
        if (this.#attempt !== attempt || this.#ended) return
        if (isRoute(left)) {
          this.#turnAway(left)
          return
        }
        this.#relay(head, left)
        if (dropsContent(head.status, left.status)) this.#dropContent()
        this.caughtUp()
      },
      (cause) => {
        if (this.#attempt !== attempt) return
        this.#refused = true
        this.fail(cause)
      },
    )
  }

  // ---- body

  #relay({ raw: received }: StatusLine, { status, reason, fields, content: transform }: ResponseHead): void {
    if (this.#error !== undefined || this.#ended) return
    const response = this.#response
    const upstream = this.#upstream as UpstreamConnection
    if (this.phase !== 'requestBody') this.#enter('responseBody')
    this.#receivedAt = performance.now()
    const content = this.#answer as Inbound
    const { raw } = fields
    const changed = transform !== undefined && content.framing.kind !== 'none' && !isEmpty(status)
    const chunks = content.framing.kind === 'chunked' && response.passesChunks(raw)
    if (chunks && wantsTrailers(this.#line.raw)) {
      const trailers = announcedTrailers(received)
      if (trailers !== undefined && hasContent(this.#out.method, status)) raw.push('Trailer', trailers)
    }
    const verbatim = chunks && !changed && upstream.untouched
    upstream.verbatim = verbatim
    try {
      response.writeHead(status, reason, raw, verbatim)
    } catch (cause) {
      this.fail(new GatewayError('http_protocol_error', { phase: 'responseHead', cause }))
      return
    }
    if (changed) {
      this.#downChange = new Change(content, transform, {
        received: () => this.#countResponse(),
        write: (piece) => this.#error !== undefined || this.#response.content(piece, this.#response.wire),
        end: (trailers) => this.end(trailers),
        failed: (cause) => this.fail(internalFailure(cause, 'responseBody')),
      })
    } else content.consume(this)
  }

  /** A hook has made it an answer without content, and what comes may have no end. */
  #dropContent(): void {
    if (this.#error !== undefined || this.#ended || this.#answer?.framing.kind === 'none') return
    if (!this.#content.complete) {
      this.#response.close()
      this.#content.discard()
    }
    this.#response.end()
    this.#end()
    this.#upstream?.abandon()
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

  /** @returns whether the exchange goes on. */
  #countResponse(): boolean {
    this.#receivedAt = performance.now()
    this.#responseBytes = (this.#upstream as UpstreamConnection).contentBytes
    if (this.#responseBytes <= this.#settings.limits.responseBody) return this.#error === undefined
    this.fail(new GatewayError('http_response_body_size', { phase: 'responseBody' }))
    return false
  }

  // ---- end

  /** The response is complete. */
  end(received: readonly string[]): void {
    if (this.#error !== undefined || this.#ended) return
    const upstream = this.#upstream as UpstreamConnection
    this.#responseBytes = upstream.contentBytes
    if (!this.#content.complete) {
      // The upstream did not want the rest. A client that goes on is told so by the end of the connection.
      this.#response.close()
      this.#content.discard()
    }
    const trailers = received.length > 0 && wantsTrailers(this.#line.raw)
    this.#response.end(trailers ? trailersToForward(received).raw : [])
    this.#end()
    // What the upstream has not taken of the request, it answered without: it must not get it from a buffer that is
    // read into again. A write of its own buffer may still be under way: only then is the connection free.
    const unread = this.#answer?.complete === false
    if (unread || this.#asked?.ended !== true || upstream.wire.socket.writableLength > 0) upstream.abandon()
    else if (upstream.wire.paused) this.#releaseLater(upstream)
    else upstream.release()
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
    this.#headAt = performance.now()
    this.#enter('tunnel')
    const { tunnel: silence, drain } = this.#settings.timeouts
    const client = this.#response.wire
    const raw = ['Connection', 'Upgrade', 'Upgrade', new Fields(head.raw).all('upgrade').join(', ')]
    this.#response.switchProtocols([...endToEnd(head.raw).raw, ...raw])
    const tunnel = new Tunnel(client, upstream.wire, { silence, drain }, this.#front.sweep, (error) => {
      this.#error ??= error
      this.#requestBytes = tunnel.sent
      this.#responseBytes = tunnel.received
      this.#end()
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
    if (this.#ended) return
    // A connection that went stale while it was idle is no fault of the request (RFC 9112 §9.3.1).
    if (
      stale &&
      this.#framing.kind === 'none' &&
      idempotent.has(this.#out.method) &&
      this.#error === undefined
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
  }

  refused(error: GatewayError): void {
    this.fail(error)
  }

  abort(reason: unknown): void {
    const error = internalFailure(reason, this.phase)
    if (this.#tunnel !== undefined) this.#tunnel.cut(error)
    else this.fail(error)
  }

  /** The first failure counts; what breaks in its wake is not another one. */
  fail(cause: unknown): void {
    if (this.#error !== undefined || this.#ended) return
    const error = internalFailure(cause, this.phase)
    if (this.#attempt?.isUnderWay === true && this.status === 0 && endsAttempt(error)) this.#giveUp(error)
    else this.#failAtLast(error)
  }

  /** What has been begun for an attempt ends with it. */
  #giveUp(error: GatewayError): void {
    const attempt = this.#attempt
    this.#deadline = Number.POSITIVE_INFINITY
    this.#letGo()
    this.#answer = undefined
    this.#upstream = undefined
    this.#asked = undefined
    this.#attempt = undefined
    attempt?.end(error)
  }

  /** If all of an answer that was refused has come, the connection can be used again. */
  #letGo(): void {
    this.#upChange?.stop(clientClosed('requestBody'))
    this.#leaveQueue?.()
    this.#leaveQueue = undefined
    const upstream = this.#upstream
    if (
      this.#refused &&
      this.#answer?.complete === true &&
      this.#asked?.ended === true &&
      upstream?.wire.socket.writableLength === 0
    ) {
      this.#answer.discard()
      upstream.release()
    } else {
      upstream?.abandon()
    }
  }

  /** The same, whatever a transport may have in mind. */
  #failAtLast(error: GatewayError): void {
    if (this.#error !== undefined || this.#ended) return
    this.#error = error
    this.#controller?.abort(error)
    const reply = this.#told(error)
    this.#letGo()
    this.#response.retract()
    if (error.type === 'client_closed' || this.#response.headSent || this.#response.ended)
      this.#response.destroy()
    else this.#refuse(error, reply)
    this.#end()
  }

  #told(error: GatewayError): SendableReply | undefined {
    tellError(this.#front.settings, this, error)
    return askOnError(this.#front.settings, error, this)
  }

  #refuse(error: GatewayError, reply: SendableReply | undefined): void {
    const { pseudonym } = this.#front.settings
    for (const answer of reply === undefined ? [undefined] : [reply, undefined]) {
      try {
        this.#answerWith(refusal(error, pseudonym, answer))
        return
      } catch {}
    }
    this.#response.destroy()
  }

  /** Instead of an upstream's answer. */
  #answerWith(reply: SendableReply): void {
    // What a client sends behind an Upgrade may be the other protocol already.
    if (this.#upgrade.length > 0) this.#response.close()
    // What is left of the request cannot be told from the next one for sure.
    if (!this.#content.complete && this.#content.framing.kind !== 'none') {
      this.#response.close()
      this.#content.discard()
    }
    this.#reply(reply)
  }

  #reply({ status, fields, body = '' }: SendableReply): void {
    const bytes = Buffer.from(body)
    if (hasContent('', status)) fields.set('Content-Length', String(bytes.length))
    this.#response.writeHead(status, '', fields.raw)
    if (bytes.length > 0 && hasContent(this.#line.method, status))
      this.#response.content(bytes, this.#response.wire)
    this.#response.end()
    this.#end()
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    const over = this.#error ?? clientClosed('requestBody')
    this.#upChange?.stop(over)
    this.#downChange?.stop(over)
    if (this.#tunnel !== undefined) this.#front.sweep.delete(this)
    this.#attempt?.end(this.#error)
    this.#front.ended(this)
  }

  // ---- clocks

  #enter(phase: Phase): void {
    this.#phase = phase
    this.#stopwatch?.enter(phase)
    const limit = this.#settings.timeouts[phase]
    const isBody = phase === 'requestBody' || phase === 'responseBody' || phase === 'tunnel'
    this.#deadline = isBody ? Number.POSITIVE_INFINITY : performance.now() + limit
  }

  check(now: number): void {
    const { timeouts } = this.#settings
    if (now - this.#startedAt > timeouts.total) this.abort(timedOut('total'))
    else if (now > this.#deadline) this.fail(timedOut(this.phase))
    else if (this.#tunnel === undefined) this.#checkBodies(now)
  }

  #checkBodies(now: number): void {
    const { timeouts } = this.#settings
    if (this.#asked?.ended === false && this.#framing.kind !== 'none' && this.#content.wanted) {
      const held = this.#asked.wire.socket.writableLength > 0 || this.#upChange?.isHeld === true
      const limit = held ? timeouts.drain : timeouts.requestBody
      if (now - this.#sentAt > limit)
        this.fail(held ? timedOut('drain', 'upstream') : timedOut('requestBody'))
    }
    if (this.#answer !== undefined && !this.#ended) {
      const held = this.#response.wire.socket.writableLength > 0 || this.#downChange?.isHeld === true
      const limit = held ? timeouts.drain : timeouts.responseBody
      if (now - this.#receivedAt > limit) this.fail(timedOut(held ? 'drain' : 'responseBody'))
    }
  }

  // ---- what hooks and a transport see

  get status(): number {
    return this.#response.headSent ? this.#response.status : 0
  }

  get failed(): GatewayError | undefined {
    return this.#error
  }

  get method(): string {
    return this.#out?.method ?? this.#line.method
  }

  get contentTaken(): boolean {
    return this.#framing.kind !== 'none' && this.#content.wanted && this.#replay?.isWhole !== true
  }

  get request(): ReceivedRequest {
    this.#request ??= this.#received()
    return this.#request
  }

  #received(): ReceivedRequest {
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

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#error !== undefined) this.#controller.abort(this.#error)
    }
    return this.#controller.signal
  }

  summary(): ExchangeSummary {
    return {
      gateway: this.#front.settings.name,
      method: this.#line.method,
      target: this.#line.target,
      ...endOf(this.#error, this.#response.status),
      requestBytes: this.#requestBytes,
      responseBytes: this.#responseBytes,
      timeToHead: this.#headAt === undefined ? undefined : this.#headAt - this.#startedAt,
      duration: performance.now() - this.#startedAt,
      times: this.#stopwatch?.read() ?? {},
      upstream: this.#endpoint?.origin,
      attempts: this.attempts,
      route: this.#settings.route,
      remoteAddress: this.#remoteAddress,
    }
  }
}

const identity: ContentTransform = (source) => source

/** Statuses of which a response has no content, whatever its fields say (RFC 9110 §6.4.1). */
const isEmpty = (status: number): boolean => status === 204 || status === 205 || status === 304
