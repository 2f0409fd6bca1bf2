/** A client of HTTP/2: a proper one for proper requests, and single frames for what no proper client would send. */

import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
} from 'node:http2'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { inTime, Missed } from '@relayrace/fixtures/wire'

const patience = 4000

export interface Http2Client extends AsyncDisposable {
  readonly session: ClientHttp2Session
  ask(fields: OutgoingHttpHeaders, options?: AskOptions): Asking
  /** The GOAWAY frames that came so far. */
  readonly goaways: readonly Goaway[]
  /** Waits for the first of them. */
  goaway(): Promise<Goaway>
  /** Waits until the connection is gone. */
  ended(): Promise<void>
}

export interface AskOptions {
  /** False when content follows. */
  readonly endStream?: boolean
  readonly trailers?: OutgoingHttpHeaders
}

interface Goaway {
  readonly code: number
  readonly lastStream: number
}

type Fields = IncomingHttpHeaders & IncomingHttpStatusHeader

export interface Asking {
  readonly stream: ClientHttp2Stream
  /** Waits for the head of the final response. */
  head(): Promise<Fields>
  /** Waits until the stream has ended, and says how. */
  ended(): Promise<{ readonly code: number; readonly content: string; readonly whole: boolean }>
  readonly informational: readonly Fields[]
  /** Waits until there are n of them. */
  interim(n: number): Promise<readonly Fields[]>
  readonly trailers: Fields | undefined
}

export async function http2Client(target: URL): Promise<Http2Client> {
  // Who is asked is known: the target was just started.
  const session = connectHttp2(target, { rejectUnauthorized: false, maxHeaderListPairs: 4_000 })
  session.on('error', () => {})
  const goaways: Goaway[] = []
  const { promise: goaway, resolve: toldToGo } = Promise.withResolvers<Goaway>()
  session.on('goaway', (code: number, lastStream: number) => {
    goaways.push({ code, lastStream })
    toldToGo({ code, lastStream })
  })
  const gone = new Promise<void>((resolve) => session.once('close', resolve))
  await within(once(session, 'connect'), 'no HTTP/2 connection came about')
  return {
    session,
    goaways,
    goaway: () => within(goaway, 'no GOAWAY came'),
    ended: () => within(gone, 'the connection did not end'),
    ask(fields, { endStream = true, trailers: own } = {}) {
      const stream = session.request(
        { ':authority': 'a', ...fields },
        { endStream, waitForTrailers: own !== undefined },
      )
      if (own) stream.once('wantTrailers', () => stream.sendTrailers(own))
      const informational: Fields[] = []
      let head: Fields | undefined
      let trailers: Fields | undefined
      let content = ''
      let whole = false
      stream.on('error', () => {})
      stream.on('headers', (fields) => informational.push(fields))
      stream.on('trailers', (fields) => {
        trailers = fields
      })
      stream.setEncoding('latin1').on('data', (text: string) => {
        content += text
      })
      stream.on('end', () => {
        whole = stream.rstCode === 0
      })
      const answered = new Promise<Fields | undefined>((resolve) => {
        stream.once('response', (fields) => {
          head = fields
          resolve(fields)
        })
        stream.once('close', () => resolve(head))
      })
      const closed = new Promise<void>((resolve) => stream.once('close', resolve))
      return {
        stream,
        informational,
        interim(n) {
          const { promise, resolve } = Promise.withResolvers<readonly Fields[]>()
          const look = (): void => {
            if (informational.length >= n) resolve(informational)
          }
          stream.on('headers', look)
          look()
          return within(promise, `${informational.length} interim responses came, not ${n},`)
        },
        get trailers() {
          return trailers
        },
        async head() {
          const fields = await within(answered, 'no response head came')
          if (!fields)
            throw new Missed(`the stream was closed with code ${stream.rstCode} without a response`)
          return fields
        },
        async ended() {
          await within(closed, `the stream did not end (${content.length} bytes of content came)`)
          const code = stream.rstCode ?? 0
          return { code, content, whole: whole && code === 0 }
        },
      }
    },
    async [Symbol.asyncDispose]() {
      session.destroy()
    },
  }
}

export const frameTypes = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  CONTINUATION: 9,
} as const
const cancel = Buffer.from([0, 0, 0, 8])
const pinged = Buffer.from('relayrac')
export const END_STREAM = 1
const END_HEADERS = 4

/** What became of a request that was written frame by frame. */
export type Fate = 'reset' | 'connection closed' | 'answered'

/**
 * Sends fields that may be anything, in the order given, and content, and waits for the server's word on them. With
 * `reset` the request has no end: its stream is reset once that has resolved.
 */
