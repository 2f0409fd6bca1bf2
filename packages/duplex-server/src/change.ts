/** Content that a hook changes on its way, or that is kept: pulled from where it comes, written no faster than it is taken. */

import type { ContentTransform } from '@relayrace/gateway'
import type { Replay } from '@relayrace/gateway/strategy'
import type { ContentConsumer, Inbound } from './inbound.ts'

/** Where it goes. */
export interface ChangeTarget {
  /** A piece of what comes. Returning false ends the reading: what has come is too much. */
  received(piece: Buffer): boolean
  /** A piece of what goes on. Returning false holds the writing until `drained`. */
  write(piece: Buffer): boolean
  end(trailers: readonly string[]): void
  failed(cause: unknown): void
}

export class Change implements ContentConsumer {
  readonly #content: Inbound
  readonly #target: ChangeTarget
  readonly #come: Uint8Array[] = []
  readonly #replay: Replay | undefined
  #trailers: readonly string[] = []
  #complete = false
  #stopped: Error | undefined
  /** It waits for what comes, or for the receiver. */
  #wake: (() => void) | undefined

  /** @param replay What has come before of the same content, and keeps what comes. */
  constructor(content: Inbound, transform: ContentTransform, target: ChangeTarget, replay?: Replay) {
    this.#content = content
    this.#replay = replay
    for (let nth = 0, kept = replay?.at(nth); kept !== undefined; kept = replay?.at(++nth))
      this.#come.push(kept)
    this.#target = target
    content.consume(this)
    void this.#run(transform)
  }

  content(piece: Buffer): boolean {
    if (!this.#target.received(piece)) return true
    // The buffer it was read into is read into again.
    const copy = Buffer.from(piece)
    this.#replay?.keep(copy)
    // It waits for the next attempt, if there may be one.
    if (this.#stopped !== undefined) return this.#replay?.isWhole !== true
    this.#come.push(copy)
    this.#goOn()
    return false
  }

  end(trailers: readonly string[]): void {
    this.#complete = true
    this.#trailers = trailers
    this.#goOn()
  }

  /** Something that has come waits to be asked for. */
  get isHeld(): boolean {
    return this.#come.length > 0
  }

  drained(): void {
    this.#goOn()
  }

  /** The exchange is over: nothing is written any more, and whoever waits for more is told. */
  stop(reason: Error): void {
    this.#stopped ??= reason
    this.#goOn()
  }

  #goOn(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  async *#source(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const piece = this.#come.shift()
      if (this.#stopped !== undefined) throw this.#stopped
      if (piece !== undefined) yield piece
      else if (this.#complete) return
      else {
        const more = this.#next()
        this.#content.resume()
        await more
      }
    }
  }

  async #run(transform: ContentTransform): Promise<void> {
    try {
      for await (const piece of transform(this.#source())) {
        if (this.#stopped !== undefined) return
        const { buffer, byteOffset, byteLength } = piece
        const taken = this.#target.write(Buffer.from(buffer, byteOffset, byteLength))
        if (!taken) await this.#next()
        if (this.#stopped !== undefined) return
      }
      this.#target.end(this.#trailers)
    } catch (cause) {
      if (this.#stopped === undefined) this.#target.failed(cause)
    }
  }
}
