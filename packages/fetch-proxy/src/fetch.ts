/** The gateway as a function from `Request` to `Response`, for wherever `fetch` runs: nothing here imports `node:`. */

import {
  type Admitted,
  admit,
  after,
  allowRedirect,
  alreadyRead,
  askOnError,
  BodyClock,
  type ContentTransform,
  callOnEnd,
  carryBy,
  clientClosed,
  type ExchangeSummary,
  endOf,
  endsAttempt,
  endToEnd,
  Fields,
  GatewayError,
  type GatewayOptions,
  hasContent,
  type Incoming,
  internalFailure,
  isRoute,
  modified,
  type Origin,
  originOf,
  type Phase,
  type Prepared,
  prepare,
  type ReceivedRequest,
  type Repeatable,
  Replay,
  type ResponseHead,
  type Route,
  refusal,
  type SendableReply,
  type Settings,
  Stopwatch,
  settle,
  type Timer,
  targetOf,
  timedOut,
  upstreamFailure,
} from '@relayrace/gateway/anywhere'

export interface FetchHandlerOptions extends GatewayOptions {
  /** Asks the upstream. Default: the platform's own. */
  readonly fetch?: typeof globalThis.fetch
}

export interface FetchHandler {
  /** Never rejects before the head: a failure is a `Response` with its status. After it, the body stream errors. */
  readonly fetch: (request: Request) => Promise<Response>
  readonly inFlight: number
  /** Nothing new, up to `grace` milliseconds for what is in flight, then the rest is aborted. */
  close(grace?: number): Promise<void>
}

/** @throws TypeError when an option makes no sense. */
export function createFetchHandler({ fetch: given, ...options }: FetchHandlerOptions): FetchHandler {
  const settings = settle('fetch-proxy', options)
  if (settings.lookup !== undefined && given === undefined)
    throw new TypeError('lookup is for connections of our own: the platform resolves names by itself')
  const underWay = new Set<FetchExchange>()
  let closed: Promise<void> | undefined
  let whenEmpty: (() => void) | undefined

  const ended = (exchange: FetchExchange): void => {
    underWay.delete(exchange)
    if (settings.onEnd !== undefined) callOnEnd(settings, exchange.summary())
    if (underWay.size === 0) whenEmpty?.()
  }

  async function handle(request: Request): Promise<Response> {
    const exchange = new FetchExchange(settings, request, ended)
    underWay.add(exchange)
    try {
      if (closed !== undefined || underWay.size > settings.limits.exchanges) {
        throw new GatewayError('connection_limit_reached', { phase: 'requestHead' })
      }
      // Looked up for each exchange: a platform may replace it, to trace or to test.
      return await exchange.carry(given ?? globalThis.fetch, given !== undefined || unpacks)
    } catch (cause) {
      return exchange.refuse(cause)
    }
  }

  async function shutDown(grace: number): Promise<void> {
    if (underWay.size === 0) return
    const empty = new Promise<void>((resolve) => {
      whenEmpty = resolve
    })
    const timer = setTimeout(() => {
      const reason = new GatewayError('destination_unavailable', { phase: 'total', source: 'gateway' })
      for (const exchange of [...underWay]) exchange.fail(reason)
    }, grace)
    await empty
    clearTimeout(timer)
  }

  return {
    fetch: handle,
    get inFlight() {
      return underWay.size
    },
    close(grace = 10_000) {
      closed ??= shutDown(grace)
      return closed
    },
  }
}

class FetchExchange implements Repeatable {
  readonly request: ReceivedRequest
  attempts = 0
  /** The gateway's, and those of the route it takes. */
  readonly #gateway: Settings
  #settings: Settings
  readonly #asked: Request
  readonly #ended: (exchange: FetchExchange) => void
  readonly #controller = new AbortController()
  readonly #startedAt = performance.now()
  readonly #stopwatch = new Stopwatch('requestHead')
  #phase: Phase = 'requestHead'
  #totalTimer: Timer
  #phaseTimer: Timer
  #clocks: BodyClock[] = []
  #headAt: number | undefined
  #error: GatewayError | undefined
  /** Under a transport, which may make another one. */
  #attempt: Attempt | undefined
  #ready: Prepared | undefined
  #contentTaken = false
  #replay: Replay | undefined
  /** Of the request's content: one for all attempts. */
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  #over = false
  #sending = false
  #status = 0
  #requestBytes = 0
  #responseBytes = 0

