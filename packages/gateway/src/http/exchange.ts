/** The port of an exchange on node:http, HTTP/2 included: how it answers, relays and breaks off. */

import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { clientClosed, GatewayError } from '../contract/errors.ts'
import type { ContentTransform, ReceivedRequest, ResponseHead, Route } from '../contract/gateway.ts'
import type { SendableReply } from '../exchange/hooks.ts'
import { type Around, Life } from '../exchange/life.ts'
import type { Incoming } from '../exchange/prepare.ts'
import { breakOff } from '../node/close-notify.ts'
import { endAfterLastResponse, listenOn } from '../node/linger.ts'
import { beginsRequest } from '../node/reading.ts'
import { contentLength, type Framing, hasContent, responseFraming } from '../rules/framing.ts'
import { targetOf, wantsTrailers } from '../rules/request.ts'
import {
  announcedTrailers,
  dropsContent,
  interimFields,
  sentHead,
  trailersToForward,
} from '../rules/response.ts'
import { isRoute } from '../rules/upstream.ts'
import { incomingOf, whatIsLeft } from './incoming.ts'
import { keepBeside, takeHeadBack, writeInformation } from './outgoing.ts'
import type { Holding } from './places.ts'

/** What an exchange needs to know of the gateway it belongs to. */
export interface Front extends Around<HttpExchange> {
  /** No new exchanges: client connections are not kept. */
  readonly closing: boolean
  /** By the strategy: ask, head, body, end. */
  carry(exchange: HttpExchange): Promise<void>
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
class Redirection {
  readonly route: Route

  constructor(route: Route) {
    this.route = route
  }
}

export class HttpExchange extends Life {
  status = 0
  readonly incoming: IncomingMessage
  readonly response: ServerResponse
  /** The protocols the client wants to change to. */
  upgrade: Upgrade | undefined
  /** What was last sent upstream by node:http. */
  asked: ClientRequest | undefined
  /** The upstream connection, where node:http does not ask. */
  holding: Holding | undefined
  /** The one that it came behind in a pipeline, until this one has ended. */
  previous: HttpExchange | undefined
  /** Changes the content of the response on its way. */
  transform: ContentTransform | undefined
  /** The response's content is not to go on: `modifyResponse` has made it one that has none. */
  contentDropped = false
  /** Somebody else writes the response, whatever becomes of the exchange. */
  responseTaken = false

  readonly #front: Front
  #cancel: Cancel | undefined
  #letGoOfContent: (() => void) | undefined
  #expected: number | undefined

  constructor(front: Front, incoming: IncomingMessage, response: ServerResponse) {
    super(front)
    this.#front = front
    this.incoming = incoming
    this.response = response
    response.on('close', () => this.clientLeft())
    this.started(incoming.socket.remoteAddress)
  }

  protected incomingHead(): Incoming {
    return incomingOf(this.incoming, this.upgrade?.protocols ?? [])
  }

