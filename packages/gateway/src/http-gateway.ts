/** The front of every gateway on node:http: admits a request, prepares it, hands it to the strategy, ends it. */

import http, { type IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { probeAfter } from './ask.ts'
import { GatewayError, internalFailure } from './errors.ts'
import { type Front, HttpExchange } from './exchange.ts'
import { connectionOptions, endToEnd, Fields, listOfTokens } from './fields.ts'
import { forwardingFields, passedBefore } from './forwarded.ts'
import { requestFraming } from './framing.ts'
import type { GatewayOptions, HttpGateway, Listener, ListenOptions } from './gateway.ts'
import { bind, InFlight } from './listen.ts'
import { endpointOf, type Settings, settle } from './settings.ts'
import { isHost, joinTarget, readTarget } from './upstream.ts'

/** What a strategy on node:http is: how one exchange is carried, and what it holds upstream. */
export interface HttpTransport {
  /** Ask, head, body, end. Rejecting fails the exchange with that error. */
  carry(exchange: HttpExchange): Promise<void>
  /** Carries an exchange that asks for another protocol. Resolves when the tunnel is closed, or the refusal was sent. */
  tunnel(exchange: HttpExchange): Promise<void>
  /** Ends the upstream connections. */
  close(): void | Promise<void>
}

/** @throws TypeError when an option makes no sense. */
export function httpGateway(
  name: string,
  options: GatewayOptions,
  transport: (settings: Settings) => HttpTransport,
): HttpGateway {
  const settings = settle(name, options)
  const { carry, tunnel, close: closeTransport } = transport(settings)
  const inFlight = new InFlight<HttpExchange>()
  const servers = new Set<http.Server | https.Server>()
  const listeners = new Set<Listener>()
  let closed: Promise<void> | undefined

  const front: Front = {
    settings,
    get closing() {
      return closed !== undefined
    },
    ended(exchange) {
      inFlight.delete(exchange)
      settings.onEnd?.(exchange.summary())
    },
  }

  async function run(exchange: HttpExchange): Promise<void> {
    inFlight.add(exchange)
    try {
      if (inFlight.size > settings.limits.exchanges) throw overloaded()
      if (closed !== undefined) throw overloaded()
      if (!(await prepare(exchange))) return
      await (exchange.upgrade === undefined ? carry(exchange) : tunnel(exchange))
    } catch (cause) {
      exchange.fail(cause)
    }
  }

  const handle = (request: IncomingMessage, response: ServerResponse): Promise<void> =>
    run(new HttpExchange(front, request, response))

  function upgrade(request: IncomingMessage, duplex: Duplex, head: Buffer): Promise<void> {
    const socket = duplex as Socket
    socket.on('error', () => socket.destroy())
    // The server has let go of the socket: a refusal is written by a response that we attach to it ourselves.
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(socket)
    response.once('finish', () => socket.end())
    const exchange = new HttpExchange(front, request, response)
    const protocols = new Fields(request.rawHeaders)
      .tokens('upgrade')
      .filter((protocol) => protocol !== 'h2c')
    if (protocols.length > 0) exchange.upgrade = { protocols, socket, head }
    return run(exchange)
  }

  function createServer({ tls }: ListenOptions): http.Server | https.Server {
    const { timeouts, limits } = settings
    const options = {
      maxHeaderSize: limits.requestHead,
      headersTimeout: finite(timeouts.requestHead),
      keepAliveTimeout: finite(timeouts.idle),
      // Ours is per phase: Node's would limit the whole upload (300 s).
      requestTimeout: 0,
      connectionsCheckingInterval: Math.max(100, Math.min(5_000, timeouts.requestHead / 4)),
      insecureHTTPParser: false,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: probeAfter,
      // An upgrade that we do not tunnel is a request like any other (RFC 9110 §7.8). Since Node 24.9.
      shouldUpgradeCallback: wantsTunnel,
    }
    const server = tls === undefined ? http.createServer(options) : https.createServer({ ...options, ...tls })
    // Node drops further fields silently; we count them ourselves and refuse.
    server.maxHeadersCount = 0
    if (Number.isFinite(limits.connections)) server.maxConnections = limits.connections
    server.on('request', handle)
    // Without these two Node would answer 100 and 417 itself; the origin decides (RFC 9110 §10.1.1).
    server.on('checkContinue', handle)
    server.on('checkExpectation', handle)
    server.on('upgrade', upgrade)
    server.on('connect', (_request: IncomingMessage, socket: Duplex) => turnAway(socket as Socket, 501))
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
      turnAway(socket as Socket, statusOfParser(error.code))
    })
    return server
  }

  async function listen(where: ListenOptions = {}): Promise<Listener> {
    const server = createServer(where)
    const listener = await bind(server, where)
    servers.add(server)
    listeners.add(listener)
    return listener
  }

  async function shutDown(grace: number): Promise<void> {
    const stopped = [...listeners].map((listener) => listener.close())
    for (const server of servers) server.closeIdleConnections()
    await inFlight.drained(
      grace,
      () => new GatewayError('destination_unavailable', { phase: 'total', source: 'gateway' }),
    )
    for (const server of servers) server.closeAllConnections()
    await Promise.all(stopped)
    await closeTransport()
  }

  const close = (grace = 10_000): Promise<void> => {
    closed ??= shutDown(grace)
    return closed
  }

  return {
    name,
    get inFlight() {
      return inFlight.size
    },
    handle,
    upgrade,
    listen,
    close,
    [Symbol.asyncDispose]: () => close(),
  }
}

/**
 * Refuses what cannot be forwarded safely, then builds the request that goes upstream.
 * @returns false when it was answered here.
 */
