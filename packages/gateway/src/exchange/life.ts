/**
 * The life of an exchange, whichever protocol carries it: what admits, chooses, limits, times, counts, tells and ends it.
 * A port says how its own protocol asks, answers and breaks off. Nothing here imports `node:`.
 */

import {
  type ErrorSource,
  GatewayError,
  internalFailure,
  type Phase,
  timedOut,
  tooLarge,
  upstreamFailure,
} from '../contract/errors.ts'
import type {
  Exchange,
  ExchangeSummary,
  Origin,
  PhaseTimes,
  ReceivedRequest,
  RequestHead,
  ResponseHead,
  Route,
} from '../contract/gateway.ts'
import { type Framing, hasContent, noContent } from '../rules/framing.ts'
import { Interim } from '../rules/response.ts'
import type { Endpoint } from '../rules/upstream.ts'
import { endOf, goesOn, modified, refusal } from './answer.ts'
import { Attempt } from './attempt.ts'
import { isWatched, tellEnd, tellError, tellStart, tellUpstream } from './channels.ts'
import { after, BodyClock, type Timer } from './clock.ts'
import { askOnError, type SendableReply } from './hooks.ts'
import type { Pending } from './in-flight.ts'
import { type Admitted, admit, type Incoming, type Prepared, prepare } from './prepare.ts'
import { Replay } from './replay.ts'
import type { ReplyContent } from './reply.ts'
import { originOf, type Settings } from './settings.ts'
import { Stopwatch } from './stopwatch.ts'
import { allowRedirect, carryBy, endsAttempt, type Repeatable } from './transport.ts'

/** The gateway around exchanges. */
export interface Around<L extends Life = Life> {
  readonly settings: Settings
  /** It has ended: exactly once. */
  ended(life: L): void
}

export abstract class Life implements Exchange, Repeatable, Pending {
  place = -1
  /** Those of the route it takes. */
  settings: Settings
  /** The request as it goes upstream, once that is known. */
  out!: RequestHead
  endpoint!: Endpoint
  attempts = 0
  requestBytes = 0
  responseBytes = 0
  /** An answer with which nothing was wrong is given up: its connection can be used again if all of it has come. */
  answerRefused = false

  readonly #gateway: Settings
  readonly #around: Around<never>
  readonly #startedAt = performance.now()
  #phase: Phase = 'requestHead'
  /** Only if somebody will read it. */
  #stopwatch: Stopwatch | undefined
  #remoteAddress: string | undefined
  #headAt: number | undefined
  #framing: Framing | undefined
  /** Under a transport, which may make another one. */
  #attempt: Attempt | undefined
  #asking: Promise<void> | undefined
  /** Answers that were given up for another one, in this attempt, and whether one of them has led to another origin. */
  #followed = 0
  #crossOrigin = false
  #contentTaken = false
  #replay: Replay | undefined
  #interim: Interim | undefined
  #error: GatewayError | undefined
  #ended = false
  #controller: AbortController | undefined
  #request: ReceivedRequest | undefined
  #totalTimer: Timer
  #phaseTimer: Timer
  #requestClock: BodyClock | undefined
  #responseClock: BodyClock | undefined
  /** Of the reply that is being sent, if that is pulled. */
  #content: ReplyContent | undefined

  constructor(around: Around<never>) {
    this.#around = around
    this.#gateway = this.settings = around.settings
  }

  // ---- what a port does

