/** Whether an endpoint may be asked, by what became of the attempts before. Who fails is left alone for a while, then tried once. */

import { CircuitState, type IBreaker } from 'cockatiel'
import type { Clock } from './clock.ts'

export interface CircuitOptions {
  /** Decides on what is too much. */
  readonly breaker: () => IBreaker
  readonly coolOff: number
  readonly longestCoolOff: number
}

export class Circuit {
  readonly #options: CircuitOptions
  readonly #clock: Clock
  #breaker: IBreaker
  /** Until when it is left alone; undefined while it is closed. */
  #until: number | undefined
  #closedAt = Number.NEGATIVE_INFINITY
  #lastCoolOff = 0
  #trial = false
  /** How often in a row it has been opened. */
  openings = 0

  constructor(options: CircuitOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
    this.#breaker = options.breaker()
  }

  get isClosed(): boolean {
    return this.#until === undefined
  }

  /** Milliseconds until it may be tried. */
  get wait(): number {
    return this.#until === undefined ? 0 : Math.max(0, this.#until - this.#clock.now())
  }

  /** One attempt at a time, once it has been left alone for long enough. */
  get allows(): boolean {
    return this.#until === undefined || (!this.#trial && this.wait === 0)
  }

  /** An attempt begins. @returns whether it is the one by which it is tried. */
  begin(): boolean {
    if (this.#until === undefined || this.#trial || this.wait > 0) return false
    this.#trial = true
    return true
  }

  /** The trial has ended without telling anything: the client left, or a hook threw. */
  undecided(): void {
    this.#trial = false
  }

  /** @returns whether that has closed it. */
  succeeded(trial: boolean): boolean {
    if (this.#until === undefined) this.#breaker.success(CircuitState.Closed)
    if (this.#until === undefined || !trial) return false
    this.#until = undefined
    this.#trial = false
    this.#closedAt = this.#clock.now()
    this.#breaker = this.#options.breaker()
    return true
  }

  /** @returns whether that has opened it. */
  failed(trial: boolean): boolean {
    if (this.#until !== undefined) {
      // What was under way when it was opened says nothing new.
      if (trial) this.#open()
      return false
    }
    if (!this.#breaker.failure(CircuitState.Closed)) return false
    const now = this.#clock.now()
    // It has been well for long enough to begin anew.
    if (now - this.#closedAt > this.#lastCoolOff) this.openings = 0
    this.#open()
    return true
  }

  #open(): void {
    const { coolOff, longestCoolOff } = this.#options
    this.#lastCoolOff = Math.min(coolOff * 2 ** this.openings++, longestCoolOff)
    this.#until = this.#clock.now() + this.#lastCoolOff
    this.#trial = false
  }
}
