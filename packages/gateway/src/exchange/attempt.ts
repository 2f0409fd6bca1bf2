/** One asking of an upstream under a `transport`, which waits for its end. */

import type { GatewayError } from '../contract/errors.ts'

export class Attempt {
  readonly ended: Promise<void>
  /** Of its own. It is over a little later, when nothing of it is under way any more. */
  error: GatewayError | undefined
  isUnderWay = true
  readonly #resolve: () => void
  readonly #reject: (error: GatewayError) => void

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.ended = promise
    this.#resolve = resolve
    this.#reject = reject
  }

  /** Runs it in the context of the `next()` that began it, where callbacks would lose that. */
  run<T>(work: () => T): T {
    return work()
  }

  /** Nothing of it has failed, unless the exchange has. */
  succeed(error: GatewayError | undefined): void {
    if (this.error !== undefined && error === undefined) return
    this.isUnderWay = false
    if (error === undefined) this.#resolve()
    else this.#rejectWith(error)
  }

  /** With its own error. */
  fail(): void {
    this.isUnderWay = false
    this.#rejectWith(this.error as GatewayError)
  }

  #rejectWith(error: GatewayError): void {
    // It may fail before anybody has come to wait.
    this.ended.catch(() => {})
    this.#reject(error)
  }
}
