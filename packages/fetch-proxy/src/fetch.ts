/** The gateway as a function from `Request` to `Response`, for wherever `fetch` runs: nothing here imports `node:`. */

import {
  type Around,
  alreadyRead,
  type BodyClock,
  type ContentTransform,
  clientClosed,
  endToEnd,
  Fields,
  type Framing,
  GatewayError,
  type GatewayOptions,
  hasContent,
  type Incoming,
  InFlight,
  internalFailure,
  isRoute,
  Life,
  type ReceivedRequest,
  type Replay,
  type ResponseHead,
  resolveSettings,
  type SendableReply,
  targetOf,
  upstreamFailure,
} from '@relayrace/gateway/web'

export interface FetchHandlerOptions extends GatewayOptions {
  /** Asks the upstream. Default: the platform's own. The `tls` of a route is in its second argument, as Bun has it. */
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
  const settings = resolveSettings('fetch-proxy', options)
  if (settings.lookup !== undefined && given === undefined)
    throw new TypeError(
      'lookup is for connections of our own: the platform resolves names by itself. Leave it out, or use createFetchProxy',
    )
  const inFlight = new InFlight<FetchExchange>()
  let closed: Promise<void> | undefined
  const around: Around<FetchExchange> = { settings, ended: (exchange) => inFlight.delete(exchange) }

  function handle(request: Request): Promise<Response> {
    // Looked up for each exchange: a platform may replace it, to trace or to test.
    const exchange = new FetchExchange(around, request, given ?? globalThis.fetch, given !== undefined)
    inFlight.add(exchange)
    if (closed !== undefined || inFlight.size > settings.limits.exchanges)
      exchange.fail(new GatewayError('connection_limit_reached', { phase: 'requestHead' }))
    else if (request.signal.aborted) exchange.clientLeft()
    else void exchange.start()
    return exchange.response
  }

  return {
    fetch: handle,
    get inFlight() {
      return inFlight.size
    },
    close(grace = 10_000) {
      closed ??= inFlight.drained(
        grace,
        () => new GatewayError('destination_unavailable', { phase: 'total', source: 'gateway' }),
      )
      return closed
    },
  }
}

class FetchExchange extends Life {
  status = 0
  readonly #asked: Request
  readonly #fetch: typeof globalThis.fetch
  /** Whether that is another one than the platform's. */
  readonly #given: boolean
  readonly #answer = Promise.withResolvers<Response>()
  /** What is under way upstream. */
  #asking: AbortController | undefined
  /** Of the request's content: one for all attempts. */
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  #sending = false
  /** The content of the response, as the client reads it. */
  #body: { break(error: GatewayError): void } | undefined
  /** Or that of a reply. */
  #reply: ReadableStreamDefaultController<Uint8Array> | undefined

  constructor(
    around: Around<FetchExchange>,
    request: Request,
    fetch: typeof globalThis.fetch,
    given: boolean,
  ) {
    super(around)
    this.#asked = request
    this.#fetch = fetch
    this.#given = given
    request.signal.addEventListener('abort', this.clientLeft)
    // A Request does not say whom it came from.
    this.started(undefined)
  }

  get response(): Promise<Response> {
    return this.#answer.promise
  }

