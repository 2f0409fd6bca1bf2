/** A connection to an upstream: one exchange at a time, kept for the next when nothing speaks against it. */

import net, { type NetConnectOpts } from 'node:net'
import tls from 'node:tls'
import { Fields, GatewayError, type Phase } from '@relayrace/gateway'
import {
  checkTls,
  connectionOptions,
  type Endpoint,
  endedInOrder,
  type Framing,
  noContent,
  responseFraming,
  type Settings,
  servername,
  tlsToward,
  unexpectedEnd,
  upstreamFailure,
  watchCloseNotify,
} from '@relayrace/gateway/strategy'
import { parseResponseHead, type StatusLine } from './head.ts'
import { Inbound } from './inbound.ts'
import { Malformed, type MessageEvents, MessageReader } from './message.ts'
import { Outbound } from './outbound.ts'
import type { Sessions } from './sessions.ts'
import { Wire, type WireEvents } from './wire.ts'

/** Who has asked. */
export interface Asker {
  /** The connection is being made: which phase it is in. */
  connecting(phase: Phase): void
  /** An interim response, 101 excepted. */
  informed(head: StatusLine): void
  /** The response head, and where its content will come. Throwing gives the connection up. */
  answered(head: StatusLine, content: Inbound): void
  /** 101: from here on the connection speaks another protocol. `early` is what has come of it already. */
  switched(head: StatusLine, early: Buffer): void
  /** All that has come so far was handed over: what is held back for more need not be. */
  caughtUp(): void
  /** More of the request can be sent. */
  drained(): void
  /** There will be no complete answer. `stale`: the connection had been idle, and not a byte has come on it since. */
  lost(error: GatewayError, stale: boolean): void
}

/** Who keeps idle connections. */
export interface Keeper {
  readonly sessions: Sessions
  idle(connection: UpstreamConnection): void
  gone(connection: UpstreamConnection): void
  becomesTunnel(connection: UpstreamConnection): void
}

/** Between two addresses of a name the first is given this long before the second is tried, in ms. */
const attempt = 1_000
/** TCP keep-alive: how long a silent connection is trusted, in ms. */
export const probeAfter = 30_000

export class UpstreamConnection implements WireEvents, MessageEvents {
  readonly wire: Wire
  readonly address: string
  /** Who may ask on it. */
  readonly key: string
  /** In ms of `performance.now()`. */
  readonly begun: number = performance.now()
  /** Exchanges before the current one. */
  exchanges = 0
  /** For the pool: when it gives an idle connection up, in ms of `performance.now()`. */
  expires = 0
  /** Milliseconds the upstream says that it keeps an idle connection (`Keep-Alive: timeout=`). */
  hint: number = Number.POSITIVE_INFINITY

  readonly #keeper: Keeper
  readonly #reader: MessageReader
  #asker: Asker | undefined
  #method = ''
  #out: Outbound | undefined
  #content: Inbound | undefined
  #interim = false
  #switching: StatusLine | undefined
  #reusable = true
  #heard = false
  #fieldsLimit: number

