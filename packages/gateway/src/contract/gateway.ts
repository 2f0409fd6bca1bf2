/** The contract: what every gateway offers an application, whatever its strategy, and what it can be told. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { LookupFunction, ListenOptions as NetListenOptions, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ConnectionOptions, TlsOptions as NodeTlsOptions, SecureContextOptions } from 'node:tls'
import type { ErrorSource, ErrorType, GatewayError, Phase } from './errors.ts'
import type { Fields } from './fields.ts'

/** Makes a gateway that relays in one particular way. */
export type Strategy<G extends Gateway = Gateway> = (options: GatewayOptions) => G

/** An intermediary that stands in for an origin (RFC 9110 §3.7). It owns its upstream connections. */
export interface Gateway extends AsyncDisposable {
  /** In Via, in errors, in results. */
  readonly name: string
  /** Exchanges and tunnels under way. Zero again once every one has ended, however it ended. */
  readonly inFlight: number
  /** The upstream connections as they are now. */
  readonly pool: PoolState
  /** Accepts connections. Rejects when the address is taken. */
  listen(where?: ListenOptions): Promise<Listener>
  /**
   * Accepts nothing new, waits up to `grace` milliseconds (default 10 000) for what is in flight, aborts the rest, and
   * closes the upstream connections. Calling it again returns the same promise.
   */
  close(grace?: number): Promise<void>
}

