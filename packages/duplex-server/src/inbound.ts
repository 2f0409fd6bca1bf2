/** The content of one message that is being received: pieces to whoever wants them, no faster than they are wanted. */

import type { Framing } from '@relayrace/gateway/strategy'
import type { Wire } from './wire.ts'

/** Who takes the content of a message. */
export interface ContentConsumer {
  /**
   * A piece, valid during the call only: `from.own(piece)` keeps it. Returning false stops reading until
   * `Inbound.resume`.
   */
  content(piece: Buffer, from: Wire): boolean
  /** The content is complete. `trailers` is in `rawHeaders` layout. */
  end(trailers: readonly string[]): void
}

/** Kept before anybody wants it, in bytes. Until then the wire is read on: that a peer has gone is heard only so. */
const mostAhead = 16 * 1024

const nobody: ContentConsumer = { content: () => true, end: () => {} }

export class Inbound {
  readonly wire: Wire
  readonly framing: Framing
  /** All of it has been received. */
  complete = false
  /** Bytes of content, without chunk framing unless it is handed on verbatim. */
  bytes = 0

  #consumer: ContentConsumer | undefined
  #trailers: readonly string[] = []
  #held = false
  #ended = false
  /** Pieces that came while nobody wanted any. */
  #waiting: Buffer[] | undefined
  #ahead = 0
  /** Too much of that came. */
  #full = false

  constructor(wire: Wire, framing: Framing) {
    this.wire = wire
    this.framing = framing
  }

  /** Begins to take the content. What came before waits. */
  consume(consumer: ContentConsumer): void {
    this.#consumer = consumer
    // Whoever takes it over hears of its end as well.
    this.#ended = false
    if (this.#waiting !== undefined || this.complete) this.resume()
  }

  /** The receiver can take more. */
  resume(): void {
    if (this.#consumer === undefined) return
    // A wire that somebody else has paused is not ours to resume.
    const pausedHere = this.#held || this.#full
    this.#held = this.#full = false
    while (this.#waiting !== undefined && !this.#held) {
      const piece = this.#waiting.shift() as Buffer
      if (this.#waiting.length === 0) this.#waiting = undefined
      this.#pass(piece)
    }
    if (this.#held) return
    if (pausedHere) this.wire.resume()
    if (this.complete) this.#end()
  }

  /** Somebody takes it. */
  get wanted(): boolean {
    return this.#consumer !== undefined && this.#consumer !== nobody
  }

  /** Reads on and drops what comes. */
  discard(): void {
    this.consume(nobody)
    this.resume()
  }

  deliver(piece: Buffer): void {
    this.bytes += piece.length
    if (this.#consumer !== undefined && !this.#held) {
      this.#pass(piece)
      return
    }
    const early = this.#consumer === undefined && !this.#full && this.#ahead + piece.length <= mostAhead
    // What the wire owns is overwritten by the next read.
    const kept = early ? Buffer.from(piece) : this.wire.own(piece)
    if (this.#waiting === undefined) this.#waiting = [kept]
    else this.#waiting.push(kept)
    this.#ahead += piece.length
    if (early) return
    this.#full = true
    this.wire.pause()
  }

  finish(trailers: readonly string[]): void {
    this.complete = true
    this.#trailers = trailers
    // A receiver that is held has all that it was given; it only has to be told that there is no more.
    if (this.#consumer !== undefined && this.#waiting === undefined) this.#end()
  }

  #pass(piece: Buffer): void {
    if ((this.#consumer as ContentConsumer).content(piece, this.wire)) return
    this.#held = true
    this.wire.pause()
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#consumer?.end(this.#trailers)
  }
}
