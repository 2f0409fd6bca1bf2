/** How long an exchange was in each phase. Every millisecond counts for one phase only. */

import type { Phase } from '../contract/errors.ts'
import type { PhaseTimes } from '../contract/gateway.ts'

export class Stopwatch {
  readonly #times: Partial<Record<Phase, number>> = {}
  #phase: Phase
  #since = performance.now()

  constructor(phase: Phase) {
    this.#phase = phase
  }

  enter(phase: Phase): void {
    const now = performance.now()
    this.#times[this.#phase] = (this.#times[this.#phase] ?? 0) + now - this.#since
    this.#phase = phase
    this.#since = now
  }

  /** Where the time since the last phase began has gone; what is left of it is that phase's. */
  divide(times: PhaseTimes): void {
    const now = performance.now()
    for (const [phase, ms] of Object.entries(times) as [Phase, number][]) {
      this.#times[phase] = (this.#times[phase] ?? 0) + ms
      this.#since += ms
    }
    this.#since = Math.min(this.#since, now)
  }

  /** Up to now. */
  read(): PhaseTimes {
    this.enter(this.#phase)
    return { ...this.#times }
  }
}
