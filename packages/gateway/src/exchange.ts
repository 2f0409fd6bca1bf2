/** One request and its response on node:http: what begins, limits, counts and ends it. */

import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import {
  announcedTrailers,
  dropsContent,
  endOf,
  goesOn,
  Interim,
  interimFields,
  modified,
  plainReason,
  refusal,
  responseFields,
  trailersToForward,
} from './answer.ts'
import { isWatched, tellError, tellStart } from './channels.ts'
import { after, BodyClock, type Timer } from './clock.ts'
import { breakOff } from './close-notify.ts'
import {
  clientClosed,
  GatewayError,
  internalFailure,
  type Phase,
  timedOut,
  upstreamFailure,
} from './errors.ts'
import type { Fields } from './fields.ts'
import { type Framing, hasContent, noContent, responseFraming } from './framing.ts'
import type {
  ContentTransform,
  ExchangeSummary,
  PhaseTimes,
  ReceivedRequest,
  RequestHead,
  ResponseHead,
  Route,
} from './gateway.ts'
import { askOnError, type SendableReply } from './hooks.ts'
import type { Pending } from './listen.ts'
import { keepBeside, takeHeadBack, writeInformation } from './outgoing.ts'
import { type Prepared, targetOf, wantsTrailers } from './prepare.ts'
import { beginsRequest } from './reading.ts'
import { Replay } from './replay.ts'
import type { Settings } from './settings.ts'
import { Stopwatch } from './stopwatch.ts'
import { endsAttempt, type Repeatable } from './transport.ts'
import { listenOn } from './upgrading.ts'
import { type Endpoint, isRoute } from './upstream.ts'

/** What an exchange needs to know of the gateway it belongs to. */
export interface Front {
  readonly settings: Settings
  /** No new exchanges: client connections are not kept. */
  readonly closing: boolean
  ended(exchange: HttpExchange): void
}

/** Stops what a strategy has started upstream. What it returns settles when that is free again. Must not reject. */
type Cancel = (reason: GatewayError) => unknown

/** A client's wish for another protocol. */
export interface Upgrade {
  readonly protocols: readonly string[]
  readonly socket: Socket
  /** Takes the socket away from whoever reads it, with what has come of the other protocol; undefined if that is lost. */
  take(): Buffer | undefined
}

/** Thrown instead of passing a response on: it is to be asked for elsewhere. */
export class Redirection {
  readonly route: Route

  constructor(route: Route) {
    this.route = route
  }
}

export class HttpExchange implements Repeatable, Pending {
  place = -1
  readonly incoming: IncomingMessage
  readonly response: ServerResponse
  /** Those of the route it takes. */
  settings: Settings
  /** The request as it goes upstream. Set by the front before a strategy sees the exchange. */
  out!: RequestHead
  endpoint!: Endpoint
  /** Of the request, both as it came and as it goes on; undefined as long as its head has not been judged. */
  #framing: Framing | undefined
  attempts = 0
  /** The protocols the client wants to change to. */
  upgrade: Upgrade | undefined
  /** What was last sent upstream by node:http. */
  asked: ClientRequest | undefined
  requestBytes = 0
  responseBytes = 0
  /** `modifyResponse` has thrown at an answer with which nothing else was wrong. */
  refused = false
  /** The one that it came behind in a pipeline, until this one has ended. */
  previous: HttpExchange | undefined
  /** Changes the content of the response on its way. */
  transform: ContentTransform | undefined
  /** The response's content is not to go on: `modifyResponse` has made it one that has none. */
  contentDropped = false

  #interim: Interim | undefined
  readonly #startedAt = performance.now()
  readonly #front: Front
  #phase: Phase = 'requestHead'
  /** Only if somebody will read it. */
  #stopwatch: Stopwatch | undefined
  #remoteAddress: string | undefined
  #headAt: number | undefined
  #controller: AbortController | undefined
  #cancel: Cancel | undefined
  /** Until what the last attempt has held can be used again. */
  #letGo: unknown
  #error: GatewayError | undefined
  /** A transport has an attempt under way, and may make another one. */
  #attempting = false
  /** Of the last attempt. */
  #attemptError: GatewayError | undefined
  #contentTaken = false
  #replay: Replay | undefined
  #status = 0
  #ended = false
  #phaseTimer: Timer
  #totalTimer: Timer
  #requestClock: BodyClock | undefined
  #responseClock: BodyClock | undefined
  #request: ReceivedRequest | undefined
  #letGoOfContent: (() => void) | undefined
  #expected: number | undefined

