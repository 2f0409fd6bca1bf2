/** The proxy server of http-proxy-3: its methods and its events, each exchange carried by a gateway. */

import { EventEmitter } from 'node:events'
import http, { type ClientRequest, type IncomingMessage, ServerResponse } from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { type Duplex, PassThrough, type Readable } from 'node:stream'
import {
  type ContentTransform,
  type Exchange,
  GatewayError,
  type HttpGateway,
  type RequestHead,
  type ResponseHead,
  type Route,
} from '@relayrace/gateway'
import {
  adoptHttp2,
  endpointOf,
  endToEnd,
  forwardingFields,
  type HttpExchange,
  internalFailure,
  joinTarget,
} from '@relayrace/gateway/strategy'
import { reverseGateway } from '../reverse.ts'
import { Again, Nowhere } from './again.ts'
import { AskedRequest } from './asked-request.ts'
import { applyEdits, setAll } from './edits.ts'
import {
  type ChosenOptions,
  checkOptions,
  connectingOf,
  type ErrorCallback,
  type ProxyTarget,
  partsOf,
  type ServerOptions,
  settleTarget,
  type Target,
} from './options.ts'
import { redirectOf, rewriteCookies, rewriteLocation } from './response.ts'

interface ProxyEvents {
  error: Parameters<ErrorCallback>
  /** The client has left. */
  econnreset: Parameters<ErrorCallback>
  start: [req: IncomingMessage, res: ServerResponse, target: ProxyTarget]
  /** There is no socket yet, and never will be one here. */
  proxyReq: [
    proxyReq: ClientRequest,
    req: IncomingMessage,
    res: ServerResponse,
    options: ServerOptions,
    socket?: Socket,
  ]
  proxyReqWs: [
    proxyReq: ClientRequest,
    req: IncomingMessage,
    socket: Socket,
    options: ServerOptions,
    head: Buffer | undefined,
  ]
  proxyRes: [proxyRes: IncomingMessage, req: IncomingMessage, res: ServerResponse]
  end: [req: IncomingMessage, res: ServerResponse, proxyRes: IncomingMessage]
  open: [proxySocket: Socket]
  close: [proxyRes: IncomingMessage, proxySocket: Socket, proxyHead: Buffer]
}

type Rest = [options?: ServerOptions, callback?: ErrorCallback] | [callback?: ErrorCallback]

/** One call of `web` or `ws`, or the copy that a `forward` gets. */
interface Call {
  readonly kind: 'web' | 'ws' | 'forward'
  readonly req: IncomingMessage
  readonly res: ServerResponse | Socket
  readonly head: Buffer | undefined
  /** As it was when the call came. */
  readonly url: string
  readonly options: ChosenOptions
  readonly target: Target
  readonly callback: ErrorCallback | undefined
  exchange: HttpExchange | undefined
  asked: AskedRequest | undefined
  answer: IncomingMessage | undefined
  redirect: { readonly status: number } | undefined
}

/** Gateways that are kept, of those with different connections. */
const most = 64

/** Both ends of each upgrade that is open, in all proxies. */
let sockets = 0

export function numOpenSockets(): number {
  return sockets
}

function count(socket: Duplex): void {
  sockets++
  socket.once('close', () => sockets--)
}

/** @throws TypeError when an option makes no sense, or is one that is not kept. */
export function createProxyServer(options: ServerOptions = {}): ProxyServer {
  return new ProxyServer(options)
}

export class ProxyServer extends EventEmitter<ProxyEvents> {
  static readonly createProxyServer: typeof createProxyServer = createProxyServer
  static readonly createServer: typeof createProxyServer = createProxyServer
  static readonly createProxy: typeof createProxyServer = createProxyServer

  /** What holds for each call that does not say otherwise. */
  readonly options: ServerOptions
  #gateways: { readonly parts: readonly unknown[]; readonly gateway: HttpGateway }[] = []
  readonly #calls = new WeakMap<object, Call>()
  #server: http.Server | http2.Http2SecureServer | undefined

  /** @throws TypeError when an option makes no sense, or is one that is not kept. */
  constructor(options: ServerOptions = {}) {
    super()
    checkOptions(options)
    this.options = options
  }