  constructor(endpoint: Endpoint, key: string, settings: Settings, asker: Asker, keeper: Keeper) {
    this.address = endpoint.address
    this.key = key
    this.#keeper = keeper
    this.#asker = asker
    this.#fieldsLimit = settings.limits.fields
    this.#reader = new MessageReader(this, { head: settings.limits.responseHead })
    this.wire = endpoint.secure
      ? this.#secure(endpoint, settings)
      : Wire.connect(address(endpoint, settings), this)
    const { socket } = this.wire
    asker.connecting(
      endpoint.socketPath === undefined && net.isIP(endpoint.hostname) === 0 ? 'dns' : 'connect',
    )
    socket.once('lookup', () => this.#asker?.connecting('connect'))
    if (endpoint.secure) {
      socket.once('connect', () => this.#asker?.connecting('tls'))
      socket.once('secureConnect', () => this.#asker?.connecting('responseHead'))
    } else {
      socket.once('connect', () => this.#asker?.connecting('responseHead'))
    }
  }

  #secure(endpoint: Endpoint, settings: Settings): Wire {
    const { sessions } = this.#keeper
    const its = tlsToward(endpoint, settings)
    checkTls(its)
    const socket = tls.connect({
      ...address(endpoint, settings),
      ...its,
      servername: servername(its, endpoint.hostname),
      session: sessions.get(this.address),
      allowHalfOpen: true,
      ALPNProtocols: ['http/1.1'],
    } as never)
    // Node tells of a session only once the certificate was found good.
    socket.on('session', (session) => sessions.keep(this.address, session))
    // It may be the session that the upstream cannot cope with.
    socket.on('error', () => sessions.drop(this.address))
    return Wire.flowing(watchCloseNotify(socket), this)
  }

  /** Sends a request head. It leaves with the first piece of content, or with `flush`. */
  ask(method: string, head: string, framing: Framing, verbatim: boolean, asker: Asker): Outbound {
    this.#asker = asker
    this.#method = method
    this.#heard = false
    this.#content = undefined
    this.#out = new Outbound(this.wire, framing, verbatim)
    this.#out.head(head)
    this.wire.bulk = false
    return this.#out
  }

  /** Content in chunks is wanted with its framing, not decoded. To be said while the head is handed over. */
  set verbatim(verbatim: boolean) {
    this.#reader.verbatim = verbatim
  }

  /** Nothing of the content has been looked at: `verbatim` can still be chosen. */
  get untouched(): boolean {
    return this.#reader.untouched
  }

  /** Content received of the current response, without framing. */
  get contentBytes(): number {
    return this.#reader.contentBytes
  }

  /** Nobody wants the rest of what it carries. */
  abandon(): void {
    this.#asker = undefined
    this.wire.socket.destroy()
  }

  /** The connection speaks another protocol from here on. */
  handOver(events: WireEvents): void {
    this.#asker = undefined
    this.#keeper.becomesTunnel(this)
    this.wire.events = events
  }

  // ---- the wire

  received(bytes: Buffer): void {
    this.#heard = true
    try {
      this.#read(bytes)
      this.#asker?.caughtUp()
    } catch (error) {
      this.#lose(error instanceof Malformed ? malformed(error) : error)
    }
  }

  ended(): void {
    const inOrder = endedInOrder(this.wire.socket)
    if (inOrder && this.#asker !== undefined && this.#reader.finish()) return
    this.#lose(inOrder ? undefined : unexpectedEnd())
  }

  drained(): void {
    this.#asker?.drained()
  }

  closed(error: Error | undefined): void {
    this.#keeper.gone(this)
    this.#lose(error)
  }

  // ---- the message

  head(text: string): Framing {
    const head = parseResponseHead(text)
    if (head.raw.length > this.#fieldsLimit * 2) {
      throw new GatewayError('http_response_header_section_size', { phase: 'responseHead' })
    }
    const asker = this.#asker as Asker
    const framing = responseFraming(this.#method, head.status, head.raw)
    if (head.status === 101) {
      this.#switching = head
      return noContent
    }
    if (head.status < 200) {
      this.#interim = true
      asker.informed(head)
      return noContent
    }
    if (head.version === '1.0' && framing.kind === 'chunked') {
      throw new GatewayError('http_response_transfer_coding', { phase: 'responseHead' })
    }
    this.#reusable = framing.kind !== 'close' && staysOpen(head)
    this.hint = keepAliveHint(head)
    this.wire.bulk =
      framing.kind === 'chunked' ||
      framing.kind === 'close' ||
      (framing.kind === 'length' && framing.length > 16_384)
    this.#content = new Inbound(this.wire, framing)
    this.#reader.verbatim = false
    asker.answered(head, this.#content)
    return framing
  }

  content(piece: Buffer): void {
    this.#content?.deliver(piece)
  }

  end(trailers: readonly string[]): void {
    if (this.#interim || this.#switching !== undefined) {
      this.#interim = false
      return
    }
    this.wire.bulk = false
    this.#content?.finish(trailers)
  }

  /** The exchange is over on both sides: the connection is free, or not fit to be used again. */
  release(): void {
    this.#asker = undefined
    const { socket } = this.wire
    if (
      this.#reusable &&
      this.#out?.ended === true &&
      this.#reader.idle &&
      !socket.destroyed &&
      !socket.readableEnded
    ) {
      this.exchanges++
      this.#keeper.idle(this)
    } else {
      socket.destroy()
    }
  }

  #read(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) {
      // An answer to nobody: whoever asks next on this connection would get it (RFC 9112 §11.1).
      if (this.#asker === undefined || this.#content?.complete === true) {
        this.#reusable = false
        if (this.#asker === undefined) this.wire.socket.destroy()
        return
      }
      at += this.#reader.read(at === 0 ? bytes : bytes.subarray(at))
      if (this.#switching !== undefined) {
        this.#asker.switched(this.#switching, Buffer.from(bytes.subarray(at)))
        return
      }
    }
  }

  #lose(cause: unknown): void {
    const asker = this.#asker
    this.#asker = undefined
    // A response that is complete already loses nothing with its connection.
    if (asker !== undefined && this.#content?.complete !== true) {
      const phase = this.#content === undefined ? 'responseHead' : 'responseBody'
      asker.lost(upstreamFailure(cause, phase), this.exchanges > 0 && !this.#heard)
    }
    this.wire.socket.destroy()
  }
}

function address(endpoint: Endpoint, { lookup }: Settings): NetConnectOpts {
  const common = { noDelay: true, keepAlive: true, keepAliveInitialDelay: probeAfter }
  if (endpoint.socketPath !== undefined) return { ...common, path: endpoint.socketPath }
  return {
    ...common,
    host: endpoint.hostname,
    port: endpoint.port,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: attempt,
    ...(lookup !== undefined && { lookup }),
  }
}

function staysOpen(head: StatusLine): boolean {
  return head.version === '1.1' && !connectionOptions(head.raw).includes('close')
}

/** A server closes what it calls idle at about that time; a second earlier is safe. */
function keepAliveHint(head: StatusLine): number {
  const value = new Fields(head.raw).get('keep-alive')
  const seconds = value === undefined ? undefined : /(?:^|[,\s])timeout=(\d{1,6})/i.exec(value)?.[1]
  return seconds === undefined ? Number.POSITIVE_INFINITY : Math.max(0, Number(seconds) * 1_000 - 1_000)
}

function malformed(error: Malformed): GatewayError {
  if (error.tooLarge === 'head')
    return new GatewayError('http_response_header_section_size', { phase: 'responseHead', cause: error })
  return new GatewayError('http_protocol_error', { phase: 'responseBody', cause: error })
}