  constructor(front: Front, incoming: IncomingMessage, response: ServerResponse) {
    this.settings = front.settings
    this.incoming = incoming
    this.response = response
    this.#front = front
    this.#totalTimer = after(front.settings.timeouts.total, () => this.abort(timedOut('total')))
    response.on('close', () => this.clientLeft())
    if (isWatched(front.settings)) {
      this.#stopwatch = new Stopwatch(this.#phase)
      this.#remoteAddress = incoming.socket.remoteAddress
    }
    tellStart(front.settings, this)
  }

  get phase(): Phase {
    return this.#phase
  }

  set phase(phase: Phase) {
    this.#phase = phase
    this.#stopwatch?.enter(phase)
  }

  /** How the time since the phase began was spent, when a strategy knows better: on a new connection. */
  spent(times: PhaseTimes): void {
    this.#stopwatch?.divide(times)
  }

  /** There is a connection: the request is on its way, or all out already. */
  connected(): void {
    const sent = this.framing.kind === 'none' || this.incoming.readableEnded
    this.enter(sent ? 'responseHead' : 'requestBody')
  }

  get framing(): Framing {
    return this.#framing ?? noContent
  }

  set framing(framing: Framing) {
    this.#framing = framing
  }

  /** Begins an attempt: what was chosen for it holds from now on. */
  begin({ settings, endpoint, out }: Prepared): void {
    const { total } = settings.timeouts
    if (total !== this.settings.timeouts.total) {
      clearTimeout(this.#totalTimer)
      const left = Math.max(0, total - (performance.now() - this.#startedAt))
      this.#totalTimer = after(left, () => this.abort(timedOut('total')))
    }
    this.transform = undefined
    this.contentDropped = false
    this.settings = settings
    this.endpoint = endpoint
    this.out = out
  }

  get request(): ReceivedRequest {
    this.#request ??= received(this.incoming)
    return this.#request
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#error !== undefined) this.#controller.abort(this.#error)
    }
    return this.#controller.signal
  }

  /** The connection ends after it. */
  get isLast(): boolean {
    return this.incoming.httpVersionMajor === 1 && !this.response.shouldKeepAlive
  }

  /** What has ended the exchange before it was complete, or the attempt that is under way. */
  get error(): GatewayError | undefined {
    return this.#error ?? this.#attemptError
  }

  get failed(): GatewayError | undefined {
    return this.#error
  }

  get status(): number {
    return this.#status
  }

  get method(): string {
    return this.out?.method ?? (this.incoming.method as string)
  }

  get contentTaken(): boolean {
    return this.#contentTaken && this.#replay?.isWhole !== true
  }

  /** What has come of the content, if it is kept. */
  get replay(): Replay | undefined {
    const { replay } = this.settings.limits
    if (replay > 0) this.#replay ??= new Replay(replay)
    return this.#replay
  }

  /** An attempt is being given up, and its content may be sent again. */
  get isRepeatable(): boolean {
    return (this.#attemptError !== undefined || this.refused) && !this.contentTaken
  }

  /** The length of the response's content, when its head says so. */
  get expected(): number | undefined {
    return this.#expected
  }

  /** Nothing of it is left: on HTTP/1.1 its connection is free for the next one. */
  get ended(): boolean {
    return this.#ended
  }

  /** Registers how to stop what a strategy has started upstream. Runs at most once, at once if it is too late. */
  onCancel(cancel: Cancel): void {
    if (this.error !== undefined) cancel(this.error)
    else this.#cancel = cancel
  }

  /** Begins a phase: its clock replaces the one of the phase before. Body phases have clocks of their own. */
  enter(phase: Phase): void {
    this.phase = phase
    clearTimeout(this.#phaseTimer)
    // What has been started ends a moment after the exchange: nothing is timed any more.
    if (this.#isOver || phase === 'requestBody' || phase === 'responseBody') return
    this.#phaseTimer = after(this.settings.timeouts[phase], () => this.abort(timedOut(phase)))
  }

  /** The content of the request is on its way from now on, and cannot be sent again. */
  takeContent(): void {
    this.#contentTaken = true
    this.enter('requestBody')
    beginsRequest(this.incoming)
  }

  /** Registers how to let go of the request's content once the exchange has ended. */
  atEnd(letGo: () => void): void {
    this.#letGoOfContent = letGo
  }

  watchUpload(held: () => boolean): BodyClock {
    const { requestBody: silence, drain } = this.settings.timeouts
    const clock = new BodyClock({ silence, drain }, held, (slow) =>
      this.abort(slow ? timedOut('drain', 'upstream') : timedOut('requestBody')),
    )
    this.#requestClock = clock
    if (this.#isOver) clock.stop()
    return clock
  }

  get #isOver(): boolean {
    return this.#ended || this.error !== undefined
  }

  countRequest(bytes: number): void {
    this.requestBytes += bytes
    if (this.requestBytes > this.settings.limits.requestBody) this.abort(tooLarge())
  }

  /** Passes an interim response on, except to an HTTP/1.0 client (RFC 9110 §15.2). */
  inform(status: number, raw: readonly string[]): void {
    const { incoming, response } = this
    if (incoming.httpVersionMinor === 0 && incoming.httpVersionMajor === 1) return
    if (response.headersSent || response.destroyed) return
    if (status === 101) return
    try {
      this.#interim ??= new Interim()
      this.#interim.add(raw, this.settings.limits)
      if (!goesOn(this.settings.informational, status, raw, this)) return
      if (status === 100) response.writeContinue()
      else writeInformation(response, status, interimFields(raw))
    } catch (cause) {
      this.fail(
        cause instanceof GatewayError
          ? cause
          : new GatewayError('http_protocol_error', { phase: 'responseHead', cause }),
      )
    }
  }

  /** Whether its client has yet to take what was sent to it: nothing more is read for it before that. */
  get clientIsBehind(): boolean {
    const { response } = this
    return response.socket?.writableNeedDrain === true || response.writableNeedDrain
  }

  /**
   * Writes the response head: without hop-by-hop fields, after `modifyResponse`, framed for this client. A promise only
   * when that is one.
   * @throws GatewayError when the upstream's head cannot be forwarded, or a hook threw.
   */
  respond(status: number, reason: string, raw: readonly string[]): Promise<void> | undefined {
    this.#headAt = performance.now()
    if (this.phase !== 'requestBody') {
      this.phase = 'responseBody'
      clearTimeout(this.#phaseTimer)
    }
    const { method } = this.out
    const { limits } = this.settings
    if (raw.length > limits.fields * 2) {
      throw new GatewayError('http_response_header_section_size', { phase: 'responseHead' })
    }
    // 101 for a change that nobody asked for, and whatever else is none of HTTP's final ones.
    if (status < 200) throw new GatewayError('http_protocol_error', { phase: 'responseHead' })
    const framing = responseFraming(method, status, raw)
    if (framing.kind === 'length' && framing.length > limits.responseBody) {
      throw new GatewayError('http_response_body_size', { phase: 'responseHead' })
    }
    this.#expected = framing.kind === 'none' ? 0 : framing.kind === 'length' ? framing.length : undefined
    const head = { status, reason: plainReason(reason), fields: responseFields(framing, status, raw) }
    // What HEAD is told of the length is none of the content that its client awaits.
    if (method === 'HEAD' && this.incoming.method !== 'HEAD') head.fields.delete('content-length')
    const { modifyResponse } = this.settings
    if (modifyResponse !== undefined) return this.#modified(head, raw, modifyResponse)
    if (this.error !== undefined) throw this.error
    this.#writeHead(head.status, head.reason, head.fields, raw)
    return undefined
  }

  async #modified(
    head: ResponseHead,
    raw: readonly string[],
    modify: NonNullable<Settings['modifyResponse']>,
  ): Promise<void> {
    const { status: before } = head
    let left: ResponseHead | Route
    try {
      left = await modified(head, modify, this)
    } catch (cause) {
      this.refused = true
      throw cause
    }
    if (this.error !== undefined) throw this.error
    if (isRoute(left)) throw new Redirection(left)
    this.contentDropped = dropsContent(before, left.status)
    if (this.contentDropped) this.#expected = 0
    this.transform = hasContent(this.out.method, left.status) ? left.content : undefined
    if (this.transform !== undefined) this.#expected = undefined
    this.#writeHead(left.status, left.reason, left.fields, raw)
  }

  watchDownload(held: () => boolean): BodyClock {
    const { responseBody: silence, drain } = this.settings.timeouts
    const clock = new BodyClock({ silence, drain }, held, (slow) =>
      this.abort(timedOut(slow ? 'drain' : 'responseBody')),
    )
    this.#responseClock = clock
    if (this.#isOver) clock.stop()
    return clock
  }

  /** Ends the exchange now: the upstream is cancelled, the client gets a status or a visibly broken message. */
  abort(reason: unknown): void {
    this.fail(reason instanceof GatewayError ? reason : internalFailure(reason, this.phase))
  }

  /** The first failure counts; what breaks in its wake is not another one. */
  fail(cause: unknown): void {
    if (this.#error !== undefined || this.#ended) return
    const error = cause instanceof GatewayError ? cause : upstreamFailure(cause, this.phase)
    if (this.#attempting && this.#status === 0 && endsAttempt(error)) this.#giveUpAttempt(error)
    else this.failAtLast(error)
  }

  /** The same, whatever a transport may have in mind. */
  failAtLast(error: GatewayError): void {
    if (this.#error !== undefined || this.#ended) return
    this.#error = error
    this.#stopClocks()
    const reply = this.#told(error)
    this.#cancel?.(error)
    this.#controller?.abort(error)
    // It has been cut off.
    if (this.#phase === 'tunnel') return
    const { response } = this
    if (error.type === 'client_closed' || response.destroyed) response.destroy()
    else if (response.headersSent) this.#breakOff()
    else this.#refuse(error, reply)
  }

  /**
   * Asks the upstream on behalf of a transport: what fails before the response head is written ends only this attempt. It
   * rejects when nothing of that is under way any more.
   */
  async attempt(ask: () => Promise<void>): Promise<void> {
    this.#attemptError = undefined
    this.refused = false
    this.#attempting = true
    try {
      await ask()
    } catch (cause) {
      this.fail(this.#attemptError ?? cause)
      await this.#letGo
    } finally {
      this.#attempting = false
    }
    if (this.error !== undefined) throw this.error
  }

  /** The first failure of an attempt counts as well. What it has begun comes to its end by itself. */
  #giveUpAttempt(error: GatewayError): void {
    if (this.error !== undefined) return
    this.#attemptError = error
    clearTimeout(this.#phaseTimer)
    this.#letGo = this.#cancel?.(error)
    this.#cancel = undefined
  }

  /** Gives up the response that has begun to come: it is asked for elsewhere. */
  async turnAway(): Promise<void> {
    this.refused = true
    const letGo = this.#cancel?.(
      new GatewayError('destination_unavailable', { phase: 'responseHead', source: 'gateway' }),
    )
    this.#cancel = undefined
    await letGo
    this.refused = false
  }

  /** The exchange goes on as a tunnel: its end is told by `tunnelClosed`, not by the response. */
  becomeTunnel(): void {
    this.#status = 101
    this.#headAt = performance.now()
    this.#stopPhases()
    this.phase = 'tunnel'
  }

  tunnelClosed(error?: GatewayError): void {
    this.#error ??= error
    this.#end()
  }

  #told(error: GatewayError): SendableReply | undefined {
    tellError(this.settings, this, error)
    return askOnError(this.settings, error, this)
  }

  /** Answers in the gateway's own name. */
  reply({ status, fields, body = '' }: SendableReply): void {
    if (hasContent('', status)) fields.set('Content-Length', String(Buffer.byteLength(body)))
    const { socket, complete, httpVersionMajor } = this.incoming
    // A parser that has no content to read may yet have to say so.
    if (!complete && this.#framing?.kind !== 'none' && httpVersionMajor === 1) {
      this.response.shouldKeepAlive = false
      // What node:http does after a last response. The rest is `#listenOn`.
      socket.destroySoon = () => socket.end()
    }
    this.#writeHead(status, '', fields, undefined)
    this.response.end(body)
  }

  #refuse(error: GatewayError, reply: SendableReply | undefined): void {
    const { pseudonym } = this.settings
    // The hook's reply, the plain one if that cannot be sent, and if nothing can be, for whatever is in front: a break.
    for (const answer of reply === undefined ? [undefined] : [reply, undefined]) {
      try {
        this.reply(refusal(error, pseudonym, answer))
        return
      } catch {}
    }
    this.response.destroy()
  }

  #writeHead(status: number, reason: string, { raw }: Fields, received: readonly string[] | undefined): void {
    const { response, incoming } = this
    if (this.#front.closing) response.shouldKeepAlive = false
    if (received !== undefined && takesTrailers(incoming) && hasContent(this.out.method, status)) {
      const announced = announcedTrailers(received)
      if (
        announced !== undefined &&
        !raw.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'content-length')
      ) {
        raw.push('Trailer', announced, 'Transfer-Encoding', 'chunked')
      }
    }
    keepBeside(response, raw)
    try {
      if (incoming.httpVersionMajor === 2) response.writeHead(status, raw as never)
      else if (reason === '') response.writeHead(status, raw as never)
      else response.writeHead(status, reason, raw as never)
    } catch (cause) {
      takeHeadBack(response)
      throw new GatewayError('http_protocol_error', { phase: 'responseHead', cause })
    }
    this.#status = status
  }

  addTrailers(raw: readonly string[] | undefined): void {
    if (raw === undefined || raw.length === 0) return
    if (!takesTrailers(this.incoming) || !this.response.chunkedEncoding) return
    this.response.addTrailers([...trailersToForward(raw)])
  }

  countResponse(bytes: number): void {
    this.responseBytes += bytes
    if (this.responseBytes > this.settings.limits.responseBody) {
      this.abort(new GatewayError('http_response_body_size', { phase: 'responseBody' }))
    }
  }

  /** A message that ends with its connection looks whole when that ends in order (RFC 9112 §8). */
  #breakOff(): void {
    const { response } = this
    // A head that has not left yet goes first: it is part of what the client can see broken.
    response.flushHeaders()
    const untilClose = !response.chunkedEncoding && this.#expected === undefined
    if (untilClose && response.socket) breakOff(response.socket)
    response.destroy()
  }

  /** Or has its answer: there is nobody to send anything to. */
  clientLeft(): void {
    if (this.phase === 'tunnel') return
    if (!this.response.writableFinished) this.fail(clientClosed(this.phase))
    else if (!this.incoming.complete) this.#listenOn()
    this.#end()
  }

  /** A client that still sends can read its answer first (RFC 9112 §9.6). */
  #listenOn(): void {
    const { socket, httpVersionMajor } = this.incoming
    if (httpVersionMajor > 1) return
    this.incoming.once('end', () => socket.destroy())
    listenOn(socket)
  }

  #stopClocks(): void {
    clearTimeout(this.#totalTimer)
    this.#stopPhases()
  }

  #stopPhases(): void {
    clearTimeout(this.#phaseTimer)
    this.#requestClock?.stop()
    this.#responseClock?.stop()
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#stopClocks()
    // An answer that came before the whole request was sent leaves an upstream connection that nobody can use again.
    if (this.#error === undefined && !this.incoming.complete) this.#cancel?.(clientClosed('requestBody'))
    this.#letGoOfContent?.()
    this.#front.ended(this)
  }

  summary(): ExchangeSummary {
    return {
      gateway: this.settings.name,
      method: this.incoming.method ?? '',
      target: this.incoming.url ?? '',
      ...endOf(this.#error, this.#status),
      requestBytes: this.requestBytes,
      responseBytes: this.responseBytes,
      timeToHead: this.#headAt === undefined ? undefined : this.#headAt - this.#startedAt,
      duration: performance.now() - this.#startedAt,
      times: this.#stopwatch?.read() ?? {},
      upstream: this.endpoint?.origin,
      attempts: this.attempts,
      route: this.settings.route,
      remoteAddress: this.#remoteAddress,
    }
  }
}

function received(incoming: IncomingMessage): ReceivedRequest {
  const { socket } = incoming
  return {
    ...targetOf(incoming.method ?? '', incoming.url ?? '', incoming.rawHeaders),
    originalTarget: (incoming as { originalUrl?: string }).originalUrl ?? incoming.url ?? '',
    version: incoming.httpVersion,
    remoteAddress: socket.remoteAddress,
    remotePort: socket.remotePort,
    secure: (socket as TLSSocket).encrypted === true,
  }
}

function tooLarge(): GatewayError {
  return new GatewayError('http_request_error', {
    phase: 'requestBody',
    status: 413,
    detail: 'request body too large',
  })
}

/** Whether the client says it reads trailers, and its version can carry them (RFC 9110 §6.5.1). */
function takesTrailers(incoming: IncomingMessage): boolean {
  return incoming.httpVersion !== '1.0' && wantsTrailers(incoming.rawHeaders)
}