  /** Relays a request. @throws TypeError when an option makes no sense. */
  readonly web = (req: IncomingMessage, res: ServerResponse, ...rest: Rest): void => {
    const chosen = this.#settle('web', req, res, rest)
    if (chosen === undefined) return
    const { options, callback } = chosen
    const { target, forward, buffer, timeout } = options
    const going = (target || forward) as ProxyTarget
    if (req.httpVersionMajor === 2) adoptHttp2(req, res)
    this.emit('start', req, res, going)
    if (timeout) req.socket.setTimeout(timeout)
    const call = (kind: Call['kind'], to: ProxyTarget): Call => ({
      ...{ kind, req, res, options, callback, head: undefined, url: req.url ?? '' },
      target: settleTarget(to, kind === 'forward' ? 'forward' : 'target'),
      ...{ exchange: undefined, asked: undefined, answer: undefined, redirect: undefined },
    })
    // Somebody in front has read it, and listeners of `proxyReq` may write it again.
    const isRead = buffer === undefined && req.readableEnded && !isEmpty(req)
    const content = buffer ?? req
    if (!forward) {
      const request = isRead
        ? new Again(req, undefined)
        : buffer
          ? new Again(req, buffer, { isOther: true })
          : req
      this.#carry(call('web', going), request, res)
      return
    }
    const isOther = buffer !== undefined
    const split = (): Readable | undefined => (isRead ? undefined : content.pipe(new PassThrough()))
    const nowhere = new Nowhere(req.socket)
    const copy = new Again(req, split(), { socket: nowhere as Duplex as Socket, isOther })
    const mine = target ? new Again(req, split(), { isOther }) : undefined
    req.once('close', () => req.complete || nowhere.destroy())
    const unseen = new ServerResponse(copy)
    unseen.assignSocket(nowhere as Duplex as Socket)
    unseen.once('finish', () => nowhere.destroy())
    this.#carry(call('forward', forward), copy, unseen)
    if (target && mine) this.#carry(call('web', target), mine, res)
    else res.end()
  }

  /** Relays an upgrade to WebSocket. @throws TypeError when an option makes no sense. */
  readonly ws = (req: IncomingMessage, socket: Duplex, head: Buffer | undefined, ...rest: Rest): void => {
    const client = socket as Socket
    if (req.method !== 'GET' || req.headers.upgrade?.toLowerCase() !== 'websocket') {
      socket.destroy()
      return
    }
    const chosen = this.#settle('ws', req, client, rest)
    if (chosen === undefined) return
    const { options, callback } = chosen
    count(socket)
    const call: Call = {
      ...{ kind: 'ws', req, res: client, head, url: req.url ?? '', options, callback },
      target: settleTarget(options.target as ProxyTarget, 'target'),
      ...{ exchange: undefined, asked: undefined, answer: undefined, redirect: undefined },
    }
    this.#calls.set(req, call)
    // A parser may have to read it again: it makes another request of it, on the same connection.
    this.#calls.set(client, call)
    withPath(req)
    void this.#gatewayOf(call).upgrade(req, client, head ?? Buffer.alloc(0))
  }

