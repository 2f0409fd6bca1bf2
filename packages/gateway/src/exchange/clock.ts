/** Time limits that cost one timer each, and know a slow sender from a slow receiver. */

/** `setTimeout` takes at most 2^31-1 ms and fires at once beyond it; a longer limit is no limit in practice. */
export const longest: number = 2 ** 31 - 1

export type Timer = ReturnType<typeof setTimeout> | undefined

/** Calls back after `ms`, or never. */
export function after(ms: number, callback: () => void): Timer {
  return ms > longest ? undefined : setTimeout(callback, ms)
}

/**
 * Watches one body on its way. While the sender is waited for, `silence` runs; while the receiver is, `drain` does. Each
 * starts anew with every piece that moves.
 */
export class BodyClock {
  readonly #silence: number
  readonly #drain: number
  readonly #held: () => boolean
  readonly #expired: (held: boolean) => void
  readonly #first: number
  #timer: Timer
  #moved = 0

  /**
   * @param held Whether we hold the sender back, because the receiver has not taken what we have.
   * @param expired Called once, with what `held` said.
   */
  constructor(
    limits: { silence: number; drain: number },
    held: () => boolean,
    expired: (held: boolean) => void,
  ) {
    this.#silence = limits.silence
    this.#drain = limits.drain
    this.#held = held
    this.#expired = expired
    this.#first = Math.min(limits.silence, limits.drain)
    this.#moved = performance.now()
    this.#timer = after(this.#first, this.#check)
  }

  /** A piece has moved: came in, or went out. */
  moved(): void {
    if (this.#timer === undefined) return
    this.#moved = performance.now()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  // The timer is not touched by `moved`, which runs for every chunk: it looks at the clock when it fires.
  readonly #check = (): void => {
    const held = this.#held()
    const left = this.#moved + (held ? this.#drain : this.#silence) - performance.now()
    if (left > 0) {
      this.#timer = after(Math.max(1, Math.min(left, this.#first)), this.#check)
      return
    }
    this.#timer = undefined
    this.#expired(held)
  }
}