  protected receivedRequest(): ReceivedRequest {
    const { incoming } = this
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

  protected override remaining(framing: Framing): Framing {
    return this.incoming.readableEnded ? whatIsLeft(framing) : framing
  }

  // ---- ask

  protected async ask(): Promise<void> {
    this.transform = undefined
    this.contentDropped = false
    try {
      await this.#front.carry(this)
    } catch (thrown) {
      if (!(thrown instanceof Redirection)) throw thrown
      await this.followRoute(thrown.route)
    }
  }

  /** Registers how to stop what a strategy has started upstream. Runs at most once, at once if it is too late. */
  onCancel(cancel: Cancel): void {
    if (this.error !== undefined) cancel(this.error)
    else this.#cancel = cancel
  }

  protected cancel(reason: GatewayError): unknown {
    const cancel = this.#cancel
    this.#cancel = undefined
    return cancel?.(reason)
  }

  /** There is a connection: the request is on its way, or all out already. */
  connected(): void {
    const sent = this.framing.kind === 'none' || this.incoming.readableEnded
    this.enter(sent ? 'responseHead' : 'requestBody')
  }

  override takeContent(): void {
    super.takeContent()
    beginsRequest(this.incoming)
  }

  /** Registers how to let go of the request's content once the exchange has ended. */
  atEnd(letGo: () => void): void {
    this.#letGoOfContent = letGo
  }

  // ---- head

  /** Passes an interim response on, except to an HTTP/1.0 client (RFC 9110 §15.2). */
  inform(status: number, raw: readonly string[]): void {
    const { incoming, response } = this
    if (incoming.httpVersionMinor === 0 && incoming.httpVersionMajor === 1) return
    if (response.headersSent || response.destroyed || status === 101) return
    if (!this.informs(status, raw)) return
    try {
      if (status === 100) response.writeContinue()
      else writeInformation(response, status, interimFields(raw))
    } catch (cause) {
      this.fail(new GatewayError('http_protocol_error', { phase: 'responseHead', cause }))
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
    this.headCame()
    if (this.phase !== 'requestBody') this.enter('responseBody')
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
    const edited = this.edit(sentHead(framing, status, reason, raw, [method, this.incoming.method]))
    if (edited instanceof Promise) return edited.then((left) => this.#edited(left, status, raw))
    if (this.error !== undefined) throw this.error
    this.#writeHead(edited, raw)
    return undefined
  }

  #edited(left: ResponseHead | Route, before: number, raw: readonly string[]): void {
    if (this.error !== undefined) throw this.error
    if (isRoute(left)) throw new Redirection(left)
    this.contentDropped = dropsContent(before, left.status)
    this.transform = hasContent(this.out.method, left.status) ? left.content : undefined
    if (this.contentDropped) this.#expected = 0
    else if (this.transform !== undefined) this.#expected = undefined
    this.#writeHead(left, raw)
  }

  /** The length of the response's content, when its head says so. */
  get expected(): number | undefined {
    return this.#expected
  }

  #writeHead(
    { status, reason, fields: { raw } }: ResponseHead,
    received: readonly string[] | undefined,
  ): void {
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
    this.status = status
  }

  addTrailers(raw: readonly string[] | undefined): void {
    if (raw === undefined || raw.length === 0) return
    if (!takesTrailers(this.incoming) || !this.response.chunkedEncoding) return
    this.response.addTrailers([...trailersToForward(raw)])
  }

  /** The exchange goes on as a tunnel: its end is told by `tunnelClosed`, not by the response. */
  becomeTunnel(): void {
    this.status = 101
    this.tunnels()
  }

  // ---- end

  protected reply(reply: SendableReply): void {
    const { status, fields, body = '' } = reply
    if (hasContent('', status)) fields.set('Content-Length', String(Buffer.byteLength(body)))
    this.begin(reply)
    if (!this.ended) this.response.end(body)
  }

  protected begin({ status, fields }: SendableReply): void {
    if (this.responseTaken) {
      this.finish()
      return
    }
    const { socket, complete, httpVersionMajor } = this.incoming
    // A parser that has no content to read may yet have to say so.
    if (!complete && !this.isBare && httpVersionMajor === 1) {
      this.response.shouldKeepAlive = false
      endAfterLastResponse(socket)
    }
    this.#expected = contentLength(fields.all('content-length'))
    this.#writeHead({ status, reason: '', fields }, undefined)
  }

  protected write(piece: Uint8Array): boolean {
    const { response } = this
    // Its end is about to be told.
    if (response.destroyed || response.writableEnded) return false
    const taken = response.write(piece)
    if (!taken) response.once('drain', () => this.taken())
    return taken
  }

  protected complete(): void {
    this.response.end()
  }

  /** A message that ends with its connection looks whole when that ends in order (RFC 9112 §8). */
  protected breakOff({ type }: GatewayError): void {
    const { response } = this
    if (type !== 'client_closed' && !response.destroyed && response.headersSent) {
      // A head that has not left yet goes first: it is part of what the client can see broken.
      response.flushHeaders()
      const untilClose = !response.chunkedEncoding && this.#expected === undefined
      if (untilClose && response.socket) breakOff(response.socket)
    }
    response.destroy()
  }

  /** Or has its answer: there is nobody to send anything to. */
  clientLeft(): void {
    if (this.phase === 'tunnel') return
    if (!this.response.writableFinished) this.fail(clientClosed(this.phase))
    else if (!this.incoming.complete) this.#listenOn()
    this.finish()
  }

  /** Somebody in front has, and refused it perhaps: nothing of it goes on. */
  hasBeenAnswered(): boolean {
    if (!this.response.writableEnded) return false
    this.finish()
    return true
  }

  /** A client that still sends can read its answer first (RFC 9112 §9.6). */
  #listenOn(): void {
    const { socket, httpVersionMajor } = this.incoming
    if (httpVersionMajor > 1) return
    this.incoming.once('end', () => socket.destroy())
    listenOn(socket)
  }

  /** The connection ends after it. */
  get isLast(): boolean {
    return this.incoming.httpVersionMajor === 1 && !this.response.shouldKeepAlive
  }

  protected override over(): void {
    if (this.responseTaken && this.response.headersSent) this.status = this.response.statusCode
    // An answer that came before the whole request was sent leaves an upstream connection that nobody can use again; one
    // that somebody else has given leaves an answer of the upstream that nobody takes.
    const isElsewhere = this.status === 0 && this.response.headersSent
    if (this.failed === undefined && (isElsewhere || !this.incoming.complete))
      this.cancel(clientClosed('requestBody'))
    this.#letGoOfContent?.()
  }
}

/** Whether the client says it reads trailers, and its version can carry them (RFC 9110 §6.5.1). */
function takesTrailers(incoming: IncomingMessage): boolean {
  return incoming.httpVersion !== '1.0' && wantsTrailers(incoming.rawHeaders)
}
