/** Giving the memory of chunks back without waiting for the garbage collector. */

import { OutgoingMessage } from 'node:http'
import type { Writable } from 'node:stream'

/** Beyond this many the rest is left to the garbage collector: references that are kept must not become a leak. */
const most = 16

/**
 * Frees the chunks of a body once they are out. Left to the garbage collector, a hundred megabytes of them lie about, each
 * new one is memory that no cache knows, and a large transfer costs a fifth more.
 */
export class Releaser {
  readonly #message: Writable
  readonly #chunks: Uint8Array[] = []
  /** Where a middleware takes the chunks over, to compress them perhaps, nobody knows when it is done with them. */
  readonly #safe: boolean

  constructor(message: Writable) {
    this.#message = message
    this.#safe = message.write === OutgoingMessage.prototype.write
  }

  /** To be called before the chunk is written: what was written before it is out if nothing waits. */
  add(chunk: Uint8Array): void {
    if (!this.#safe || this.#message.destroyed) return
    if (this.#message.writableLength === 0) this.#free()
    if (this.#chunks.push(chunk) > most) this.#chunks.length = 0
  }

  #free(): void {
    for (const chunk of this.#chunks) release(chunk)
    this.#chunks.length = 0
  }
}

/** Frees a chunk that nobody will look at again, if it is all there is of its memory. */
export function release({ buffer, byteLength }: Uint8Array): void {
  if (byteLength > 0 && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0)
}
