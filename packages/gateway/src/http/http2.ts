/** HTTP/2 toward clients (RFC 9113): Node's compatibility API, made to behave as node:http does where the two differ. */

import http2, {
  type Http2Server,
  Http2ServerRequest,
  Http2ServerResponse,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { Timeouts } from '../contract/gateway.ts'
import { after } from '../exchange/clock.ts'
import type { Settings } from '../exchange/settings.ts'

/** Streams of one connection at a time, unless `limits.exchanges` says fewer. */
const streams = 128
/** Streams that a client may reset at once, and then each second, before its connection is given up (CVE-2023-44487). */
const resets = { streamResetBurst: 256, streamResetRate: 32 }
/** How long a connection that has been told to end may take for it, in ms. */
const closingTime = 1_000
/** Frames that make no sense, before the connection is given up. */
const invalidFrames = 100

const { NGHTTP2_NO_ERROR: noError, NGHTTP2_INTERNAL_ERROR: internalError } = http2.constants

/** The HTTP/2 side of a TLS server: it is handed connections, it never listens. */
export interface Http2Front {
  readonly server: Http2Server
  /** Asks clients to send no more requests (GOAWAY). Connections end when their last stream does. */
  close(): void
  /** Ends each connection once nothing is left to be sent on it. */
  end(): void
  /** None is left. */
  readonly empty: boolean
  destroy(): void
}

export function createHttp2({ limits, timeouts }: Settings): Http2Front {
  const sessions = new Set<ServerHttp2Session>()
  let closing = false
  const server = http2.createServer({
    Http2ServerRequest: Http2Request,
    Http2ServerResponse: Http2Response,
    maxHeaderListPairs: Math.min(limits.fields + 4, 65_535),
    maxSessionInvalidFrames: invalidFrames,
    ...resets,
    // nghttp2 counts what a head could take at worst, and refuses to send more than 64 KiB of it.
    maxSendHeaderBlockLength: 4 * limits.responseHead + 65_536,
    // Repeats go on as they came. Since Node 24.
    ...({ strictSingleValueFields: false } as object),
    settings: {
      maxConcurrentStreams: Math.min(streams, limits.exchanges),
      maxHeaderListSize: limits.requestHead,
      initialWindowSize: Math.min(limits.streamWindow, 2 ** 31 - 1),
      // Another protocol within a stream (RFC 8441) is not served.
      enableConnectProtocol: false,
    },
  })
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
    session.setLocalWindowSize(Math.min(limits.connectionWindow, 2 ** 31 - 1))
    closeWhenIdle(session, timeouts)
    // Its handshake was under way when the others were told.
    if (closing) sendGoaway(session)
  })
  return {
    server,
    close() {
      closing = true
      for (const session of sessions) sendGoaway(session)
    },
    end() {
      for (const session of sessions) session.close()
    },
    get empty() {
      return sessions.size === 0
    },
    destroy() {
      for (const session of sessions) session.destroy()
    },
  }
}

/**
 * An exchange may be silent for as long as its own clocks allow; a connection without one may not, whatever it has begun
 * to say.
 */
function closeWhenIdle(session: ServerHttp2Session, { idle, requestHead }: Timeouts): void {
  let open = 0
  let timer = after(Math.min(idle, requestHead), () => end(session))
  session.on('stream', (stream: ServerHttp2Stream) => {
    open++
    clearTimeout(timer)
    stream.once('close', () => {
      if (--open > 0) return
      clearTimeout(timer)
      timer = after(idle, () => end(session))
    })
  })
  session.once('close', () => clearTimeout(timer))
}

/** Asks a client to send no more, and ends its connection if nothing is left and it does not go. */
function end(session: ServerHttp2Session): void {
  session.close()
  const timer = setTimeout(() => session.destroy(), closingTime)
  session.once('close', () => clearTimeout(timer))
}

/** What a client has sent meanwhile is still served: it hears first that there will be an end (RFC 9113 §6.8). */
function sendGoaway(session: ServerHttp2Session): void {
  if (session.closed || session.destroyed) return
  session.goaway(noError, 2 ** 31 - 1)
  const timer = setTimeout(() => session.close(), closingTime)
  session.once('close', () => clearTimeout(timer))
  session.ping(() => session.close())
}

/** A request whose `rawHeaders` read as those of HTTP/1.1 do. */
class Http2Request extends Http2ServerRequest {
  override readonly rawHeaders: string[]
  /** We have told the client to send no more of it. */
  stopped = false

  constructor(...given: ConstructorParameters<typeof Http2ServerRequest>) {
    super(...given)
    this.rawHeaders = asHttp1(given[3])
  }

  /** Node ends the content of a request that was cut as if it were whole. As in node:http, it then never ends. */
  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    const { aborted, rstCode } = this.stream
    if (chunk !== null || !(this.stopped || aborted || rstCode !== noError))
      return super.push(chunk, encoding)
    this.destroy()
    return false
  }
}

// Accessors, which the types of Node declare as properties.
Object.defineProperty(Http2Request.prototype, 'complete', {
  /** All of it has come; an aborted request never has. */
  get(this: Http2Request): boolean {
    const { stream, readableEnded } = this
    return stream.endAfterHeaders || (readableEnded && stream.rstCode === noError)
  },
})

