/**
 * Requests that name another protocol (RFC 9110 §7.8), as node:http hands them out: it has let go of the socket, with what
 * it had read beyond the request. Up to Node 22 the request is the head alone. Newer Node reads its content as well, and as
 * long as that is not complete hands out a stream in place of the socket.
 */

import http, { type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex, PassThrough } from 'node:stream'
import { listOfTokens } from '../contract/fields.ts'
import { listenOn } from './linger.ts'

/** What a client may send of the other protocol before the answer, in bytes. Who sends more is cut off. */
const mostAhead = 64 * 1024

/**
 * Reads on until the answer comes: that a client has gone away is heard only on a socket that is read.
 * @returns what stops it, and gives what has been read.
 */
export function readAhead(socket: Socket, head: Buffer): () => Buffer {
  const pieces = [head]
  let length = head.length
  const keep = (piece: Buffer): void => {
    pieces.push(piece)
    length += piece.length
    if (length > mostAhead) socket.destroy()
  }
  const gone = (): void => {
    socket.destroy()
  }
  socket.on('data', keep).on('end', gone)
  return () => {
    socket.off('data', keep).off('end', gone).pause()
    return Buffer.concat(pieces)
  }
}

let known: boolean | undefined

/** Whether this version of Node reads the content of an upgrade. */
export function readsContent(): boolean {
  if (known !== undefined) return known
  known = false
  const server = http.createServer().on('upgrade', (request: IncomingMessage) => {
    known = request.readableLength > 0
  })
  const connection = new PassThrough()
  server.emit('connection', connection)
  const request =
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: a\r\nContent-Length: 1\r\n\r\na'
  connection.emit('data', Buffer.from(request))
  connection.destroy()
  return known
}

/** Node's stream in place of the socket fails as the socket does, and ends the socket itself unless it may be half open. */
export function acceptReplacement(stream: Duplex): void {
  stream.allowHalfOpen = true
  stream.on('error', () => {})
}

/** What has come behind content that Node has read, which nobody but us listens to from now on. */
export function behindContent(socket: Socket, stream: Duplex): Buffer {
  socket.removeAllListeners('data').pause()
  return stream.read() ?? Buffer.alloc(0)
}

/** The head again, as that of a request which stays HTTP: one that a parser reads with its content. */
export function withoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    let value = rawHeaders[i + 1] as string
    const lower = name.toLowerCase()
    if (lower === 'upgrade') continue
    if (lower === 'connection')
      value = listOfTokens(value)
        .filter((option) => option !== 'upgrade')
        .join(', ')
    text += `${name}: ${value}\r\n`
  }
  return Buffer.from(`${text}\r\n`, 'latin1')
}

/**
 * A client's connection as a parser of node:http sees it that reads the content of an upgrade: given back when the other
 * protocol begins.
 */
export class BorrowedConnection extends Duplex {
  readonly client: Socket
  readonly protocols: readonly string[]
  /** As the request came. */
  readonly rawHeaders: string[]
  /** Something came behind the content in the same read as its end: it cannot be told what the parser has taken of it. */
  ambiguous = false
  #behind: (() => Buffer) | undefined
  #returned = false
  /** Bytes of the request that have not come yet; Infinity while its content is chunked. */
  #left: number
  #endsInLine = true

  constructor(client: Socket, length: number, { rawHeaders }: IncomingMessage, protocols: readonly string[]) {
    super()
    this.#left = length
    this.client = client
    this.rawHeaders = rawHeaders
    this.protocols = protocols
    client.on('data', this.#pass)
    client.on('end', this.#end)
    client.once('close', () => this.#returned || this.destroy())
  }

  readonly #pass = (piece: Buffer): void => {
    const mine = piece.subarray(0, this.#left)
    this.#left -= mine.length
    this.#endsInLine = mine.at(-1) === 0x0a
    if (this.#left > 0) {
      if (!this.push(mine)) this.client.pause()
      return
    }
    this.push(mine)
    // Whoever takes the content may be busy.
    this.#readAhead(Buffer.from(piece.subarray(mine.length)))
  }

  readonly #end = (): void => {
    this.push(null)
  }

  /** The content is complete: what comes from now on is not for the parser. */
  contentEnded(): void {
    if (this.#behind !== undefined) return
    // What came in the same read as the end of chunked content has gone to the parser.
    if (this.#left > 0 && (this.readableLength > 0 || !this.#endsInLine)) this.ambiguous = true
    this.#readAhead(Buffer.alloc(0))
  }

  #readAhead(head: Buffer): void {
    this.client.off('data', this.#pass).off('end', this.#end)
    this.#behind = readAhead(this.client, head)
    this.client.resume()
  }

  /** Nobody else writes to the client, or reads, from now on. Gives what has come behind the content. */
  giveBack(): Buffer {
    this.#returned = true
    this.destroy()
    return this.#behind?.() ?? Buffer.alloc(0)
  }

  get remoteAddress(): string | undefined {
    return this.client.remoteAddress
  }

  get remotePort(): number | undefined {
    return this.client.remotePort
  }

  get encrypted(): boolean {
    return 'encrypted' in this.client
  }

  override _read(): void {
    if (this.#left > 0 && this.#behind === undefined) this.client.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.client.write(chunk, done)
  }

  override _final(done: () => void): void {
    this.#behind?.()
    this.#behind = undefined
    done()
    listenOn(this.client)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // Ended already, it may be listened to a little longer.
    if (!this.#returned && !this.client.writableEnded) this.client.destroy()
    done(error)
  }
}
