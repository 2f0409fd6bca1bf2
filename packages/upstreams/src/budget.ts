/** How many attempts may be made again: a share of what was asked lately, so that retries never multiply an outage. */

import type { Clock } from './clock.ts'

const seconds = 10

export class Budget {
  readonly #share: number
  readonly #least: number
  readonly #clock: Clock
  /** Of each of the last seconds. */
  readonly #requests: number[] = Array(seconds).fill(0)
  readonly #retries: number[] = Array(seconds).fill(0)
  #second: number

  /**
   * @param share Retries per request, over ten seconds.
   * @param least Retries per second that there may be in any case.
   */
  constructor(share: number, least: number, clock: Clock) {
    this.#share = share
    this.#least = least
    this.#clock = clock
    this.#second = this.#now
  }

  asked(): void {
    this.#turn()
    this.#add(this.#requests, 1)
  }

  get allows(): boolean {
    this.#turn()
    const most = Math.max(this.#share * sum(this.#requests), this.#least * seconds)
    return sum(this.#retries) + 1 <= most
  }

  /** @returns whether there was one left, which is taken. */
  take(): boolean {
    if (!this.allows) return false
    this.#add(this.#retries, 1)
    return true
  }

  /** It was not made. */
  giveBack(): void {
    this.#add(this.#retries, -1)
  }

  get #now(): number {
    return Math.floor(this.#clock.now() / 1000)
  }

  #add(to: number[], n: number): void {
    const slot = this.#second % seconds
    to[slot] = (to[slot] as number) + n
  }

  #turn(): void {
    const now = this.#now
    if (now === this.#second) return
    for (let second = Math.max(this.#second + 1, now - seconds + 1); second <= now; second++) {
      this.#requests[second % seconds] = 0
      this.#retries[second % seconds] = 0
    }
    this.#second = now
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0)