  /** Makes a server of its own. With `ssl` it speaks TLS, and HTTP/2 beside HTTP/1.1. */
  listen(port?: number | string, hostname?: string): this {
    const { ssl, ws } = this.options
    const web = (req: IncomingMessage, res: ServerResponse): void => this.web(req, res)
    const server = ssl
      ? http2.createSecureServer({
          ...ssl,
          allowHTTP1: true,
        })
      : http.createServer()
    // An upstream decides on Expect, and the gateway counts fields, where Node would drop some.
    for (const event of ['request', 'checkContinue', 'checkExpectation']) server.on(event, web as never)
    Object.assign(server, { maxHeadersCount: 0 })
    if (ws)
      server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => this.ws(req, socket, head))
    server.listen(port as number, hostname)
    this.#server = server
    return this
  }

  address(): string | AddressInfo | null | undefined {
    return this.#server?.address()
  }

  /** Stops listening, and closes upstream connections once nothing is under way on them. */
  close(callback?: (error?: Error) => void): void {
    const server = this.#server
    this.#server = undefined
    const gateways = this.#gateways
    this.#gateways = []
    for (const { gateway } of gateways) void gateway.close(patience)
    if (server === undefined) callback?.()
    else server.close(callback)
  }

  /** @throws TypeError always: there are no passes here. */
  before(type: string, pass: string): never {
    throw new TypeError(`There is no pass ${pass} of ${type} to go before: ${instead}`)
  }

  /** @throws TypeError always: there are no passes here. */
  after(type: string, pass: string): never {
    throw new TypeError(`There is no pass ${pass} of ${type} to go behind: ${instead}`)
  }

  /** What holds for one call; undefined when it has nowhere to go, and that has been told. */
  #settle(
    kind: 'web' | 'ws',
    req: IncomingMessage,
    res: ServerResponse | Socket,
    rest: Rest,
  ): { readonly options: ChosenOptions; readonly callback: ErrorCallback | undefined } | undefined {
    const given = rest.find((one) => typeof one === 'object' && one !== null) as ServerOptions | undefined
    const callback = rest.find((one) => typeof one === 'function') as ErrorCallback | undefined
    if (given !== undefined) checkOptions(given)
    try {
      const options: ServerOptions = { ...this.options, ...given }
      if (typeof options.target === 'function') options.target = options.target(req)
      for (const name of ['target', 'forward'] as const) {
        const to = options[name] as ProxyTarget | undefined
        if (to) settleTarget(to, name)
        if (typeof to === 'string' && to !== '') options[name] = new URL(to)
      }
      if (!options.target && !(options.forward && kind === 'web'))
        throw new TypeError('Must set target or forward: in the options of the proxy, or of the call')
      return { options: options as ChosenOptions, callback }
    } catch (error) {
      const told = this.#listener(callback)
      if (told === undefined) throw error
      told(error as Error, req, res)
      return undefined
    }
  }

  #listener(callback: ErrorCallback | undefined): ErrorCallback | undefined {
    if (callback !== undefined) return callback
    if (this.listenerCount('error') === 0) return undefined
    return (...given) => void this.emit('error', ...given)
  }

  #carry(call: Call, request: IncomingMessage, response: ServerResponse): void {
    this.#calls.set(request, call)
    if (request instanceof Again) request.once('error', (cause) => call.exchange?.abort(cause))
    withPath(request)
    void this.#gatewayOf(call).handle(request, response)
  }

  #callOf({ incoming }: HttpExchange): Call {
    const { socket } = incoming
    const { client } = socket as Socket & { readonly client?: Socket }
    const call = [incoming, socket, client].map((one) => one && this.#calls.get(one)).find(Boolean)
    if (call === undefined) throw new Error('A request has come that nobody has passed on')
    return call
  }

  #gatewayOf({ options, target }: Call): HttpGateway {
    const parts = partsOf(options, target)
    const known = this.#gateways.find((one) => one.parts.every((part, i) => part === parts[i]))
    if (known !== undefined) return known.gateway
    const { tls, pool, localAddress } = connectingOf(options, target)
    const gateway = reverseGateway(
      'http-proxy',
      {
        upstream: (exchange) => where(this.#callOf(exchange as HttpExchange)),
        rewrite: (out, exchange) => this.#rewrite(out, exchange as HttpExchange),
        modifyResponse: (head, exchange) => this.#modify(head, exchange as HttpExchange),
        onError: (error, exchange) => this.#fail(error, exchange as HttpExchange),
        tls,
        pool,
      },
      {
        ...(localAddress && { dialling: { localAddress } }),
        asking: (exchange, open) => ask(this.#callOf(exchange), exchange, open),
        answered: (exchange, answer) => this.#answered(exchange, answer),
        joined: (_exchange, response, upstream, head) => {
          count(upstream)
          let isOpen = true
          const closed = (): void => {
            if (isOpen) this.emit('close', response, upstream, head)
            isOpen = false
          }
          upstream.once('end', closed).once('close', closed)
          this.emit('open', upstream)
        },
      },
    )
    this.#gateways.push({ parts, gateway })
    if (this.#gateways.length > most) void this.#gateways.shift()?.gateway.close(patience)
    return gateway
  }

  #rewrite(out: RequestHead, exchange: HttpExchange): void {
    const call = this.#callOf(exchange)
    call.exchange = exchange
    prepare(out, exchange, call)
    const { kind, req, res, options, target } = call
    const event = kind === 'ws' ? 'proxyReqWs' : 'proxyReq'
    call.asked = undefined
    if (kind === 'forward' || this.listenerCount(event) === 0) return
    const asked = new AskedRequest(
      out,
      { host: target.host, protocol: exchange.request.secure ? 'https:' : 'http:' },
      (error) => exchange.abort(error ?? new GatewayError('connection_terminated', { phase: 'requestHead' })),
    )
    // All that can be done with a ClientRequest before it is sent can be done with it.
    const request = asked as unknown as ClientRequest
    if (kind === 'ws') this.emit('proxyReqWs', request, req, res as Socket, options, call.head)
    else this.emit('proxyReq', request, req, res as ServerResponse, options)
    asked.leave(out)
    call.asked = asked
    if (asked.written.length > 0 || asked.isEnded) out.content = replacing(asked)
  }

  #answered(exchange: HttpExchange, answer: IncomingMessage): Promise<void> | undefined {
    const call = this.#callOf(exchange)
    const { kind, req, options } = call
    if (kind === 'forward') return undefined
    if (followedFrom(call, exchange, answer.statusCode as number, answer.headers.location)) return undefined
    const res = call.res as ServerResponse
    if (this.listenerCount('end') > 0) answer.once('end', () => this.emit('end', req, res, answer))
    if (this.listenerCount('proxyRes') > 0) {
      call.answer = answer
      this.emit('proxyRes', answer, req, res)
    }
    const { response } = exchange
    if (!options.selfHandleResponse && !response.headersSent) return undefined
    exchange.responseTaken = true
    exchange.enter('responseBody')
    if (!options.selfHandleResponse && !response.writableEnded) answer.pipe(response)
    return new Promise((resolve) => {
      const done = (): void => {
        // What nobody has read is given back to the connection if all of it is here.
        if (answer.complete) answer.resume()
        else answer.destroy()
        resolve()
      }
      if (response.closed) done()
      else response.once('close', done)
    })
  }

  #modify(head: ResponseHead, exchange: HttpExchange): Route | undefined {
    const call = this.#callOf(exchange)
    const { kind, answer, options, target } = call
    if (kind === 'forward') return undefined
    const url = followedFrom(call, exchange, head.status, head.fields.get('location'))
    if (url !== undefined) {
      call.redirect = { status: head.status }
      const { endpoint } = exchange
      const here = endpoint.socketPath !== undefined && url.origin === endpoint.origin
      return { to: here ? target.origin : url.origin, path: `${url.pathname}${url.search}` }
    }
    if (answer !== undefined) {
      head.status = answer.statusCode as number
      head.reason = answer.statusMessage ?? ''
      applyEdits(head.fields, answer)
    }
    rewriteCookies(head, options)
    rewriteLocation(head, options, target, exchange.request.authority)
    return undefined
  }

  #fail(error: GatewayError, exchange: HttpExchange): undefined {
    const call = this.#callOf(exchange)
    const { kind, req, res, callback, options } = call
    const { response } = exchange
    const target = (kind === 'forward' ? options.forward : options.target) as ProxyTarget
    if (error.type === 'client_closed') {
      if (kind !== 'forward') this.emit('econnreset', reported(error), req, res as ServerResponse, target)
      return
    }
    exchange.responseTaken = false
    // A request that must not go on is refused by the gateway, whatever the application thinks of upstreams.
    if (this.#listener(callback) === undefined || error.source === 'client') return
    // A listener for one error may have gone with another one since.
    const tell = (): void => {
      const told = this.#listener(callback)
      if (told === undefined) res.destroy()
      else told(reported(error), req, res, target)
    }
    const isOpen = kind !== 'forward' && exchange.status === 0 && !response.headersSent && !response.destroyed
    if (!isOpen && kind !== 'forward') {
      tell()
      return
    }
    exchange.responseTaken = kind !== 'forward'
    // When this exchange is over: the application may begin another one with the same request.
    process.nextTick(() => {
      tell()
      if (kind === 'ws') (res as Socket).destroySoon()
    })
  }
}