/** Host is what `:authority` says, and the crumbs of a cookie are one field (RFC 9113 §8.2.3, §8.3.1). */
function asHttp1(received: readonly string[]): string[] {
  const raw: string[] = []
  let authority: string | undefined
  let cookie = -1
  for (let i = 0; i < received.length; i += 2) {
    const name = received[i] as string
    const value = received[i + 1] as string
    if (name === ':authority') authority = value
    if (name.startsWith(':')) continue
    if (name === 'cookie' && cookie !== -1) {
      raw[cookie] += `; ${value}`
      continue
    }
    raw.push(name, value)
    if (name === 'cookie') cookie = raw.length - 1
  }
  if (authority === undefined) return raw
  const kept = ['Host', authority]
  for (let i = 0; i < raw.length; i += 2)
    if (raw[i] !== 'host') kept.push(raw[i] as string, raw[i + 1] as string)
  return kept
}

function watchEnd(response: Http2Response): void {
  const { stream } = response
  // Node forgets to tell of the end of a response to HEAD that nobody has ended.
  if ((stream as { readonly headRequest?: boolean }).headRequest === true)
    stream.once('close', () => response.writableEnded || response.emit('close'))
  // After all content, and after the trailers, which Node has just sent.
  stream.once('wantTrailers', () => stopRequest(response))
}

/** An answer that came before the whole request did: the rest is not wanted (RFC 9113 §8.1). */
function stopRequest(response: Http2Response): void {
  const { stream, req } = response
  if (req.complete || stream.closed || stream.destroyed) return
  // A reset overtakes content that is still on its way out.
  if (stream.state.localClose === 0) {
    setTimeout(() => stopRequest(response), 10)
    return
  }
  req.stopped = true
  stream.close(noError)
}

/**
 * Makes ours of what a server of `node:http2` has made that is somebody else's: they hold the stream already, and two of a
 * kind on one stream would both read it. Those of classes of their own stay what they are.
 */
export function adoptHttp2(request: object, response: object): void {
  if (Object.getPrototypeOf(request) === Http2ServerRequest.prototype) {
    const rawHeaders = asHttp1((request as Http2ServerRequest).rawHeaders)
    Object.setPrototypeOf(request, Http2Request.prototype)
    Object.defineProperty(request, 'rawHeaders', { value: rawHeaders, writable: true, configurable: true })
    Object.assign(request, { stopped: false })
  }
  if (Object.getPrototypeOf(response) !== Http2ServerResponse.prototype) return
  Object.setPrototypeOf(response, Http2Response.prototype)
  watchEnd(response as Http2Response)
}

type Lines = readonly string[]

/** A response that takes fields in `rawHeaders` layout, and is visibly broken when it is destroyed. */
class Http2Response extends Http2ServerResponse<Http2Request> {
  constructor(stream: ServerHttp2Stream) {
    super(stream)
    watchEnd(this)
  }

  /** Node calls it without fields for its own 100 (Continue). */
  writeInformation(status: number, raw: Lines = []): boolean {
    const { stream } = this
    if (stream.headersSent || stream.destroyed || stream.closed) return false
    stream.additionalHeaders({ ':status': status, ...grouped(raw) })
    return true
  }

  override writeHead(status: number, ...rest: readonly unknown[]): this {
    const lines = rest.at(-1)
    try {
      for (const [name, values] of Object.entries(grouped(Array.isArray(lines) ? lines : [])))
        this.setHeader(name, values.length === 1 ? (values[0] as string) : values)
      super.writeHead(status)
    } catch (cause) {
      // Another head may be written in its place, with nothing of this one.
      for (const name of this.getHeaderNames()) this.removeHeader(name)
      throw cause
    }
    if (this.stream.writableEnded) this.stream.once('finish', () => stopRequest(this))
    return this
  }

  /** The head has left already: for a response without content nothing may follow it, not even nothing. */
  override write(chunk: string | Uint8Array, ...rest: readonly unknown[]): boolean {
    return chunk.length === 0 || super.write(chunk, ...(rest as []))
  }

  override addTrailers(trailers: object): void {
    const fields = grouped((trailers as [string, string][]).flat())
    for (const [name, values] of Object.entries(fields)) this.setTrailer(name, values)
  }

  /** A message that is not whole ends with RST_STREAM, never with END_STREAM (RFC 9113 §8.1). */
  override destroy(): this {
    const { stream } = this
    if (!stream.destroyed && !stream.closed) stream.close(internalError)
    return this
  }

  declare setTrailer: (name: string, value: readonly string[]) => void
}

Object.defineProperties(Http2Response.prototype, {
  destroyed: {
    get(this: Http2Response): boolean {
      return this.stream.destroyed || this.stream.closed
    },
  },
  /** Node ends the stream of a client that has reset it. */
  writableFinished: {
    get(this: Http2Response): boolean {
      const { stream, writableEnded } = this
      return writableEnded && stream.writableFinished && stream.rstCode === noError
    },
  },
  writableNeedDrain: {
    get(this: Http2Response): boolean {
      return this.stream.writableNeedDrain
    },
  },
  /** Frames delimit the content, as chunks do: trailers can follow, and a cut is seen. */
  chunkedEncoding: { value: true, writable: true },
})

/** What no message of HTTP/2 may have (RFC 9113 §8.2.2), and of the upgrade to it that is no more (RFC 7540 §3.2.1). */
const connectionSpecific: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

function grouped(raw: Lines): Record<string, string[]> {
  const fields: Record<string, string[]> = Object.create(null)
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase()
    if (connectionSpecific.has(name)) continue
    fields[name] ??= []
    fields[name].push(raw[i + 1] as string)
  }
  return fields
}

/** Whether this connection speaks HTTP/2. */
export function speaksHttp2(socket: Socket): boolean {
  return (socket as { alpnProtocol?: unknown }).alpnProtocol === 'h2'
}
