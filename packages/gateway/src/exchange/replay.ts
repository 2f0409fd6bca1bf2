/** The content of a request as it has come so far, kept so that an attempt can be made again from its beginning. */

export class Replay {
  readonly #limit: number
  #pieces: Uint8Array[] | undefined = []
  #bytes = 0

  /** @param limit Bytes that are kept. A content that is longer cannot be sent again. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** All that has come is here. */
  get isWhole(): boolean {
    return this.#pieces !== undefined
  }

  keep(piece: Uint8Array): void {
    this.#bytes += piece.length
    if (this.#bytes > this.#limit) this.#pieces = undefined
    else this.#pieces?.push(piece)
  }

  /** The pieces from the nth on, those that come meanwhile too. */
  at(nth: number): Uint8Array | undefined {
    return this.#pieces?.[nth]
  }
}
