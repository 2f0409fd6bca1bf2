/** Asking an upstream with node:http: the request, the phases until the response head, and the safe retry. */

import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { isIP, type Socket } from 'node:net'
import { upstreamFailure } from '../contract/errors.ts'
import type { UpstreamTls } from '../contract/gateway.ts'
import type { Settings } from '../exchange/settings.ts'
import { progressed } from '../node/progress.ts'
import { beginsAnswer } from '../node/reading.ts'
import { idempotent } from '../rules/response.ts'
import type { Endpoint } from '../rules/upstream.ts'
import { noteResponse } from './agents.ts'
import type { HttpExchange } from './exchange.ts'
import { pump } from './upload.ts'

/**
 * Asks with the request that `open` makes: sends the body on, passes interim responses to the client, resolves with the
 * response head. Asks once more where that is safe, on a connection that is `fresh`. Rejects with a `GatewayError`.
 */
export function ask(
  exchange: HttpExchange,
  open: (fresh: boolean) => ClientRequest,
  again = false,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = open(again)
    exchange.asked = request
    // Node would drop further fields silently. We count them ourselves and refuse.
    request.maxHeadersCount = 0
    let response: IncomingMessage | undefined
    let failed = false
    const fail = (cause?: unknown): void => {
      if (failed) return
      failed = true
      if (!again && mayRepeat(request, exchange)) resolve(ask(exchange, open, true))
      else reject(upstreamFailure(cause, exchange.phase))
    }
    exchange.onCancel(() => giveUpRequest(request, response, exchange))
    pump(exchange, request)
    watchConnecting(request, exchange)
    request.on('response', (head) => {
      response = head
      beginsAnswer(head)
      noteResponse(head)
      resolve(head)
    })
    passInterim(request, exchange)
    request.on('error', (cause) => (response === undefined ? fail(cause) : endBy(cause, response)))
    request.on('close', () => response ?? fail())
  })
}

/** Passes interim responses on, no faster than the client takes them. */
export function passInterim(request: ClientRequest, exchange: HttpExchange): void {
  let held = false
  request.on('information', ({ statusCode, rawHeaders }) => {
    const { socket } = request
    progressed(socket)
    exchange.inform(statusCode, rawHeaders)
    if (socket === null || !exchange.clientIsBehind) return
    // Several may come in one read, of which all are told.
    socket.pause()
    if (held) return
    held = true
    exchange.response.once('drain', () => {
      held = false
      socket.resume()
    })
  })
}

/** A response that ends with its connection is not complete after a reset, whatever node:http says (RFC 9112 §8). */
export function endBy(cause: Error, response: IncomingMessage): void {
  if (!response.complete) response.destroy(cause)
}

/** Sends the request head and returns at once. `headers` is in `rawHeaders` layout. */
export function openRequest(
  { out, endpoint, settings }: HttpExchange,
  headers: readonly string[],
  agent: http.Agent | undefined,
): ClientRequest {
  const { secure, hostname, port, socketPath } = endpoint
  // No more than is needed: Node copies them three times.
  const options: https.RequestOptions = {
    method: out.method,
    path: out.path,
    headers,
    agent,
    maxHeaderSize: settings.limits.responseHead,
    host: hostname,
    port,
    servername: secure ? servername(tlsToward(endpoint, settings), hostname) : '',
  }
  if (socketPath !== undefined) options.socketPath = socketPath
  if (endpoint.tls !== undefined) Object.assign(options, { endpoint })
  return secure ? https.request(options) : http.request(options)
}

/** With what settings it is asked over TLS. @param settings Of the gateway, or of a route. */
export function tlsToward(endpoint: Pick<Endpoint, 'tls'>, settings: Pick<Settings, 'tls'>): UpstreamTls {
  return endpoint.tls ?? settings.tls
}

/** SNI names hosts, never addresses (RFC 6066 §3). */
export function servername(tls: UpstreamTls, hostname: string): string {
  if (tls.servername !== undefined) return tls.servername
  return /^[\d.]+$|:/.test(hostname) ? '' : hostname
}

/**
 * Times the phases of a new connection: name, handshake, TLS. A reused one has none of them. Meanwhile the client may
 * well send its body: that is a phase of the other direction, and has its own clock.
 */
export function watchConnecting(ask: ClientRequest, exchange: HttpExchange): void {
  if (ask.reusedSocket) return
  ask.once('socket', (socket: Socket) => {
    if (!socket.connecting) return
    const { endpoint } = exchange
    // An address needs no looking up, and there is no event that would say so.
    exchange.enter(endpoint.socketPath === undefined && isIP(endpoint.hostname) === 0 ? 'dns' : 'connect')
    // A name is looked up to its end even for a request that has been given up, when there may be another one already.
    socket.once('lookup', () => ask.destroyed || exchange.enter('connect'))
    if (endpoint.secure) socket.once('connect', () => exchange.enter('tls'))
    socket.once(endpoint.secure ? 'secureConnect' : 'connect', () => exchange.connected())
  })
}

/**
 * Gives a request up. If it was sent whole, and all of an answer that was refused has come already, its connection can be
 * used again from when the promise resolves. No reason is given: a socket that has been given back would throw it.
 */
function giveUpRequest(
  ask: ClientRequest,
  answer: IncomingMessage | undefined,
  { answerRefused }: HttpExchange,
): Promise<unknown> | undefined {
  if (!answerRefused || answer?.complete !== true || !ask.writableFinished || ask.destroyed) {
    ask.destroy()
    return undefined
  }
  answer.resume()
  return new Promise((resolve) => ask.once('close', resolve))
}

/**
 * Whether a failed request may be sent once more: it had no content, means the same a second time, and went over a
 * connection that may have gone stale while it was idle, which is no fault of the request (RFC 9112 §9.3.1).
 */
export function mayRepeat(connection: { readonly reusedSocket: boolean }, exchange: HttpExchange): boolean {
  const { framing, out, error } = exchange
  return (
    connection.reusedSocket && error === undefined && framing.kind === 'none' && idempotent.has(out.method)
  )
}
