/** One message that is being sent: a head, then content in the framing that the head announced. */

import { GatewayError } from '@relayrace/gateway'
import type { Framing } from '@relayrace/gateway/strategy'
import { fieldLines } from './head.ts'
import type { Wire } from './wire.ts'

const lineEnd = Buffer.from('\r\n', 'latin1')
/** Copying this much costs less than handing the kernel several parts. */
const small = 16 * 1024
/** Where heads and small pieces are put together for one write. */
let scratch = Buffer.allocUnsafeSlow(small + 4 * 1024)

export class Outbound {
  readonly wire: Wire
  /** Bytes of content written. */
  bytes = 0
  ended = false

  /** A head that waits for the first piece, so that both leave in one write. */
  #held = ''
  readonly #framing: Framing
  /** Pieces carry their chunk framing already. */
  readonly #verbatim: boolean
  #left: number

  constructor(wire: Wire, framing: Framing, verbatim = false) {
    this.wire = wire
    this.#framing = framing
    this.#verbatim = verbatim
    this.#left = framing.kind === 'length' ? framing.length : Number.POSITIVE_INFINITY
  }

  /** Writes a head. It leaves with the first piece of content, or with `flush`. */
  head(text: string): void {
    this.#held += text
  }

  /** Takes a head back that has not left yet. @returns whether that was so. */
  retract(): boolean {
    const held = this.#held !== '' && this.bytes === 0
    if (held) this.#held = ''
    return held
  }

  /** Whether the receiver took it all. If not, the wire's `drained` follows. */
  flush(): boolean {
    if (this.#held === '') return true
    const text = this.#held
    this.#held = ''
    return this.wire.write(text)
  }

  /** Whether the receiver took it all. @throws GatewayError when it is more than Content-Length said. */
  content(piece: Buffer, from: Wire): boolean {
    // An empty chunk would be the last one.
    if (piece.length === 0) return true
    this.bytes += piece.length
    this.#left -= piece.length
    if (this.#left < 0 || this.#framing.kind === 'none') {
      throw new GatewayError('proxy_internal_error', {
        phase: 'responseBody',
        detail: 'more content than announced',
      })
    }
    const framed = this.#framing.kind === 'chunked' && !this.#verbatim
    const before = framed ? `${this.#held}${piece.length.toString(16)}\r\n` : this.#held
    this.#held = ''
    if (before === '') return this.wire.write(from.own(piece))
    return this.#gathered(before, piece, framed, from)
  }

  /** Ends the message. @throws GatewayError when it is less than Content-Length said. */
  end(trailers: readonly string[] = []): boolean {
    if (this.#framing.kind === 'length' && this.#left > 0) {
      throw new GatewayError('http_response_incomplete', { phase: 'responseBody' })
    }
    this.ended = true
    if (this.#framing.kind === 'chunked') this.#held += `0\r\n${fieldLines(trailers)}\r\n`
    return this.flush()
  }

  /** One write for a small piece and what goes before it, one system call for a large one. */
  #gathered(before: string, piece: Buffer, framed: boolean, from: Wire): boolean {
    const after = framed ? lineEnd.length : 0
    const length = before.length + piece.length + after
    if (piece.length <= small && length <= scratch.length) {
      const all = scratch.subarray(0, length)
      all.write(before, 0, 'latin1')
      all.set(piece, before.length)
      if (framed) all.set(lineEnd, before.length + piece.length)
      const taken = this.wire.write(all)
      // What the kernel has not taken will be written from there.
      if (!taken) scratch = Buffer.allocUnsafeSlow(scratch.length)
      return taken
    }
    return framed
      ? this.wire.writeTogether(before, from.own(piece), lineEnd)
      : this.wire.writeTogether(before, from.own(piece))
  }
}
