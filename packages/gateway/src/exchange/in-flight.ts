/** What is under way, counted. */

import { after } from './clock.ts'

/** One of those that `InFlight` counts. */
export interface Pending {
  /** Where it stands in the count. Nobody else's business. */
  place: number
  abort(reason: unknown): void
}

/**
 * Counts what is under way and lets `close` wait for it.
 *
 * Not a `Set`: one that exchanges pass through is copied to a new table now and then, and each table holds on to the next.
 * Once the first is in the old generation, so are all the exchanges in those that follow, long after they have ended.
 */
export class InFlight<T extends Pending> {
  readonly #members: T[] = []
  #onEmpty: (() => void) | undefined

  get size(): number {
    return this.#members.length
  }

  add(member: T): void {
    member.place = this.#members.push(member) - 1
  }

  delete(member: T): void {
    const members = this.#members
    if (members[member.place] !== member) return
    const last = members.pop() as T
    if (last !== member) {
      members[member.place] = last
      last.place = member.place
    }
    member.place = -1
    if (members.length === 0) this.#onEmpty?.()
  }

  /** Waits up to `grace` milliseconds, then aborts what is left and waits for that. */
  async drained(grace: number, reason: () => unknown): Promise<void> {
    if (this.#members.length === 0) return
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
    const timer = after(grace, () => {
      for (const member of [...this.#members]) member.abort(reason())
    })
    await empty
    clearTimeout(timer)
  }
}