const instead = 'change what goes out in the event proxyReq, and what comes back in proxyRes'

/** As long as a timer can wait. */
const patience = 2 ** 31 - 1

/** Whether a request has no content, by its head. */
function isEmpty({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0
}

/** A target without a path has been left by an application that has put its own before it. */
function withPath(request: IncomingMessage): void {
  const url = request.url ?? ''
  if (url === '' || url.startsWith('?')) request.url = `/${url}`
}

function where({ target, options: { proxyTimeout, connectTimeout } }: Call): Target['origin'] | Route {
  if (!proxyTimeout && !connectTimeout) return target.origin
  return {
    to: target.origin,
    timeouts: {
      ...(proxyTimeout && { responseHead: proxyTimeout, responseBody: proxyTimeout }),
      ...(connectTimeout && { connect: connectTimeout }),
    },
  }
}

/** What the options say of the outgoing request, in the order in which http-proxy does it. */
function prepare(out: RequestHead, exchange: HttpExchange, call: Call): void {
  const { req, options, redirect } = call
  const { fields } = out
  const { authority } = exchange.request
  // What the client says of its way goes on as it does there: those in front may be trusted.
  const { raw } = endToEnd(req.rawHeaders)
  for (let i = 0; i < raw.length; i += 2)
    if (forwardingFields.has(raw[i] as string)) fields.raw.push(raw[i] as string, raw[i + 1] as string)
  const target = fields.get('host') as string
  if (authority !== '') fields.set('Host', authority)
  applyEdits(fields, req)
  if (options.xfwd) forwarded(out, exchange, call)
  for (const [name, value] of Object.entries(options.headers ?? {}))
    if (value === undefined) fields.delete(name)
    else setAll(fields, name, value)
  if (options.auth) fields.set('Authorization', `Basic ${Buffer.from(options.auth).toString('base64')}`)
  if (options.changeOrigin || redirect !== undefined) fields.set('Host', target)
  if (redirect !== undefined) {
    if (redirect.status < 304 && out.method !== 'HEAD') out.method = 'GET'
    return
  }
  if (options.method) out.method = options.method
  out.path = pathOf(call)
}

function forwarded({ fields }: RequestHead, { request }: Exchange, { kind }: Call): void {
  const { remoteAddress, secure, authority } = request
  const scheme = kind === 'ws' ? 'ws' : 'http'
  const values = {
    for: remoteAddress ?? '',
    port: /:(\d+)$/.exec(authority)?.[1] ?? (secure ? '443' : '80'),
    proto: secure ? `${scheme}s` : scheme,
  }
  for (const [name, value] of Object.entries(values)) {
    const before = fields.all(`x-forwarded-${name}`)
    fields.set(`X-Forwarded-${name[0]?.toUpperCase()}${name.slice(1)}`, [...before, value].join(','))
  }
  if (kind !== 'ws' && !fields.has('x-forwarded-host')) fields.set('X-Forwarded-Host', authority)
}

/** @throws GatewayError when the request's path would lead out of the target's. */
function pathOf({ url, options, target }: Call): string {
  const { prependPath, ignorePath, toProxy } = options
  const prepends = prependPath !== false
  if (ignorePath) return prepends ? target.path : '/'
  const asked =
    url.startsWith('/') || url.startsWith('?') || url === '' ? url : absolute(url, toProxy === true)
  const path = prepends ? joined(target, asked) : asked
  if (path === undefined)
    throw new GatewayError('http_request_error', {
      phase: 'requestHead',
      detail: 'dot segments under a base path',
    })
  return path.startsWith('/') || path === '*' ? path : `/${path}`
}

function absolute(url: string, whole: boolean): string {
  if (url === '*') return url
  return whole ? `/${url}` : url.replace(/^[a-z]+:\/\/[^/?]*/i, '')
}

function joined({ whole }: Target, asked: string): string | undefined {
  return joinTarget(endpointOf(whole), asked)
}

/** Where the redirect that has come is followed to. */
function followedFrom(
  { kind, options }: Call,
  { endpoint, out, framing }: HttpExchange,
  status: number,
  location: string | undefined,
): URL | undefined {
  if (!options.followRedirects || kind !== 'web' || framing.kind !== 'none') return undefined
  return redirectOf(status, location, `${endpoint.origin}${out.path}`)
}

/** What listeners have written goes before the client's content, or instead of it. */
function replacing({ written, isEnded }: AskedRequest): ContentTransform {
  return async function* (source) {
    yield* written
    if (isEnded) for await (const _ of source);
    else yield* source
  }
}

/** A request without content gets what listeners have written, with its length. */
function ask({ req, asked, kind }: Call, exchange: HttpExchange, open: () => ClientRequest): ClientRequest {
  const { framing, out, incoming } = exchange
  const written = asked?.written ?? []
  if (framing.kind !== 'none') return open()
  // It would go on without what it came with.
  if (kind !== 'forward' && written.length === 0 && !asked?.isEnded && incoming !== req && !isEmpty(req))
    throw internalFailure(
      new Error(
        'The content of the request has been read already: write it in proxyReq, or give it as buffer',
      ),
      'requestBody',
    )
  if (written.length === 0) return open()
  out.fields.set('Content-Length', String(written.reduce((sum, { length }) => sum + length, 0)))
  const request = open()
  for (const piece of written) request.write(piece)
  return request
}

/** As node:http would have said it. */
function reported(error: GatewayError): NodeJS.ErrnoException {
  for (let { cause } = error, depth = 0; cause instanceof Error && depth < 8; depth++) {
    if (
      !(cause instanceof GatewayError) &&
      (codeOf(cause) !== undefined || error.type === 'proxy_internal_error')
    )
      return cause
    cause = cause.cause
  }
  const isGone = error.type === 'connection_terminated' || error.type === 'client_closed'
  const isLate = error.type.endsWith('_timeout')
  return Object.assign(new Error(isGone ? 'socket hang up' : error.message, { cause: error }), {
    code: isGone || isLate ? 'ECONNRESET' : error.type,
  })
}

function codeOf(error: Error): unknown {
  return (error as NodeJS.ErrnoException).code
}
