/** Time limits for very many things at once: one timer looks at all of them, so that setting a limit costs a number. */

/** Something that has a limit, now and then. */
export interface Limited {
  /** Called at every sweep with the time, in ms of `performance.now()`. */
  check(now: number): void
}

/** How exact a limit is, as a part of the shortest one; and the bounds of the sweep's period, in ms. */
const part = 10
const shortest = 20
const longest = 500

export class Sweep {
  readonly #period: number
  readonly #members = new Set<Limited>()
  #timer: ReturnType<typeof setInterval> | undefined

  /** @param limits The limits, in ms, that members may have. */
  constructor(limits: Iterable<number>) {
    this.#period = Math.max(shortest, Math.min(longest, Math.min(...limits) / part))
  }

  add(member: Limited): void {
    this.#members.add(member)
    this.#timer ??= setInterval(() => this.#look(), this.#period)
  }

  delete(member: Limited): void {
    this.#members.delete(member)
    if (this.#members.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    const now = performance.now()
    for (const member of this.#members) member.check(now)
  }
}
