/** Time, as far as decisions depend on it, so that a test can say what time it is. */

export interface Clock {
  /** Milliseconds; they never go back. */
  now(): number
  /** Calls back after `ms`, and keeps no process alive for it. @returns what calls it off. */
  after(ms: number, callback: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, 2 ** 31 - 1)).unref()
    return () => clearTimeout(timer)
  },
}