/** A gateway that speaks `node:http`: mount `handle` and `upgrade` in any server or framework. */
export interface HttpGateway extends Gateway {
  /** Never rejects: a failure is a status before the head is out, a cut connection after it. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>
  /** For a server's `upgrade` event. Never rejects. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>
}

/** A gateway that can also be called where there is no `node:http`: in Bun, Deno, Hono, a service worker. */
export interface FetchGateway extends HttpGateway {
  /** Never rejects before the head: a failure is a `Response` with its status. After it, the body stream errors. */
  readonly fetch: (request: Request) => Promise<Response>
}

/** A gateway that speaks HTTP/1.1 on the socket itself. */
export interface SocketGateway extends Gateway {
  /** Takes over an accepted connection on which nothing has been read. */
  readonly accept: (socket: Socket) => void
}

export interface ListenOptions
  extends Pick<NetListenOptions, 'port' | 'host' | 'path' | 'backlog' | 'reusePort'> {
  /**
   * Terminates TLS: certificate, key and whatever else `tls.createServer` takes. At least TLS 1.2, and HTTP/2 beside
   * HTTP/1.1 where the gateway speaks it, unless `minVersion` and `ALPNProtocols` say otherwise.
   */
  readonly tls?: NodeTlsOptions
}

export interface Listener extends AsyncDisposable {
  readonly url: URL
  /** Stops accepting. Connections that are open stay open. */
  close(): Promise<void>
  /** Shows another certificate from now on. Connections that are open keep what they have. Only with `tls`. */
  setSecureContext(options: SecureContextOptions): void
}

/** Durations are milliseconds, sizes are bytes. */
export interface GatewayOptions {
  /**
   * The origin to stand in for: a URL, a Unix domain socket, a `Route`, or a function that chooses for each attempt. It may
   * also answer by itself, with a `Reply`: 401, 404, 429, a redirect. Throwing answers 503, or with what a `GatewayError`
   * says; choosing nothing that can be asked answers 500. `timeouts.total` is its time.
   */
  readonly upstream: Upstream
  /**
   * The pseudonym in Via (RFC 9110 §7.6.3), by which a loop is recognised: one per running gateway. Default: the
   * strategy's name and a random suffix.
   */
  readonly pseudonym?: string
  readonly timeouts?: Partial<Timeouts>
  readonly limits?: Partial<Limits>
  readonly pool?: Partial<Pool>
  /**
   * Toward an `https:` upstream. The certificate is verified unless `rejectUnauthorized` is `false`. Where no connection can
   * be made with it, exchanges answer 500.
   */
  readonly tls?: UpstreamTls
  /**
   * Resolves the upstream's name, and may refuse to. Addresses are not looked up. Throwing answers 502, and so does finding
   * none; not calling back, 504 after `timeouts.dns`. Default: `dns.lookup`.
   */
  readonly lookup?: LookupFunction
  /**
   * Edits the outgoing request after hop-by-hop fields and client-claimed forwarding fields are gone. Default:
   * `setForwarded`. An own hook replaces it, so call it there if you want both. How content is delimited stays as it is.
   * Throwing answers 500, and so does leaving what cannot be sent. `timeouts.total` is its time.
   */
  readonly rewrite?: (out: RequestHead, exchange: Exchange) => void | Promise<void>
  /**
   * Whether an interim response (1xx but 101) goes on to the client; `false` keeps it back. What it is told of cannot be
   * changed. Throwing answers 502. Default: all go on.
   */
  readonly informational?: (head: Readonly<ResponseHead>, exchange: Exchange) => boolean
  /**
   * Edits the response head before it is written. How content is delimited stays as it is, but that Content-Length may go.
   * Throwing closes the upstream body and answers 502, and so does leaving what is no head of a final response. What becomes
   * a 204, 205 or 304 loses its content. `timeouts.total` is its time.
   *
   * Returning a `Route` gives the response up and asks there instead, as when a redirect is followed: five times at most, then
   * 502. Another origin is told no Authorization or Cookie. With a request whose content has been sent it answers 502.
   */
  readonly modifyResponse?: (
    head: ResponseHead,
    exchange: Exchange,
  ) => Route | void | Promise<void> | Promise<Route | undefined>
  /**
   * Stands around the attempts: to time them, to ask again or elsewhere, to run them in a context or behind a circuit
   * breaker. Tunnels too. Throwing answers 500, or with what a `GatewayError` says; so does settling without an
   * answer. If the response has begun, throwing breaks it off. Default: `(exchange, next) => next()`, at less cost.
   */
  readonly transport?: Transport
  /** Told of every failed exchange, once. What it returns is sent instead of the plain text, if nothing was sent yet. */
  readonly onError?: (error: GatewayError, exchange: Exchange) => Reply | undefined
  /** Told of every exchange, once, when it has ended. */
  readonly onEnd?: (summary: ExchangeSummary) => void
}

/**
 * Milliseconds; `Infinity` is no limit. Head phases limit the whole phase. Body phases limit silence, and their clock
 * stands still while we hold the sender back; `drain` is the clock that then runs. Peers that vanish without a word are
 * found by TCP keep-alive, so a body may be silent for ever by default.
 */
export interface Timeouts {
  /** From the first byte of a connection, or the end of the previous exchange's silence, to the whole head. 60 000. */
  readonly requestHead: number
  /** Resolving the upstream's name. 5 000. */
  readonly dns: number
  /** The TCP handshake, over all addresses of the name. 10 000. */
  readonly connect: number
  /** The TLS handshake with the upstream. 10 000. */
  readonly tls: number
  /** The client sends nothing of the request body. 300 000. */
  readonly requestBody: number
  /** From the end of the request to the response head. 600 000. */
  readonly responseHead: number
  /** The upstream sends nothing of the response body. Infinity. */
  readonly responseBody: number
  /** A receiver takes nothing of what is ready for it. 300 000. */
  readonly drain: number
  /** Neither side of a tunnel says anything. Infinity. */
  readonly tunnel: number
  /** A client's connection between two requests. 65 000. */
  readonly idle: number
  /** The whole exchange. Infinity. */
  readonly total: number
}

export interface Limits {
  /** Bytes of a request head. More is 431. 16 384. */
  readonly requestHead: number
  /** Field lines of a message head. More is 431, from an upstream 502. 1 000. */
  readonly fields: number
  /**
   * Bytes of a response head, and of what an upstream sends beside content without any coming of it: trailers, zeros of a
   * chunk size. More is 502, or ends the content. 65 536.
   */
  readonly responseHead: number
  /** Interim responses (1xx) before a final one. More is 502. 1 000. */
  readonly interimResponses: number
  /** Bytes of the fields of those, together. More is 502. 1 048 576. */
  readonly interimBytes: number
  /** Bytes that a client of HTTP/2 may send ahead in one stream: its share of an upload's speed times delay. 1 048 576. */
  readonly streamWindow: number
  /** And in all streams of one connection, which may take that much memory. 4 194 304. */
  readonly connectionWindow: number
  /**
   * Bytes of a request body that are kept, so that it can be sent again: by a transport, or for a route that `modifyResponse`
   * returns. One that is longer cannot be. It is memory for each upload. 0.
   */
  readonly replay: number
  /** Bytes of a request body. More is 413. Infinity. */
  readonly requestBody: number
  /** Bytes of a response body. More cuts the response. Infinity. */
  readonly responseBody: number
  /** Exchanges in flight. More is 503 with Retry-After. Infinity. */
  readonly exchanges: number
  /** Client connections. More are closed on arrival. Infinity. */
  readonly connections: number
}

export type Upstream = Origin | Route | Choose

/** A URL, whose path is put before every request's, or a Unix domain socket. */
export type Origin = string | URL | UnixSocket

export interface UnixSocket {
  readonly socketPath: string
  /** For the Host field. Default `localhost`. */
  readonly host?: string
}

/** Where to ask, or what to answer instead. */
export type Choice = Origin | Route | Reply

/** Chooses for each attempt. Throwing answers 503 unless the error is a `GatewayError`. */
export type Choose = (exchange: Exchange) => Choice | Promise<Choice>

/** Where an exchange goes, and what holds for it there. What is left out is the gateway's. */
export interface Route {
  readonly to: Origin
  /**
   * What to ask for, instead of what the client asks for: in origin form with its query, byte for byte; or a function of
   * what the client asks for, by which one route can be for all that is below a prefix. Throwing answers 500, and so does
   * what nobody can be asked for. A base path of `to` goes before it.
   */
  readonly path?: string | ((path: string) => string)
  /** In summaries and logs. */
  readonly name?: string
  /** Replaces the gateway's, which is `inherited`: call it there if you want both. */
  readonly rewrite?: (
    out: RequestHead,
    exchange: Exchange,
    inherited: NonNullable<GatewayOptions['rewrite']>,
  ) => void | Promise<void>
  /** Replaces the gateway's, which is `inherited`: call it there if you want both, and return what it returns. */
  readonly modifyResponse?: (
    head: ResponseHead,
    exchange: Exchange,
    inherited: NonNullable<GatewayOptions['modifyResponse']>,
  ) => ReturnType<NonNullable<GatewayOptions['modifyResponse']>>
  readonly timeouts?: Partial<Omit<Timeouts, 'requestHead' | 'idle'>>
  readonly limits?: Partial<
    Pick<
      Limits,
      'replay' | 'requestBody' | 'responseBody' | 'responseHead' | 'interimResponses' | 'interimBytes'
    >
  >
  /**
   * Toward an `https:` upstream, and all of it: of the gateway's nothing is added, so that no origin sees a certificate that
   * is meant for another. A connection is shared by those routes only that have the same object here.
   */
  readonly tls?: UpstreamTls
}

/** Upstream connections. */
export interface Pool {
  /**
   * At most, in total: in use and idle, to all origins, plain and over TLS, uploads, upgrades and tunnels too. The one
   * that has been idle longest makes room; one that a client has logged in to (NTLM, Negotiate) does so for that client
   * only. Who finds no room waits for up to `timeouts.connect`. Infinity.
   */
  readonly connections: number
  /** Idle ones kept, in total: the freshest, and before them those of clients that have logged in. 256. */
  readonly idle: number
  /** How long an idle one is kept, in milliseconds, unless the upstream's Keep-Alive hint says less. 15 000. */
  readonly idleTimeout: number
  /** How long one is asked on, in milliseconds, so that a change of DNS reaches busy ones as well. Infinity. */
  readonly maxAge: number
  /** How many requests one carries. Infinity. */
  readonly maxRequests: number
}

/** Connections to upstreams that can be used again. That of a tunnel is not among them, though it takes up room. */
export interface PoolState {
  /** In use and idle together. */
  readonly connections: number
  readonly idle: number
  /** Exchanges that wait for one, because there are as many as there may be. */
  readonly waiting: number
}

export type UpstreamTls = Pick<
  ConnectionOptions,
  | 'ca'
  | 'cert'
  | 'key'
  | 'passphrase'
  | 'pfx'
  | 'servername'
  | 'minVersion'
  | 'maxVersion'
  | 'rejectUnauthorized'
  | 'ciphers'
>

/** A request on its way to the upstream. `rewrite` may change any of it. */
export interface RequestHead {
  method: string
  /** The request target in origin form, byte for byte as the client sent it, after the base path was put before it. */
  path: string
  fields: Fields
  /** Changes the content on its way, if there is any. It then goes in chunks. */
  content?: ContentTransform | undefined
}

export interface ResponseHead {
  status: number
  reason: string
  fields: Fields
  /**
   * Changes the content on its way, if there is any. Its Content-Length goes. What says something of the content is for the
   * hook to put right: Content-Encoding, a strong ETag, Accept-Ranges.
   */
  content?: ContentTransform | undefined
}

/**
 * Changes content on its way: what it yields goes on instead of what comes, as it is yielded. Nothing is read before it is
 * asked for, and nothing is asked for before the receiver takes more. When the exchange ends early the source throws, or the
 * iteration is returned from. Throwing breaks the message off visibly.
 */
export type ContentTransform = (source: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>

/** An answer of the gateway's own. */
export interface Reply {
  /** 200 to 599. */
  readonly status: number
  /** A value, or several, for each name; or lines in their order. */
  readonly fields?: Fields | Readonly<Record<string, string | readonly string[]>>
  /**
   * A string or bytes, whose Content-Length says itself; or an async iterable of them, such as a stream of Node or of the Web.
   * That is pulled no faster than the client takes it, and destroyed, cancelled or returned from when it is not read to its end:
   * to HEAD, with a status that has no content, when the client leaves. The head goes with its first piece: throwing before
   * that answers 500, and breaks the message off visibly after it. So does yielding more or less than a Content-Length that
   * `fields` has; without one it goes in chunks.
   */
  readonly body?: string | Uint8Array | AsyncIterable<string | Uint8Array>
}

/** How an exchange is carried upstream: with `next`, and whatever else. */
export type Transport = (exchange: Exchange, next: Next) => Promise<void>

/**
 * One attempt: chooses an upstream, unless it is told one, asks it and relays its answer. Resolves when the answer has been
 * relayed, or the tunnel has ended.
 *
 * It rejects with a `GatewayError` if there was no answer, or none that could be passed on, such as one that
 * `modifyResponse` threw at. As long as nothing has gone to the client it may then be called again: it chooses anew, and
 * `rewrite` is called again for what was chosen. `timeouts` begin anew, but for `total`.
 *
 * It rejects, and asks nobody, with the error of the exchange if that is over, with the last failure if the request must
 * not be sent again (content was read that is not kept, or what is not idempotent may have been acted upon, RFC 9110 §9.2.2), and with
 * `proxy_internal_error` if an answer has been sent or another call has not settled yet.
 */
export type Next = (where?: Origin | Route) => Promise<void>

/** One request and its response, as hooks see it. */
export interface Exchange {
  /** The request as it arrived. Changing it changes nothing. */
  readonly request: ReceivedRequest
  readonly phase: Phase
  /** The status that was sent; 0 as long as none was, 101 for a tunnel. */
  readonly status: number
  /** How often an upstream has been asked. */
  readonly attempts: number
  /** Of the request's content, so far, as `ExchangeSummary` counts it; of a tunnel at its end, if not before. */
  readonly requestBytes: number
  /** Likewise of the response's. */
  readonly responseBytes: number
  /** Aborts when the exchange ends before it is complete; the reason is a `GatewayError` that says who ended it. */
  readonly signal: AbortSignal
}

export interface ReceivedRequest {
  readonly method: string
  /** The request target, byte for byte. */
  readonly target: string
  /** As it came to the server that the gateway is mounted in, where a framework has cut a prefix off: Express, Connect. */
  readonly originalTarget: string
  /** The target in origin form, with its query: that of the absolute form without scheme and authority. */
  readonly path: string
  /** Whom it was meant for: host and port of the absolute form, or of Host. Empty when it says neither. */
  readonly authority: string
  readonly version: string
  readonly fields: Fields
  /** The client's address as the socket tells it. */
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  /** Whether it came over TLS. */
  readonly secure: boolean
}

export type Outcome = 'completed' | 'refused' | 'failed' | 'aborted'

/** What became of an exchange. Bytes are content as relayed: without heads, chunk framing or TLS. */
export interface ExchangeSummary {
  readonly gateway: string
  readonly method: string
  readonly target: string
  /** The status sent; 499 when the client left before there was one, 101 for a tunnel. */
  readonly status: number
  readonly outcome: Outcome
  /** Set unless the outcome is `completed`. */
  readonly error: GatewayError | undefined
  readonly errorType: ErrorType | undefined
  /** Who ended it, when it did not complete. */
  readonly endedBy: ErrorSource | undefined
  readonly requestBytes: number
  readonly responseBytes: number
  /** Milliseconds from the request head to the upstream's response head; undefined when there was none. */
  readonly timeToHead: number | undefined
  /** Milliseconds from the request head to the end. */
  readonly duration: number
  readonly times: PhaseTimes
  /** The origin that was asked last, such as `http://10.0.0.7:9000`; undefined when none was. */
  readonly upstream: string | undefined
  /** How often an upstream was asked. */
  readonly attempts: number
  /** The name of the route that was taken, if it has one. */
  readonly route: string | undefined
  /** The client's address when the request came. */
  readonly remoteAddress: string | undefined
}

/**
 * Milliseconds in each phase that there was. They add up to the duration: while both bodies move it is `responseBody`,
 * and a request that is sent once more counts twice.
 */
export type PhaseTimes = Readonly<Partial<Record<Phase, number>>>