export async function askInFrames(
  target: URL,
  fields: readonly (readonly [name: string, value: string])[],
  content: readonly string[] = [],
  { reset, signal }: { readonly reset?: () => Promise<unknown>; readonly signal?: AbortSignal } = {},
): Promise<Fate> {
  const socket = await inFrames(target, signal)
  try {
    socket.write(headers(1, fields, END_HEADERS | (content.length > 0 ? 0 : END_STREAM)))
    content.forEach((part, index) => {
      const last = index === content.length - 1 && !reset
      socket.write(frame(frameTypes.DATA, last ? END_STREAM : 0, 1, Buffer.from(part, 'latin1')))
    })
    if (reset) {
      await reset()
      socket.write(frame(frameTypes.RST_STREAM, 0, 1, cancel))
      // Nothing more is said about such a stream, but the connection has to be there until that was read.
      await within(ping(socket), 'the server said nothing to a PING')
      return 'reset'
    }
    return await within(
      new Promise<Fate>((resolve) => {
        socket.on('close', () => resolve('connection closed'))
        eachFrame(socket, (type, stream) => {
          if (type === frameTypes.GOAWAY) resolve('connection closed')
          if (type === frameTypes.RST_STREAM && stream === 1) resolve('reset')
          if (type === frameTypes.HEADERS && stream === 1) resolve('answered')
        })
      }),
      'the server said nothing about the request',
    )
  } finally {
    socket.destroy()
  }
}

/** One HEADERS frame. Without `END_HEADERS` the head has no end, and with `END_STREAM` there will be no content. */
export function headers(
  stream: number,
  fields: readonly (readonly [name: string, value: string])[],
  flags: number = END_HEADERS | END_STREAM,
): Buffer {
  return frame(frameTypes.HEADERS, flags, stream, block(fields))
}

/** More of a head that has no end. */
export function continuation(
  stream: number,
  fields: readonly (readonly [name: string, value: string])[],
): Buffer {
  return frame(frameTypes.CONTINUATION, 0, stream, block(fields))
}

/** A connection of which the preface has been sent, and nothing is read. */
export async function inFrames(target: URL, signal?: AbortSignal): Promise<Socket> {
  const socket = connectTls({
    host: target.hostname,
    port: Number(target.port),
    ALPNProtocols: ['h2'],
    rejectUnauthorized: false,
  })
  socket.on('error', () => {})
  signal?.addEventListener('abort', () => socket.destroy(), { once: true })
  await within(once(socket, 'secureConnect'), 'no TLS connection came about')
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  socket.write(frame(frameTypes.SETTINGS, 0, 0))
  return socket
}

function eachFrame(socket: Socket, told: (type: number | undefined, stream: number) => void): void {
  let rest = Buffer.alloc(0)
  socket.on('data', (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes])
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      told(rest[3], rest.readUInt32BE(5) & 0x7fff_ffff)
      rest = rest.subarray(9 + rest.readUIntBE(0, 3))
    }
  })
}

/** Waits until a frame of this type has come. */
export async function hears(socket: Socket, type: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  eachFrame(socket, (came) => came === type && resolve())
  await within(promise, `no frame of type ${type} came`)
}

/** Whatever comes, until the other side has closed the connection. */
export async function closed(socket: Socket): Promise<void> {
  const gone = new Promise<void>((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })
  socket.resume()
  await within(gone, 'the connection was not closed')
}

async function ping(socket: Socket): Promise<void> {
  let heard = Buffer.alloc(0)
  const answered = new Promise<void>((resolve) => {
    socket.on('data', (bytes: Buffer) => {
      heard = Buffer.concat([heard, bytes])
      if (heard.includes(pinged)) resolve()
    })
    socket.on('close', () => resolve())
  })
  socket.write(frame(frameTypes.PING, 0, 0, pinged))
  await answered
}

function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

const block = (fields: readonly (readonly [name: string, value: string])[]): Buffer =>
  Buffer.concat(fields.map(([name, value]) => literal(name, value)))

/** A field as it is, neither indexed nor compressed (RFC 7541 §6.2.2). */
function literal(name: string, value: string): Buffer {
  const text = (part: string): Buffer => {
    const bytes = Buffer.from(part, 'latin1')
    if (bytes.length > 126) throw new RangeError('longer than one byte of length can say')
    return Buffer.concat([Buffer.from([bytes.length]), bytes])
  }
  return Buffer.concat([Buffer.from([0]), text(name), text(value)])
}

const within = <Value>(waiting: Promise<Value>, missed: string): Promise<Value> =>
  inTime(waiting, patience, missed)