  protected incomingHead(): Incoming {
    const { method, target, version, fields } = this.request
    const raw = fields.raw.slice()
    const framed = fields.has('content-length') || fields.has('transfer-encoding')
    if (this.#asked.body !== null && !framed) raw.push('Transfer-Encoding', 'chunked')
    return { method, target, version, raw, upgrade: [] }
  }

  protected receivedRequest(): ReceivedRequest {
    const url = new URL(this.#asked.url)
    const fields = Fields.from(this.#asked.headers)
    if (!fields.has('host')) fields.append('Host', url.host)
    const target = `${url.pathname}${url.search}`
    return {
      ...targetOf(this.#asked.method, target, fields.raw),
      originalTarget: target,
      version: '1.1',
      remoteAddress: undefined,
      remotePort: undefined,
      secure: url.protocol === 'https:',
    }
  }

  protected override remaining(framing: Framing): Framing {
    if (this.#asked.bodyUsed) throw alreadyRead()
    return framing
  }

  /** Ask, head, body. Settles when there is a response; its end is told by what reads it. */
  protected async ask(): Promise<void> {
    const { endpoint, out } = this
    if (endpoint.socketPath !== undefined) {
      throw new GatewayError('proxy_configuration_error', {
        phase: 'requestHead',
        detail: 'fetch reaches no Unix domain socket',
      })
    }
    if (endpoint.tls !== undefined && !this.#given && !('Bun' in globalThis)) {
      throw new GatewayError('proxy_configuration_error', {
        phase: 'requestHead',
        detail: 'fetch of this platform takes no tls of a route',
      })
    }
    const asking = new AbortController()
    this.#asking = asking
    this.enter('responseHead')
    const init = {
      method: out.method,
      headers: askable(out.fields, endpoint.authority),
      body: this.#asked.body === null ? null : this.#upload(this.#asked.body),
      redirect: 'manual',
      signal: asking.signal,
      // Required for a body that is a stream, and not in every platform's declaration of the type.
      duplex: 'half',
      // Bun's own: leave packed what came packed.
      decompress: false,
      ...(endpoint.tls !== undefined && { tls: endpoint.tls }),
    } as RequestInit
    const answer = await this.#fetch(`${endpoint.origin}${out.path}`, init)
    this.headCame()
    this.enter('responseBody')
    const { status, statusText: reason } = answer
    const head = await this.edit({ status, reason, fields: responseFieldsOf(answer, this.#given || unpacks) })
    asking.signal.throwIfAborted()
    if (isRoute(head)) {
      await answer.body?.cancel()
      await this.followRoute(head)
      return
    }
    await this.#respond(head, answer)
  }

  protected cancel(reason: GatewayError): void {
    this.#asking?.abort(reason)
  }

  /** @throws GatewayError when the platform takes no such head: a status above 599. */
  async #respond({ status, reason, fields, content }: ResponseHead, answer: Response): Promise<void> {
    const body = answer.body as ReadableStream<Uint8Array> | null
    const empty = body === null || !hasContent(this.out.method, status) || status === 205
    const head = { status, statusText: reason, headers: [...fields] as [string, string][] }
    let response: Response
    try {
      // What has no content is tried first: the body cannot be taken back.
      if (!empty) new Response('', head)
      response = new Response(empty ? null : this.#download(body, content), head)
    } catch (cause) {
      throw new GatewayError('http_protocol_error', { phase: 'responseHead', cause })
    }
    this.status = status
    if (empty) {
      await body?.cancel()
      this.finish()
    }
    this.#answer.resolve(response)
  }

  protected reply({ status, fields, body = '' }: SendableReply): void {
    const empty = !hasContent(this.request.method, status) || status === 205
    this.#answerWith(status, fields, empty ? null : (body as string))
    this.finish()
  }

  protected begin({ status, fields }: SendableReply): void {
    let controller!: ReadableStreamDefaultController<Uint8Array>
    const stream = new ReadableStream<Uint8Array>(
      {
        start: (it) => {
          controller = it
        },
        pull: () => this.taken(),
        cancel: () => this.clientLeft(),
      },
      { highWaterMark: 0 },
    )
    this.#answerWith(status, fields, hasContent(this.request.method, status) ? stream : null)
    this.#reply = controller
    this.#body = { break: (error) => controller.error(error) }
  }

  #answerWith(status: number, fields: Fields, body: string | ReadableStream<Uint8Array> | null): void {
    const response = new Response(body, { status, headers: [...fields] as [string, string][] })
    this.status = status
    this.#answer.resolve(response)
  }

  /** Nothing is pulled before what is here has been read. */
  protected write(piece: Uint8Array): boolean {
    this.#reply?.enqueue(piece)
    return false
  }

  protected complete(): void {
    this.#reply?.close()
    this.finish()
  }

  /** There is no connection to break: a client that has left gets the status that is told of it. */
  protected breakOff(error: GatewayError): void {
    this.#body?.break(error)
    this.#answer.resolve(new Response(null, { status: error.status }))
    this.finish()
  }

  readonly clientLeft = (): void => {
    this.fail(clientClosed(this.phase))
    // It was the reply to a failure that nobody takes.
    if (this.failed !== undefined) this.finish()
  }

  protected override over(): void {
    this.#asked.signal.removeEventListener('abort', this.clientLeft)
    // Answered before it was all asked: the rest goes nowhere.
    if (this.#sending) this.#asking?.abort(clientClosed('requestBody'))
    if (this.failed !== undefined) void this.#reader?.cancel(this.failed).catch(() => {})
  }

  #upload(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    this.#sending = true
    this.takeContent()
    this.#reader ??= body.getReader()
    return this.#pass(this.#reader, {
      clock: (held) => this.watchUpload(held),
      replay: this.replay,
      count: (bytes) => this.countRequest(this.requestBytes + bytes),
      broken: () => clientClosed('requestBody'),
      transform: this.out.content,
      phase: 'requestBody',
      done: () => {
        this.#sending = false
        if (this.phase === 'requestBody') this.enter('responseHead')
      },
    }).stream
  }

  #download(
    body: ReadableStream<Uint8Array>,
    transform: ContentTransform | undefined,
  ): ReadableStream<Uint8Array> {
    const reader = body.getReader()
    const passed = this.#pass(reader, {
      clock: (held) => this.watchDownload(held),
      count: (bytes) => this.countResponse(this.responseBytes + bytes),
      broken: (cause) => upstreamFailure(cause, 'responseBody'),
      transform,
      phase: 'responseBody',
      done: () => this.finish(),
      left: () => this.clientLeft(),
    })
    this.#body = {
      break(error) {
        void reader.cancel(error).catch(() => {})
        passed.break(error)
      },
    }
    return passed.stream
  }

  /** A body on its way: read when it is asked for, no earlier. */
  #pass(
    reader: ReadableStreamDefaultReader<Uint8Array>,
    way: Way,
  ): { stream: ReadableStream<Uint8Array>; break(error: GatewayError): void } {
    let sent = 0
    let asked = false
    const clock = way.clock(() => !asked)
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
        if (this.failed !== undefined) throw this.failed
        if (value === undefined) {
          clock.stop()
          return undefined
        }
        way.replay?.keep(value)
        if (!way.count(value.byteLength) && this.failed !== undefined) throw this.failed
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
    const next = async (): Promise<Uint8Array | undefined> => {
      if (changed === undefined) return read()
      for (;;) {
        const { value, done } = await changed.next()
        if (done === true) return undefined
        // What a hook has made nothing of is no piece.
        if (value.byteLength > 0) return value
      }
    }
    let controller!: ReadableStreamDefaultController<Uint8Array>
    const stream = new ReadableStream<Uint8Array>(
      {
        start: (it) => {
          controller = it
        },
        pull: async () => {
          try {
            const value = await next()
            if (this.failed !== undefined) return
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
            if (this.failed !== undefined) controller.error(this.failed)
          }
        },
        cancel: () => {
          void changed?.return?.()
          way.left?.()
        },
      },
      { highWaterMark: 0 },
    )
    return {
      stream,
      break: (error) => controller.error(error),
    }
  }
}

async function* allOf(read: () => Promise<Uint8Array | undefined>): AsyncGenerator<Uint8Array> {
  for (let piece = await read(); piece !== undefined; piece = await read()) yield piece
}

/** What differs between the two directions. */
interface Way {
  clock(held: () => boolean): BodyClock
  /** @returns whether the exchange goes on. */
  count(bytes: number): boolean
  broken(cause: unknown): GatewayError
  done(): void
  /** The receiver takes no more. */
  left?(): void
  readonly replay?: Replay | undefined
  /** A hook's. */
  readonly transform: ContentTransform | undefined
  readonly phase: 'requestBody' | 'responseBody'
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
