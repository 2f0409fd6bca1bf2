/** The front of every gateway on node:http: admits a request, prepares it, hands it to the strategy, ends it. */

import { once } from 'node:events'
import http, { type IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { clientClosed, GatewayError } from '../contract/errors.ts'
import type { GatewayOptions, HttpGateway, Listener, ListenOptions, PoolState } from '../contract/gateway.ts'
import { InFlight } from '../exchange/in-flight.ts'
import { resolveSettings, type Settings } from '../exchange/settings.ts'
import { Admission } from '../node/admission.ts'
import { intercept } from '../node/intercept.ts'
import { listenOn } from '../node/linger.ts'
import { Pipelines } from '../node/pipelines.ts'
import { acceptReading, becomesStream, isBorrowed } from '../node/reading.ts'
import {
  acceptReplacement,
  BorrowedConnection,
  behindContent,
  readAhead,
  readsContent,
  withoutUpgrade,
} from '../node/upgrading.ts'
import type { Framing } from '../rules/framing.ts'
import { offeredProtocols } from '../rules/request.ts'
import { probeAfter } from './agents.ts'
import { type Front, HttpExchange } from './exchange.ts'
import { adoptHttp2, createHttp2, type Http2Front, speaksHttp2 } from './http2.ts'
import { framingOf, hasBytes } from './incoming.ts'
import { bind, checkListen, closingPatience, secureServer, waitUntil } from './listen.ts'
import { Places } from './places.ts'

/** What a strategy on node:http gives the gateway: it carries one exchange, and holds connections upstream. */
export interface Carrier {
  /** Ask, head, body, end. Rejecting fails the exchange with that error. */
  carry(exchange: HttpExchange): Promise<void>
  /** Carries an exchange that asks for another protocol. Resolves when the tunnel is closed, or the refusal was sent. */
  tunnel(exchange: HttpExchange): Promise<void>
  readonly pool: PoolState
  /** Ends the upstream connections. */
  close(): void | Promise<void>
}

/** @throws TypeError when an option makes no sense. */
export function httpGateway(
  name: string,
  options: GatewayOptions,
  carrierOf: (settings: Settings, places: Places) => Carrier,
): HttpGateway {
  const settings = resolveSettings(name, options)
  const places = new Places(settings.pool)
  const carrier = carrierOf(settings, places)
  const inFlight = new InFlight<HttpExchange>()
  /** Of our listeners, with what parses them. */
  const sockets = new Map<Socket, (socket: Socket) => void>()
  const underWay = new WeakMap<Socket, HttpExchange>()
  const pipelines = new Pipelines()
  /** When the last exchange of a connection was first seen to have ended. */
  const served = new WeakMap<HttpExchange, number>()
  let idleCheck: NodeJS.Timeout | undefined
  const servers = new Set<http.Server | https.Server>()
  const admission = new Admission(settings.limits.connections)
  const listeners = new Set<Listener>()
  const http2Fronts = new Set<Http2Front>()
  /** Never listens: it parses what comes from others' servers. */
  let parser: http.Server | undefined
  let closed: Promise<void> | undefined
  /** Everything has been closed: who still asks comes by another server. */
  let over = false

  const front: Front = {
    settings,
    get closing() {
      return closed !== undefined
    },
    carry,
    ended(exchange) {
      exchange.previous = undefined
      inFlight.delete(exchange)
    },
  }

  /** What arrived is no HTTP: the fault of the request that is under way, or of what was to follow it. */
  function malformed(socket: Socket, status: number): void {
    const exchange = underWay.get(socket)
    if (exchange === undefined || exchange.response.writableFinished) {
      refuse(socket, status)
    } else if (!exchange.incoming.complete) {
      exchange.fail(new GatewayError('http_request_error', { phase: 'requestBody', status }))
    } else if (!exchange.isLast) {
      exchange.response.shouldKeepAlive = false
      exchange.response.once('finish', () => socket.destroySoon())
    }
  }

  /** A client has ended in the middle of what it has sent behind a request that is still being answered: it has left. */
  function endedBehind(socket: Socket, { code }: NodeJS.ErrnoException): boolean {
    const exchange = underWay.get(socket)
    if (code !== 'HPE_INVALID_EOF_STATE' || exchange === undefined || exchange.response.writableFinished)
      return false
    return exchange.incoming.complete || exchange.response.socket === null
  }

  async function run(exchange: HttpExchange): Promise<void> {
    const { socket } = exchange.incoming
    const before = exchange.incoming.httpVersionMajor === 1 ? underWay.get(socket) : undefined
    const inTurn = before?.ended !== false
    if (inTurn) inFlight.add(exchange)
    // The response to what came before it, on the same connection, is not out.
    if (exchange.response.socket === null) pipelines.join(exchange)
    underWay.set(socket, exchange)
    // A stream may be reset by what was read together with its head (CVE-2023-44487).
    if (exchange.incoming.httpVersionMajor > 1) await setImmediate()
    // It left meanwhile, or while a middleware in front was at work: no event will tell.
    if (exchange.response.destroyed || socket.destroyed) exchange.clientLeft()
    try {
      if (exchange.error !== undefined || exchange.hasBeenAnswered()) return
      // A server that we are mounted in goes on.
      if (over) throw new GatewayError('destination_unavailable', { phase: 'requestHead', source: 'gateway' })
      if (!inTurn) {
        await waitForTurn(exchange, before)
        inFlight.add(exchange)
      }
      if (inFlight.size > settings.limits.exchanges) throw overloaded()
      await exchange.start()
    } catch (cause) {
      exchange.fail(cause)
    }
  }

  /**
   * Requests of a pipeline go side by side only if they are safe (RFC 9112 §9.3.2), and two at most. Streams of HTTP/2
   * always do.
   */
  async function waitForTurn(exchange: HttpExchange, before: HttpExchange): Promise<void> {
    exchange.previous = before
    const blocking = isSafe(before) && isSafe(exchange) ? before.previous : before
    if (blocking?.ended === false) await pipelines.wait(exchange.incoming, once(blocking.response, 'close'))
    // Nobody is there any more, or will be.
    if ((before.ended && before.isLast) || exchange.incoming.socket.destroyed)
      throw clientClosed('requestHead')
    if (exchange.error !== undefined) throw exchange.error
  }

  /** With a place among the upstream connections that there may be. */
  async function carry(exchange: HttpExchange): Promise<void> {
    const waiting = places.take(exchange)
    if (waiting !== undefined) await waiting
    try {
      // It may have ended in the moment in which its turn came.
      if (exchange.error !== undefined) throw exchange.error
      await (exchange.upgrade === undefined ? carrier.carry(exchange) : carrier.tunnel(exchange))
    } finally {
      places.free(exchange)
    }
  }

  function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.httpVersionMajor === 2) adoptHttp2(request, response)
    // Nothing that follows the last request of a connection is one.
    const before = underWay.get(request.socket)
    // But whoever has taken its response over may have it asked for once more.
    if (before?.isLast === true && before.response !== response) return Promise.resolve()
    return run(new HttpExchange(front, request, response))
  }

  async function upgrade(request: IncomingMessage, duplex: Duplex, head: Buffer): Promise<void> {
    const { socket, httpVersion, rawHeaders } = request
    socket.on('error', destroyThis)
    if (duplex !== socket) acceptReplacement(duplex)
    becomesStream(socket)
    const protocols = offeredProtocols(httpVersion, rawHeaders)
    const framing = framingOf(request)
    const bare = framing !== undefined && !hasBytes(framing)
    const take =
      duplex === socket
        ? readAhead(socket, isBorrowed(head) ? Buffer.from(head) : head)
        : () => behindContent(socket, duplex)
    // An answer to what came before it in a pipeline is still on its way.
    const before = underWay.get(socket)
    if (before?.ended === false) await once(before.response, 'close')
    socket.setTimeout(0)
    if (socket.destroyed || !socket.writable) return
    // The server has let go of the socket: a refusal is written by a response that we attach to it ourselves.
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    try {
      response.assignSocket(socket)
    } catch {
      // Somebody else is answering what came before it.
      socket.destroy()
      return
    }
    if (bare ? protocols.length === 0 : !readsContent()) {
      response.detachSocket(socket)
      parseAgain(socket, request, take(), protocols, framing)
      return
    }
    const exchange = new HttpExchange(front, request, response)
    response.once('finish', () => {
      exchange.clientLeft()
      if (!request.complete) return
      take()
      listenOn(socket)
    })
    if (protocols.length > 0) exchange.upgrade = { protocols, socket, take }
    await run(exchange)
  }

  /** Has a parser read the request with its content, and what follows it if the connection is a listener's of ours. */
  function parseAgain(
    client: Socket,
    request: IncomingMessage,
    rest: Buffer,
    protocols: readonly string[],
    framing: Framing | undefined,
  ): void {
    const head = withoutUpgrade(request)
    client.unshift(rest.length === 0 ? head : Buffer.concat([head, rest]))
    if (framing === undefined || !hasBytes(framing)) {
      client.off('error', destroyThis)
      const parse = sockets.get(client) ?? parseOnce
      parse(client)
    } else {
      const length = framing.kind === 'length' ? head.length + framing.length : Number.POSITIVE_INFINITY
      parseOnce(new BorrowedConnection(client, length, request, protocols) as Duplex as Socket)
    }
    client.resume()
  }

  /** What follows the request is not ours: whoever has mounted us may want to see it first. */
  function parseOnce(connection: Socket): void {
    parser ??= serve(http.createServer(parsing()), handleOnce)
    parser.emit('connection', connection)
  }

  async function handleOnce(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const socket = request.socket as Duplex
    response.shouldKeepAlive = false
    if (!(socket instanceof BorrowedConnection)) return handle(request, response)
    if (underWay.has(request.socket)) {
      socket.ambiguous = true
      return
    }
    request.rawHeaders = socket.rawHeaders
    request.once('end', () => socket.contentEnded())
    const exchange = new HttpExchange(front, request, response)
    const take = (): Buffer | undefined => (socket.ambiguous ? undefined : socket.giveBack())
    const { protocols, client } = socket
    if (protocols.length > 0) exchange.upgrade = { protocols, socket: client, take }
    await run(exchange)
  }

  /** How the parsers of node:http read for us. */
  function parsing(): http.ServerOptions {
    const { timeouts, limits } = settings
    return {
      maxHeaderSize: limits.requestHead,
      headersTimeout: finite(timeouts.requestHead),
      keepAliveTimeout: finite(timeouts.idle),
      // Ours is per phase: Node's would limit the whole upload (300 s).
      requestTimeout: 0,
      connectionsCheckingInterval: checkedEvery(timeouts.requestHead),
      insecureHTTPParser: false,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: probeAfter,
    }
  }

  /** What a server of HTTP/1.1 tells us, and what we make of it. */
  function serve<S extends http.Server | https.Server>(server: S, answer: typeof handle): S {
    // Node drops further fields silently; we count them ourselves and refuse.
    server.maxHeadersCount = 0
    server.on('request', answer)
    // Without these two Node would answer 100 and 417 itself; the origin decides (RFC 9110 §10.1.1).
    server.on('checkContinue', answer)
    server.on('checkExpectation', answer)
    server.on('upgrade', (request, socket, head) => {
      if (socket instanceof BorrowedConnection) socket.ambiguous = true
      else upgrade(request, socket, head)
    })
    server.on('connect', ({ socket }: IncomingMessage, duplex: Duplex) => {
      socket.on('error', destroyThis)
      if (duplex !== socket) acceptReplacement(duplex)
      malformed(socket, 501)
    })
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
      if (socket instanceof BorrowedConnection) socket.ambiguous = true
      // Not what it sent was wrong: it is gone.
      if (error.syscall !== undefined || endedBehind(socket as Socket, error)) socket.destroy()
      else malformed(socket as Socket, statusOfParser(error.code))
    })
    return server
  }

  function createServer({ tls }: ListenOptions): http.Server | https.Server {
    const options = parsing()
    const server =
      tls === undefined
        ? http.createServer(options)
        : https.createServer({
            ALPNProtocols: ['h2', 'http/1.1', 'http/1.0'],
            ...secureServer(tls),
            ...options,
          })
    if (server instanceof https.Server) alsoSpeakHttp2(server)
    else acceptReading(server, hold)
    admission.guard(server)
    return serve(server, handle)
  }

  /** @param parse Reads requests off it again, should it be let go of. */
  function hold(socket: Socket, parse: (socket: Socket) => void): void {
    sockets.set(socket, parse)
    socket.once('close', () => sockets.delete(socket))
  }

  /** For HTTP/1.1 the server stays as it is. Connections that have agreed on HTTP/2 are handed to another one. */
  function alsoSpeakHttp2(server: https.Server): void {
    const front = createHttp2(settings)
    http2Fronts.add(front)
    for (const event of ['request', 'checkContinue', 'checkExpectation', 'connect'])
      front.server.on(event, handle as never)
    intercept(server, 'secureConnection', (socket, parse) => {
      if (speaksHttp2(socket)) {
        front.server.emit('connection', socket)
        return
      }
      hold(socket, parse)
      parse(socket)
    })
    // Nothing can be said to a client whose handshake has failed. https would have it answered as a bad request.
    server.prependListener('tlsClientError', (_error, socket) => socket.destroy())
  }

  async function listen(where: ListenOptions = {}): Promise<Listener> {
    checkListen(where)
    const server = createServer(where)
    const listener = await bind(server, where)
    servers.add(server)
    listeners.add(listener)
    idleCheck ??= setInterval(
      endIdle,
      checkedEvery(Math.min(settings.timeouts.idle, settings.timeouts.requestHead)),
    )
    idleCheck.unref()
    return listener
  }

  /**
   * Node's clock for what lies between two requests stops with whatever comes, and the one for a head begins with its
   * first line: empty lines would keep a connection for ever.
   */
  function endIdle(): void {
    const { idle, requestHead } = settings.timeouts
    const now = performance.now()
    for (const socket of sockets.keys()) {
      const last = underWay.get(socket)
      if (last?.ended !== true) continue
      const since = served.get(last)
      if (since === undefined) served.set(last, now)
      else if (now - since > idle + requestHead) socket.destroySoon()
    }
  }

  const hasServed = (socket: Socket): boolean => underWay.get(socket)?.response.writableFinished === true

  async function shutDown(grace: number): Promise<void> {
    const stopped = [...listeners].map((listener) => listener.close())
    for (const socket of sockets.keys()) if (hasServed(socket)) socket.destroySoon()
    for (const front of http2Fronts) front.close()
    // What was accepted just now gets an answer too.
    await waitUntil(
      () => [...sockets.keys()].every((socket) => underWay.has(socket)),
      Math.min(grace, closingPatience),
    )
    await inFlight.drained(
      grace,
      () => new GatewayError('destination_unavailable', { phase: 'total', source: 'gateway' }),
    )
    // What has ended here may still be on its way out: no response loses its last frame.
    for (const front of http2Fronts) front.end()
    await waitUntil(() => [...http2Fronts].every(({ empty }) => empty), Math.min(grace, closingPatience))
    for (const front of http2Fronts) front.destroy()
    clearInterval(idleCheck)
    for (const server of servers) {
      server.closeAllConnections()
      // It is closed already; this stops what it does at intervals.
      server.close(() => {})
    }
    parser?.closeAllConnections()
    await waitUntil(() => admission.size === 0, Math.min(grace, closingPatience))
    admission.destroy()
    await Promise.all(stopped)
    over = true
    await carrier.close()
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
    get pool() {
      const { connections, idle, waiting } = carrier.pool
      return { connections, idle, waiting: waiting + places.waiting }
    },
    handle,
    upgrade,
    listen,
    close,
    [Symbol.asyncDispose]: () => close(),
  }
}

/** RFC 9110 §9.2.1. */
const safe: ReadonlySet<string | undefined> = new Set(['GET', 'HEAD', 'OPTIONS'])

function isSafe({ incoming }: HttpExchange): boolean {
  return safe.has(incoming.method)
}

function destroyThis(this: Socket): void {
  this.destroy()
}

function overloaded(): GatewayError {
  return new GatewayError('connection_limit_reached', { phase: 'requestHead' })
}

const checkedEvery = (limit: number): number => Math.max(100, Math.min(5_000, limit / 4))

const finite = (ms: number): number => (Number.isFinite(ms) ? ms : 0)

function statusOfParser(code: string | undefined): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408
  return 400
}

/** Answers a connection that never became a request, and listens a while so that the answer can be read. */
function refuse(socket: Socket, status: number): void {
  socket.on('error', () => socket.destroy())
  if (!socket.writable) {
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
