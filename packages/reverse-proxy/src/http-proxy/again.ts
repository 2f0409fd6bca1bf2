/** A client's request for a second reader, or with other content than came with it. */

import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex, type Readable } from 'node:stream'

/** The same request, with its content from elsewhere. Content that is not as long as the head says is an error. */
export class Again extends IncomingMessage {
  readonly #content: Readable | undefined
  /** Bytes that have yet to come; Infinity when the head does not say. */
  #left = Number.POSITIVE_INFINITY
  readonly #isBounded: boolean = false

  /**
   * @param content None at all when it is undefined: the request says so then.
   * @param isOther It is not what came with the request, which may have had none.
   */
  constructor(
    request: IncomingMessage,
    content: Readable | undefined,
    {
      socket = request.socket,
      isOther = false,
    }: { readonly socket?: Socket; readonly isOther?: boolean } = {},
  ) {
    super(socket)
    const { httpVersion, httpVersionMajor, httpVersionMinor, method, url, rawHeaders } = request
    Object.assign(this, { httpVersion, httpVersionMajor, httpVersionMinor, method, url })
    // Over HTTP/2 frames say whether there is content, and not fields.
    const { stream } = request as { readonly stream?: { readonly endAfterHeaders: boolean } }
    if (stream !== undefined)
      Object.assign(this, {
        stream: { endAfterHeaders: content === undefined || (!isOther && stream.endAfterHeaders) },
      })
    this.rawHeaders = content === undefined ? withoutContent(rawHeaders) : rawHeaders
    this.#content = content
    this.on('error', () => {})
    if (content === undefined) {
      this.#end()
      return
    }
    const { 'content-length': length, 'transfer-encoding': coding } = request.headers
    if (coding === undefined && length !== undefined) {
      this.#isBounded = true
      this.#left = Number(length)
    } else if (coding === undefined && isOther && httpVersion === '1.1')
      this.rawHeaders = [...rawHeaders, 'Transfer-Encoding', 'chunked']
    content.on('data', (chunk: Buffer) => {
      this.#left -= chunk.length
      if (this.#left < 0) this.destroy(new Error('The content is longer than the request says'))
      else if (!this.push(chunk)) content.pause()
    })
    content.once('end', () => {
      if (this.#isBounded && this.#left > 0)
        this.destroy(new Error('The content is shorter than the request says'))
      else this.#end()
    })
    content.once('error', (cause) => this.destroy(cause))
    content.pause()
  }

  #end(): void {
    this.complete = true
    this.push(null)
  }

  override _read(): void {
    this.#content?.resume()
  }

  /** The connection is not this request's to end. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    done(error)
  }
}

const ofContent = new Set(['content-length', 'transfer-encoding', 'trailer', 'expect'])

function withoutContent(raw: readonly string[]): string[] {
  return raw.filter((_, i) => !ofContent.has((raw[i - (i % 2)] as string).toLowerCase()))
}

/** A connection on which nobody listens: what is written to it is gone. It tells of itself what the client's does. */
export class Nowhere extends Duplex {
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly encrypted: boolean

  constructor(client: Socket) {
    super()
    this.remoteAddress = client.remoteAddress
    this.remotePort = client.remotePort
    this.encrypted = 'encrypted' in client
    this.on('error', () => {})
  }

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: BufferEncoding, done: () => void): void {
    done()
  }

  setTimeout(): this {
    return this
  }

  destroySoon(): void {
    this.destroy()
  }
}