  /** The request head as it came. */
  protected abstract incomingHead(): Incoming
  protected abstract receivedRequest(): ReceivedRequest
  /** What is sent, 101 for a tunnel; 0 as long as nothing is. */
  abstract readonly status: number
  /**
   * Asks the upstream and relays its answer. Of a promise the rejection is a failure of the exchange; without one the port
   * calls `fail` or `finish`.
   */
  protected abstract ask(): Promise<void> | undefined
  /** Stops what has been started upstream. What it returns settles when that is free again. */
  protected abstract cancel(reason: GatewayError): unknown
  /** Answers in the gateway's own name. Throwing leaves nothing sent. */
  protected abstract reply(reply: SendableReply): void
  /** The same for content that is pulled: its head, which leaves with what follows. Throwing leaves nothing sent. */
  protected abstract begin(reply: SendableReply): void
  /** A piece of that. Returning false holds the next one back until `taken`. */
  protected abstract write(piece: Uint8Array): boolean
  /** And its end. */
  protected abstract complete(): void
  /** The client sees that there will be no whole answer; or is gone. */
  protected abstract breakOff(error: GatewayError): void
  /** What is left of the request's content when the exchange begins. @throws GatewayError when that is not all. */
  protected remaining(framing: Framing): Framing {
    return framing
  }
  /** Nothing more is to come, or to be sent. */
  protected over(): void {}
  protected newAttempt(): Attempt {
    return new Attempt()
  }

  // ---- begin

