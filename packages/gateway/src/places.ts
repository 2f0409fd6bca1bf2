/** How many exchanges may have an upstream connection at once, of whatever kind: the others wait, in their order. */

import type { HttpExchange } from './exchange.ts'

export class Places {
  readonly #most: number
  #taken = 0
  readonly #queue = new Set<() => void>()

  constructor(most: number) {
    this.#most = most
  }

  get waiting(): number {
    return this.#queue.size
  }

  /**
   * Resolves when there is one, which has to be given back by `free`. Waiting is part of the phase `connect`.
   * @throws GatewayError, what ended the exchange meanwhile.
   */
  async take(exchange: HttpExchange): Promise<void> {
    if (this.#taken < this.#most) {
      this.#taken++
      return
    }
    exchange.enter('connect')
    await new Promise<void>((resolve, reject) => {
      this.#queue.add(resolve)
      exchange.onCancel((reason) => {
        this.#queue.delete(resolve)
        reject(reason)
      })
    })
  }

  free(): void {
    const [next] = this.#queue
    if (next === undefined) {
      this.#taken--
      return
    }
    this.#queue.delete(next)
    next()
  }
}