async function prepare(exchange: HttpExchange): Promise<boolean> {
  const { incoming, settings } = exchange
  const { rawHeaders, httpVersion } = incoming
  const method = incoming.method as string
  if (incoming.httpVersionMajor === 0 || incoming.httpVersionMajor > 2)
    throw refused('HTTP version not supported', 505)
  if (rawHeaders.length > settings.limits.fields * 2) throw refused('too many fields', 431)
  const host = hostOf(rawHeaders)
  const target = readTarget(method, incoming.url as string)
  if (target === undefined) throw refused('request target has no form that is served here')
  exchange.framing = requestFraming(httpVersion, rawHeaders)
  if (exchange.framing.kind === 'length' && exchange.framing.length > settings.limits.requestBody) {
    throw refused('request body too large', 413)
  }

  const endpoint = settings.endpoint ?? endpointOf(await chosen(exchange))
  exchange.endpoint = endpoint
  const path = joinTarget(endpoint, target.path)
  if (path === undefined) throw refused('dot segments under a base path')
  const fields = endToEnd(rawHeaders, replaced)
  exchange.out = { method, path, fields }
  fields.raw.unshift('Host', endpoint.authority)
  if (target.authority !== undefined) exchange.request.fields.set('Host', target.authority)
  else if (host === undefined && httpVersion !== '1.0' && incoming.httpVersionMajor === 1)
    throw refused('no Host')

  if (method === 'TRACE') throw refused('TRACE is not served', 405)
  if (method === 'OPTIONS' && isFinalRecipient(fields)) {
    exchange.reply({ status: 204, fields: { Allow: 'GET, HEAD, OPTIONS' } })
    return false
  }
  const via = fields.all('via')
  if (passedBefore(via, settings.pseudonym))
    throw new GatewayError('proxy_loop_detected', { phase: 'requestHead' })
  try {
    const edited = settings.rewrite(exchange.out, exchange)
    if (edited !== undefined) await edited
  } catch (cause) {
    throw internalFailure(cause, 'requestHead')
  }
  if (exchange.error !== undefined) throw exchange.error

  // After the hook, so that it can neither forget nor forge them.
  const { raw } = exchange.out.fields
  raw.push('Via', `${httpVersion === '2.0' ? '2' : httpVersion} ${settings.pseudonym}`)
  if (exchange.framing.kind === 'chunked') raw.push('Transfer-Encoding', 'chunked')
  const te = wantsTrailers(incoming)
  if (exchange.upgrade !== undefined)
    raw.push('Connection', 'Upgrade', 'Upgrade', exchange.upgrade.protocols.join(', '))
  else raw.push('Connection', te ? 'TE, keep-alive' : 'keep-alive')
  if (te && exchange.upgrade === undefined) raw.push('TE', 'trailers')
  return true
}

/** Set anew for the next hop, or said again by `rewrite`. */
const replaced: ReadonlySet<string> = new Set([...forwardingFields, 'host', 'http2-settings'])

async function chosen(exchange: HttpExchange): Promise<Parameters<typeof endpointOf>[0]> {
  try {
    return await (exchange.settings.choose as NonNullable<Settings['choose']>)(exchange)
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw new GatewayError('destination_unavailable', { phase: 'requestHead', cause })
  }
}

/** Node keeps the first of two Host lines and says nothing; two readers could disagree (RFC 9112 §3.2). */
function hostOf(raw: readonly string[]): string | undefined {
  let host: string | undefined
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (name.length !== 4 || name.toLowerCase() !== 'host') continue
    if (host !== undefined) throw refused('more than one Host')
    host = raw[i + 1] as string
    if (host !== '' && !isHost(host)) throw refused('Host is not a host')
  }
  return host
}

/** Max-Forwards (RFC 9110 §7.6.2): at zero the request has reached its end here. */
function isFinalRecipient(fields: Fields): boolean {
  const value = fields.get('max-forwards')
  if (value === undefined) return false
  if (!/^\d{1,9}$/.test(value)) throw refused('Max-Forwards is not a number')
  if (Number(value) === 0) return true
  fields.set('Max-Forwards', String(Number(value) - 1))
  return false
}

function wantsTrailers(incoming: IncomingMessage): boolean {
  const { te } = incoming.headers
  return (
    te !== undefined && listOfTokens(String(te)).some((member) => member.split(';')[0]?.trim() === 'trailers')
  )
}

/** Whether to answer an `Upgrade` field with a tunnel: never to cleartext HTTP/2, never with a body before it. */
function wantsTunnel(request: IncomingMessage): boolean {
  const fields = new Fields(request.rawHeaders)
  if (!connectionOptions(request.rawHeaders).includes('upgrade')) return false
  if (fields.has('content-length') || fields.has('transfer-encoding')) return false
  return fields.tokens('upgrade').some((protocol) => protocol !== 'h2c')
}

function refused(detail: string, status = 400): GatewayError {
  return new GatewayError('http_request_error', { phase: 'requestHead', detail, status })
}

function overloaded(): GatewayError {
  return new GatewayError('connection_limit_reached', { phase: 'requestHead' })
}

const finite = (ms: number): number => (Number.isFinite(ms) ? ms : 0)

function statusOfParser(code: string | undefined): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408
  return 400
}

/** Answers a connection that never became a request, and listens a while so that the answer can be read. */
function turnAway(socket: Socket, status: number): void {
  socket.on('error', () => socket.destroy())
  if (!socket.writable) {
    socket.destroy()
    return
  }
  // A response is under way on this connection: anything written now would be read as part of it.
  if ((socket as { _httpMessage?: unknown })._httpMessage !== undefined) {
    socket.destroy()
    return
  }
  const reason = http.STATUS_CODES[status]
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\nDate: ${new Date().toUTCString()}\r\n\r\n`,
  )
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), 1_000)
  socket.once('close', () => clearTimeout(timer))
}