  /** To be called when the port is complete: others see it from now on. */
  protected started(remoteAddress: string | undefined): void {
    if (isWatched(this.#gateway)) {
      this.#stopwatch = new Stopwatch(this.#phase)
      this.#remoteAddress = remoteAddress
    }
    this.timeTotal(this.#gateway)
    tellStart(this.#gateway, this)
  }

  /** Carries it to its end. Never throws nor rejects. What it returns settles when nothing is asked any more. */
  start(): Promise<void> | undefined {
    const { transport } = this.#gateway
    try {
      if (this.error !== undefined) return undefined
      const admitted = admit(this.#gateway, this.incomingHead())
      if ('status' in admitted) return this.#say(admitted)
      this.#framing = this.remaining(admitted.framing)
      if (transport === undefined) return this.#choose(admitted)
      let first: Admitted | undefined = admitted
      const ask = (where: Origin | Route | undefined): Promise<void> => {
        const judged = first
        first = undefined
        return this.#try(judged, where)
      }
      return carryBy(transport, this, ask).catch((error) => this.failAtLast(error))
    } catch (cause) {
      this.fail(internalFailure(cause, this.#phase))
      return undefined
    }
  }

  /**
   * One attempt of those that a transport makes.
   * @param admitted The first time: its fields have not been edited yet.
   */
  #try(admitted: Admitted | undefined, where: Origin | Route | undefined): Promise<void> {
    const attempt = this.newAttempt()
    this.#attempt = attempt
    this.answerRefused = this.#crossOrigin = false
    this.#followed = 0
    try {
      attempt.run(() => this.#choose(admitted ?? this.#admittedAgain(), where))
    } catch (cause) {
      this.fail(internalFailure(cause, this.#phase))
    }
    return attempt.ended
  }

  /** Its head has been judged before; its fields are edited for each attempt. */
  #admittedAgain(): Admitted {
    return admit(this.#gateway, this.incomingHead()) as Admitted
  }

  /** Where to, and with what: then the asking begins. */
  #choose(admitted: Admitted, where?: Origin | Route): Promise<void> | undefined {
    const attempt = this.#attempt
    const ready = prepare(this.#gateway, admitted, this, where)
    if (!(ready instanceof Promise)) return this.#begin(ready)
    // A hook has taken its time.
    const isCurrent = (): boolean => this.#attempt === attempt && !this.#isOver
    return ready
      .then((it) => {
        if (isCurrent()) return this.#begin(it)
        if ('status' in it) it.content?.stop()
        return undefined
      })
      .catch((cause) => {
        if (isCurrent()) this.fail(internalFailure(cause, this.#phase))
      })
  }

  #begin(ready: Prepared | SendableReply): Promise<void> | undefined {
    if ('status' in ready) return this.#say(ready)
    const before = this.settings
    this.settings = ready.settings
    this.endpoint = ready.endpoint
    this.out = ready.out
    if (before.timeouts.total !== ready.settings.timeouts.total) this.timeTotal(ready.settings)
    this.attempts++
    tellUpstream(this.settings, this, this.endpoint, this.out)
    const asking = this.ask()
    if (asking === undefined) return undefined
    const attempt = this.#attempt
    this.#asking = asking.then(
      () => attempt?.succeed(this.#error),
      (cause) => this.fail(cause),
    )
    return this.#asking
  }

  /** Gives up the answer that has begun to come: it is asked for elsewhere. */
  protected followRoute(route: Route): Promise<void> | undefined {
    allowRedirect(this.#followed++, this.contentTaken)
    this.#crossOrigin ||= originOf(route.to) !== this.endpoint.origin
    const again = (): Promise<void> | undefined => {
      this.answerRefused = false
      return this.#choose({ ...this.#admittedAgain(), crossOrigin: this.#crossOrigin }, route)
    }
    this.answerRefused = true
    const reason = new GatewayError('destination_unavailable', { phase: 'responseHead', source: 'gateway' })
    const letGo = this.cancel(reason)
    return letGo instanceof Promise ? letGo.then(again) : again()
  }

  // ---- the request

  /** Of the request's content as it came. */
  get framing(): Framing {
    return this.#framing ?? noContent
  }

  /** Its head was judged, and says that no content comes. */
  protected get isBare(): boolean {
    return this.#framing?.kind === 'none'
  }

  get method(): string {
    return this.out?.method ?? this.incomingHead().method
  }

  get request(): ReceivedRequest {
    this.#request ??= this.receivedRequest()
    return this.#request
  }

  /** Some of the content has been read that is not kept: it cannot be sent from its beginning again. */
  get contentTaken(): boolean {
    return this.#contentTaken && this.#replay?.isWhole !== true
  }

  /** The content of the request is on its way from now on. */
  takeContent(): void {
    this.#contentTaken = true
    this.enter('requestBody')
  }

  /** What has come of the content, if it is kept. */
  get replay(): Replay | undefined {
    const { replay } = this.settings.limits
    if (replay > 0) this.#replay ??= new Replay(replay)
    return this.#replay
  }

  /** An attempt is being given up, and its content may be sent again. */
  get isRepeatable(): boolean {
    return (this.#attempt?.error !== undefined || this.answerRefused) && !this.contentTaken
  }

  /** @param bytes Of content, since the beginning. @returns whether the exchange goes on. */
  countRequest(bytes: number): boolean {
    this.requestBytes = bytes
    if (bytes > this.settings.limits.requestBody) this.fail(tooLarge())
    return this.error === undefined
  }

  // ---- the response

  /** Whether an interim response goes on to the client. */
  protected informs(status: number, raw: readonly string[]): boolean {
    try {
      this.#interim ??= new Interim()
      this.#interim.add(raw, this.settings.limits)
      return goesOn(this.settings.informational, status, raw, this)
    } catch (cause) {
      this.fail(internalFailure(cause, 'responseHead', 502))
      return false
    }
  }

  /** The response head has come. */
  protected headCame(): void {
    this.#headAt = performance.now()
  }

  /**
   * The head as it goes on, after `modifyResponse`; or where to ask instead. A promise only with that hook, and not always.
   * @throws GatewayError when it cannot go on.
   */
  protected edit(head: ResponseHead): ResponseHead | Promise<ResponseHead | Route> {
    const { modifyResponse } = this.settings
    if (modifyResponse === undefined) return head
    const modify = (): ReturnType<typeof modified> => modified(head, modifyResponse, this)
    const edited = this.#attempt?.run(modify) ?? modify()
    if (!(edited instanceof Promise)) return edited
    return edited.catch((cause) => {
      this.answerRefused = true
      throw cause
    })
  }

  /** @param bytes Of content, since the beginning. @returns whether the exchange goes on. */
  countResponse(bytes: number): boolean {
    this.responseBytes = bytes
    if (bytes > this.settings.limits.responseBody)
      this.fail(new GatewayError('http_response_body_size', { phase: 'responseBody' }))
    return this.error === undefined
  }

  // ---- an answer of the gateway's own

  #say(reply: SendableReply): Promise<void> | undefined {
    const { content, status } = reply
    if (content === undefined) {
      this.reply(reply)
      return undefined
    }
    if (hasContent(this.incomingHead().method, status)) return this.#pour(reply, content)
    content.stop()
    this.begin(reply)
    if (!this.#ended) this.complete()
    return undefined
  }

  /** Its head waits for the first piece: what fails before that can be answered otherwise. */
  async #pour(reply: SendableReply, content: ReplyContent): Promise<void> {
    this.#content = content
    this.enter('responseBody')
    let asked = true
    const clock = this.#timeDownload(() => !asked, 'gateway')
    const next = async (): Promise<Uint8Array | undefined> => {
      asked = true
      clock.moved()
      const piece = await content.next()
      asked = false
      clock.moved()
      return piece
    }
    try {
      let piece = await next()
      if (!content.stopped) this.begin(reply)
      for (let sent = 0; piece !== undefined && !content.stopped; piece = await next()) {
        sent += piece.byteLength
        this.responseBytes = sent
        if (!this.write(piece)) await content.untilTaken()
      }
      if (!content.stopped) this.complete()
    } catch (cause) {
      content.stop()
      this.#pourFailed(internalFailure(cause, 'responseBody'))
    }
  }

  /** The client has taken what it was sent of a reply. */
  protected taken(): void {
    this.#content?.taken()
  }

  /** Of the reply to a failure another one makes no other failure: the client gets the plain one, or sees it broken. */
  #pourFailed(error: GatewayError): void {
    this.#responseClock?.stop()
    if (this.#error === undefined) this.fail(error)
    else if (this.#ended) return
    else if (this.status === 0) this.#refuse(this.#error, undefined)
    else this.breakOff(error)
  }

  /** It goes on as a tunnel, until `tunnelClosed`. */
  protected tunnels(): void {
    this.headCame()
    this.#stopPhases()
    this.phase = 'tunnel'
  }

  tunnelClosed(error?: GatewayError): void {
    this.#error ??= error
    this.finish()
  }

  // ---- clocks

  get phase(): Phase {
    return this.#phase
  }

  protected set phase(phase: Phase) {
    this.#phase = phase
    this.#stopwatch?.enter(phase)
  }

  /** How the time since the phase began was spent, when a strategy knows better: on a new connection. */
  spent(times: PhaseTimes): void {
    this.#stopwatch?.divide(times)
  }

  /** Begins a phase: its clock replaces the one of the phase before. Body phases have clocks of their own. */
  enter(phase: Phase): void {
    this.phase = phase
    clearTimeout(this.#phaseTimer)
    // What has been started ends a moment after the exchange: nothing is timed any more.
    if (this.#isOver || phase === 'requestBody' || phase === 'responseBody') return
    this.#phaseTimer = after(this.settings.timeouts[phase], () => this.fail(timedOut(phase)))
  }

  protected timeTotal({ timeouts: { total } }: Settings): void {
    clearTimeout(this.#totalTimer)
    const left = Math.max(0, total - (performance.now() - this.#startedAt))
    this.#totalTimer = after(left, () => this.totalPassed())
  }

  /** Before anybody was asked a hook has taken all the time. */
  protected totalPassed(): void {
    this.abort(timedOut('total', this.attempts === 0 ? 'gateway' : undefined))
  }

  watchUpload(held: () => boolean): BodyClock {
    const { requestBody: silence, drain } = this.settings.timeouts
    const clock = new BodyClock({ silence, drain }, held, (slow) =>
      this.abort(slow ? timedOut('drain', 'upstream') : timedOut('requestBody')),
    )
    this.#requestClock?.stop()
    this.#requestClock = clock
    if (this.#isOver) clock.stop()
    return clock
  }

  watchDownload(held: () => boolean): BodyClock {
    const clock = this.#timeDownload(held)
    if (this.#isOver) clock.stop()
    return clock
  }

  /** @param silent Whose fault it is when nothing comes. */
  #timeDownload(held: () => boolean, silent?: ErrorSource): BodyClock {
    const { responseBody: silence, drain } = this.settings.timeouts
    const clock = new BodyClock({ silence, drain }, held, (slow) =>
      this.abort(slow ? timedOut('drain') : timedOut('responseBody', silent)),
    )
    this.#responseClock?.stop()
    this.#responseClock = clock
    return clock
  }

  #stopPhases(): void {
    clearTimeout(this.#phaseTimer)
    this.#requestClock?.stop()
    this.#responseClock?.stop()
  }

  // ---- end

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#error !== undefined) this.#controller.abort(this.#error)
    }
    return this.#controller.signal
  }

  /** What has ended the exchange before it was complete, or the attempt that is under way. */
  get error(): GatewayError | undefined {
    return this.#error ?? this.#attempt?.error
  }

  /** What has ended the exchange. The failure of one attempt does not. */
  get failed(): GatewayError | undefined {
    return this.#error
  }

  get ended(): boolean {
    return this.#ended
  }

  get #isOver(): boolean {
    return this.#ended || this.error !== undefined
  }

  /** Ends the exchange now: the upstream is cancelled, the client gets a status or a visibly broken message. */
  abort(reason: unknown): void {
    const error = internalFailure(reason, this.#phase)
    if (this.#error === undefined || this.#content?.stopped !== false) this.fail(error)
    else {
      this.#content.stop()
      this.#pourFailed(error)
    }
  }

  /** The first failure counts; what breaks in its wake is not another one. */
  fail(cause: unknown): void {
    if (this.#error !== undefined || this.#ended) return
    const error = upstreamFailure(cause, this.#phase)
    const attempt = this.#attempt
    if (attempt?.isUnderWay === true && this.status === 0 && endsAttempt(error)) this.#giveUp(attempt, error)
    else this.failAtLast(error)
  }

  /** The first failure of an attempt counts as well. It is over when nothing of it is under way any more. */
  #giveUp(attempt: Attempt, error: GatewayError): void {
    if (attempt.error !== undefined) return
    attempt.error = error
    this.#content?.stop()
    this.#stopPhases()
    const letGo = this.cancel(error)
    if (this.#asking === undefined && !(letGo instanceof Promise)) attempt.fail()
    else void Promise.all([letGo, this.#asking]).then(() => attempt.fail())
  }

  /** The same, whatever a transport may have in mind. */
  failAtLast(error: GatewayError): void {
    if (this.#error !== undefined || this.#ended) return
    this.#error = error
    this.#content?.stop()
    this.#stopClocks()
    tellError(this.#gateway, this, error)
    const reply = askOnError(this.#gateway, error, this)
    this.cancel(error)
    this.#controller?.abort(error)
    if (this.#phase !== 'tunnel' && error.type !== 'client_closed' && this.status === 0) {
      this.#refuse(error, reply)
      return
    }
    reply?.content?.stop()
    if (this.#phase !== 'tunnel') this.breakOff(error)
  }

  #refuse(error: GatewayError, reply: SendableReply | undefined): void {
    // The hook's reply, the plain one if that cannot be sent, and if nothing can be, for whatever is in front: a break.
    for (const answer of reply === undefined ? [undefined] : [reply, undefined]) {
      try {
        void this.#say(refusal(error, this.#gateway.pseudonym, answer))
        return
      } catch {
        answer?.content?.stop()
      }
    }
    this.breakOff(error)
  }

  /** Nothing of it is left, or will be. */
  protected finish(): void {
    if (this.#ended) return
    this.#ended = true
    this.#content?.stop()
    this.#stopClocks()
    this.over()
    this.#attempt?.succeed(this.#error)
    this.#around.ended(this as never)
    tellEnd(this.#gateway, this)
  }

  #stopClocks(): void {
    clearTimeout(this.#totalTimer)
    this.#stopPhases()
  }

  summary(): ExchangeSummary {
    const { method, target } = this.incomingHead()
    return {
      gateway: this.#gateway.name,
      method,
      target,
      ...endOf(this.#error, this.status),
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