  constructor(settings: Settings, request: Request, ended: (exchange: FetchExchange) => void) {
    this.#gateway = this.#settings = settings
    this.#asked = request
    this.#ended = ended
    this.request = received(request)
    this.#totalTimer = after(settings.timeouts.total, () => this.fail(timedOut('total')))
    request.signal.addEventListener('abort', this.#clientLeft)
    if (request.signal.aborted) this.#clientLeft()
  }

  get phase(): Phase {
    return this.#phase
  }

  set phase(phase: Phase) {
    this.#phase = phase
    this.#stopwatch.enter(phase)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get status(): number {
    return this.#status
  }

  get failed(): GatewayError | undefined {
    return this.#error
  }

  get method(): string {
    return this.#ready?.out.method ?? this.request.method
  }

  get contentTaken(): boolean {
    return this.#contentTaken && this.#replay?.isWhole !== true
  }

  /** @param unpacks Whether that function undoes the coding of what it gets. */
  async carry(fetch: typeof globalThis.fetch, unpacks: boolean): Promise<Response> {
    this.signal.throwIfAborted()
    if (this.#asked.bodyUsed) throw alreadyRead()
    const admitted = admit(this.#gateway, this.#incoming())
    if ('status' in admitted) return this.#reply(admitted)
    const { transport } = this.#gateway
    if (transport === undefined) return this.#relay(fetch, unpacks, admitted)
    const begun = Promise.withResolvers<Response>()
    this.signal.addEventListener('abort', () => {
      if (this.#error !== undefined) begun.reject(this.#error)
    })
    const relay = async (where: Origin | Route | undefined): Promise<void> =>
      begun.resolve(await this.#relay(fetch, unpacks, this.#admittedAgain(), where))
    carryBy(transport, this, (where) => this.#try(() => relay(where))).catch((error) =>
      this.#failAtLast(error),
    )
    return begun.promise
  }

  #incoming(): Incoming {
    return incomingOf(this.request, this.#asked)
  }

  /** Its head has been judged before; its fields are edited for each attempt. */
  #admittedAgain(): Admitted {
    return admit(this.#gateway, this.#incoming()) as Admitted
  }

  /** One attempt of those that a transport makes: up to the end of the body. */
  async #try(relay: () => Promise<void>): Promise<void> {
    const attempt: Attempt = { controller: new AbortController(), relayed: Promise.withResolvers() }
    // The exchange may end before anybody waits for that.
    attempt.relayed.promise.catch(() => {})
    this.#attempt = attempt
    const { signal } = attempt.controller
    try {
      await relay()
    } catch (cause) {
      this.fail(cause)
      throw this.#error ?? signal.reason ?? cause
    }
    await attempt.relayed.promise
  }

  /** Choose, ask, head, body, end; and once more if `modifyResponse` says where to, instead of passing the answer on. */
  async #relay(
    fetch: typeof globalThis.fetch,
    unpacks: boolean,
    admitted: Admitted,
    where?: Origin | Route,
  ): Promise<Response> {
    let abroad = false
    for (let followed = 0; ; followed++) {
      const ready = await prepare(this.#gateway, admitted, this, where)
      // A hook has taken its time.
      this.#throwIfOver()
      if ('status' in ready) return this.#reply(ready)
      this.#begin(ready)
      const answer = await this.#ask(fetch, ready)
      this.#headAt = performance.now()
      const came = {
        status: answer.status,
        reason: answer.statusText,
        fields: responseFieldsOf(answer, unpacks),
      }
      const { modifyResponse } = this.#settings
      const head = modifyResponse === undefined ? came : await modified(came, modifyResponse, this)
      this.#throwIfOver()
      if (!isRoute(head)) return this.#answer(head, answer, ready)
      await answer.body?.cancel()
      allowRedirect(followed, this.contentTaken)
      abroad ||= originOf(head.to) !== ready.endpoint.origin
      admitted = { ...this.#admittedAgain(), abroad }
      where = head
    }
  }

  #throwIfOver(): void {
    this.signal.throwIfAborted()
    this.#attempt?.controller.signal.throwIfAborted()
  }

  #begin(ready: Prepared): void {
    const { total } = ready.settings.timeouts
    if (total !== this.#settings.timeouts.total) {
      clearTimeout(this.#totalTimer)
      const left = Math.max(0, total - (performance.now() - this.#startedAt))
      this.#totalTimer = after(left, () => this.fail(timedOut('total')))
    }
    this.#settings = ready.settings
    this.#ready = ready
    this.attempts++
  }

  async #answer(head: ResponseHead, answer: Response, { out }: Prepared): Promise<Response> {
    const empty = answer.body === null || !hasContent(out.method, head.status) || head.status === 205
    const response = this.#respond(head, empty ? null : (answer.body as ReadableStream<Uint8Array>))
    this.#status = head.status
    if (empty) {
      await answer.body?.cancel()
      this.#end()
    }
    return response
  }

  /** @throws GatewayError when the platform takes no such head: a status above 599. */
  #respond(
    { status, reason, fields, content }: ResponseHead,
    body: ReadableStream<Uint8Array> | null,
  ): Response {
    const head = { status, statusText: reason, headers: [...fields] as [string, string][] }
    try {
      // What has no content is tried first: the body cannot be taken back.
      if (body !== null) new Response('', head)
      return new Response(body === null ? null : this.#download(body, content), head)
    } catch (cause) {
      throw new GatewayError('http_protocol_error', { phase: 'responseHead', cause })
    }
  }

  /** The first failure counts. Before the head is out it becomes the status, after it the body stream errors. */
  fail(cause: unknown): void {
    if (this.#error !== undefined || this.#over) return
    const error = cause instanceof GatewayError ? cause : upstreamFailure(cause, this.phase)
    if (this.#attempt === undefined || this.#status !== 0 || !endsAttempt(error)) this.#failAtLast(error)
    else if (!this.#attempt.controller.signal.aborted) {
      clearTimeout(this.#phaseTimer)
      this.#attempt.controller.abort(error)
    }
  }

  /** The same, whatever a transport may have in mind. */
  #failAtLast(error: GatewayError): void {
    if (this.#error !== undefined || this.#over) return
    this.#error = error
    this.#controller.abort(error)
    if (this.#status !== 0) this.#tellAndEnd()
  }

  refuse(cause: unknown): Response {
    this.#failAtLast(cause instanceof GatewayError ? cause : upstreamFailure(cause, this.phase))
    const error = this.#error as GatewayError
    const reply = refusal(error, this.#settings.pseudonym, this.#told(error))
    return this.#reply(reply)
  }

  summary(): ExchangeSummary {
    return {
      gateway: this.#settings.name,
      method: this.request.method,
      target: this.request.target,
      ...endOf(this.#error, this.#status),
      requestBytes: this.#requestBytes,
      responseBytes: this.#responseBytes,
      timeToHead: this.#headAt === undefined ? undefined : this.#headAt - this.#startedAt,
      duration: performance.now() - this.#startedAt,
      times: this.#stopwatch.read(),
      upstream: this.#ready?.endpoint.origin,
      attempts: this.attempts,
      route: this.#settings.route,
      remoteAddress: this.request.remoteAddress,
    }
  }

  async #ask(fetch: typeof globalThis.fetch, { endpoint, out }: Prepared): Promise<Response> {
    if (endpoint.socketPath !== undefined) {
      throw new GatewayError('proxy_configuration_error', {
        phase: 'requestHead',
        detail: 'fetch reaches no Unix domain socket',
      })
    }
    this.#enter('responseHead')
    const body = this.#asked.body === null ? null : this.#upload(this.#asked.body)
    if (body !== null) this.#contentTaken = true
    const attempt = this.#attempt?.controller.signal
    const init = {
      method: out.method,
      headers: askable(out.fields, endpoint.authority),
      body,
      redirect: 'manual',
      signal: attempt === undefined ? this.signal : AbortSignal.any([this.signal, attempt]),
      // Required for a body that is a stream, and not in every platform's declaration of the type.
      duplex: 'half',
      // Bun's own: leave packed what came packed.
      decompress: false,
    } as RequestInit
    try {
      return await fetch(`${endpoint.origin}${out.path}`, init)
    } catch (cause) {
      throw this.#error ?? attempt?.reason ?? upstreamFailure(cause, this.phase)
    } finally {
      clearTimeout(this.#phaseTimer)
    }
  }

  #upload(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    this.#sending = true
    const { requestBody: silence, drain } = this.#settings.timeouts
    const limit = this.#settings.limits.requestBody
    const { replay } = this.#settings.limits
    if (replay > 0) this.#replay ??= new Replay(replay)
    this.#reader ??= body.getReader()
    return this.#pass(this.#reader, silence, drain, {
      replay: this.#replay,
      expired: (held) => (held ? timedOut('drain', 'upstream') : timedOut('requestBody')),
      began: () => this.#enter('requestBody'),
      count: (bytes) => {
        this.#requestBytes += bytes
        if (this.#requestBytes <= limit) return
        throw new GatewayError('http_request_error', {
          phase: 'requestBody',
          status: 413,
          detail: 'request body too large',
        })
      },
      broken: () => clientClosed('requestBody'),
      transform: this.#ready?.out.content,
      phase: 'requestBody',
      done: () => {
        this.#sending = false
        if (this.phase === 'requestBody') this.#enter('responseHead')
      },
    })
  }

  #download(
    body: ReadableStream<Uint8Array>,
    transform: ContentTransform | undefined,
  ): ReadableStream<Uint8Array> {
    this.phase = 'responseBody'
    const { responseBody: silence, drain } = this.#settings.timeouts
    const limit = this.#settings.limits.responseBody
    return this.#pass(body.getReader(), silence, drain, {
      expired: (held) => timedOut(held ? 'drain' : 'responseBody'),
      began: () => {},
      count: (bytes) => {
        this.#responseBytes += bytes
        if (this.#responseBytes > limit)
          throw new GatewayError('http_response_body_size', { phase: 'responseBody' })
      },
      broken: (cause) => upstreamFailure(cause, 'responseBody'),
      transform,
      phase: 'responseBody',
      done: () => this.#end(),
    })
  }

  /** A body on its way: read when it is asked for, no earlier. */
  #pass(
    reader: ReadableStreamDefaultReader<Uint8Array>,
    silence: number,
    drain: number,
    way: Way,
  ): ReadableStream<Uint8Array> {
    let sent = 0
    let asked = false
    let began = false
    const clock = new BodyClock(
      { silence, drain },
      () => !asked,
      (held) => this.fail(way.expired(held)),
    )
    this.#clocks.push(clock)
    /** The next piece of what comes; undefined at its end. */
    const read = async (): Promise<Uint8Array | undefined> => {
      const kept = way.replay?.at(sent)
      if (kept !== undefined) {
        sent++
        return kept
      }
      asked = true
      clock.moved()
      try {
        const { value } = await reader.read()
        if (this.#error !== undefined) throw this.#error
        if (value === undefined) {
          clock.stop()
          return undefined
        }
        way.count(value.byteLength)
        way.replay?.keep(value)
        // An attempt that was given up may have asked for a piece, which came first.
        return way.replay?.at(sent++) ?? value
      } catch (cause) {
        throw cause instanceof GatewayError ? cause : way.broken(cause)
      } finally {
        asked = false
        clock.moved()
      }
    }
    const changed = way.transform?.(allOf(read))[Symbol.asyncIterator]()
    const next =
      changed === undefined
        ? read
        : async () => {
            const { value, done } = await changed.next()
            return done === true ? undefined : value
          }
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.signal.addEventListener('abort', () => {
            void reader.cancel(this.#error).catch(() => {})
            controller.error(this.#error)
          })
        },
        pull: async (controller) => {
          if (!began) way.began()
          began = true
          try {
            let value = await next()
            // What a hook has made nothing of is no piece.
            while (value?.byteLength === 0) value = await next()
            if (this.signal.aborted) return
            if (value !== undefined) {
              controller.enqueue(value)
              return
            }
            controller.close()
            way.done()
            // A hook may have had enough.
            void reader.cancel().catch(() => {})
          } catch (cause) {
            this.fail(internalFailure(cause, way.phase))
          }
        },
        cancel: () => {
          void changed?.return?.()
          // What an attempt has begun to send is let go of with it.
          if (this.#attempt === undefined || this.#status !== 0) this.fail(clientClosed(this.phase))
        },
      },
      { highWaterMark: 0 },
    )
  }

  #enter(phase: Phase): void {
    this.phase = phase
    clearTimeout(this.#phaseTimer)
    if (phase === 'requestBody') return
    this.#phaseTimer = after(this.#settings.timeouts[phase], () => this.fail(timedOut(phase)))
  }

  #told(error: GatewayError): SendableReply | undefined {
    return askOnError(this.#settings, error, this)
  }

  #tellAndEnd(): void {
    this.#told(this.#error as GatewayError)
    this.#end()
  }

  #reply({ status, fields, body = '' }: SendableReply): Response {
    const empty = !hasContent(this.request.method, status) || status === 205
    const response = new Response(empty ? null : (body as string), {
      status,
      headers: [...fields] as [string, string][],
    })
    this.#status = status
    this.#end()
    return response
  }

  readonly #clientLeft = (): void => this.fail(clientClosed(this.phase))

  #end(): void {
    if (this.#over) return
    this.#over = true
    clearTimeout(this.#phaseTimer)
    clearTimeout(this.#totalTimer)
    for (const clock of this.#clocks) clock.stop()
    this.#asked.signal.removeEventListener('abort', this.#clientLeft)
    // Answered before it was all asked: the rest goes nowhere.
    if (this.#sending) this.#controller.abort(clientClosed('requestBody'))
    if (this.#error === undefined) this.#attempt?.relayed.resolve()
    else this.#attempt?.relayed.reject(this.#error)
    this.#ended(this)
  }
}

async function* allOf(read: () => Promise<Uint8Array | undefined>): AsyncGenerator<Uint8Array> {
  for (let piece = await read(); piece !== undefined; piece = await read()) yield piece
}

interface Attempt {
  /** Ends it, if the exchange goes on. */
  readonly controller: AbortController
  readonly relayed: PromiseWithResolvers<void>
}

/** What differs between the two directions. */
interface Way {
  expired(held: boolean): GatewayError
  began(): void
  /** @throws GatewayError when it is too much. */
  count(bytes: number): void
  broken(cause: unknown): GatewayError
  done(): void
  readonly replay?: Replay | undefined
  /** A hook's. */
  readonly transform: ContentTransform | undefined
  readonly phase: 'requestBody' | 'responseBody'
}

function received(request: Request): ReceivedRequest {
  const url = new URL(request.url)
  const fields = Fields.from(request.headers)
  if (!fields.has('host')) fields.append('Host', url.host)
  const target = `${url.pathname}${url.search}`
  return {
    ...targetOf(request.method, target, fields.raw),
    originalTarget: target,
    version: '1.1',
    // A Request does not say whom it came from.
    remoteAddress: undefined,
    remotePort: undefined,
    secure: url.protocol === 'https:',
  }
}

function incomingOf({ method, target, version, fields }: ReceivedRequest, { body }: Request): Incoming {
  const raw = fields.raw.slice()
  const framed = fields.has('content-length') || fields.has('transfer-encoding')
  if (body !== null && !framed) raw.push('Transfer-Encoding', 'chunked')
  return { method, target, version, raw, upgrade: [] }
}

/** Deno unpacks nothing if it was told to ask for `identity`, and Bun nothing that it is told to leave alone. */
const unpacks = !('Deno' in globalThis || 'Bun' in globalThis)

/** Those that `fetch` sets itself or refuses to be given. */
const ownedByFetch: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'host',
  'keep-alive',
  'te',
  'transfer-encoding',
  'upgrade',
])

function askable(fields: Fields, authority: string): [string, string][] {
  const lines = [...fields].filter(([name]) => !ownedByFetch.has(name.toLowerCase()))
  const host = fields.get('host')
  if (host !== undefined && host !== authority) lines.push(['Host', host])
  // `fetch` unpacks what it gets, and asks for packed content unless it is told not to.
  return [
    ...lines.filter(([name]) => name.toLowerCase() !== 'accept-encoding'),
    ['Accept-Encoding', 'identity'],
  ]
}

/** Content codings that a `fetch` may have undone. */
const undone: ReadonlySet<string> = new Set(['gzip', 'x-gzip', 'deflate', 'br', 'zstd'])

function responseFieldsOf({ headers }: Response, unpacks: boolean): Fields {
  const fields = endToEnd(Fields.from(headers).raw)
  if (!unpacks) return fields
  const codings = fields.tokens('content-encoding')
  if (codings.length > 0 && codings.every((coding) => undone.has(coding))) {
    // The origin packed it unasked: what comes out of the body is unpacked, and its length another.
    fields.delete('content-encoding')
    fields.delete('content-length')
  }
  return fields
}
