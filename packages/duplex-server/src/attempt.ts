/** One asking of an upstream under a `transport`, which waits for its end. */

import { AsyncResource } from 'node:async_hooks'
import type { GatewayError } from '@relayrace/gateway'

/** What is run in it runs in the context of the `next()` that began it. */
export class Attempt {
  readonly ended: Promise<void>
  isUnderWay = true
  readonly #resolve: () => void
  readonly #reject: (error: GatewayError) => void
  readonly run: <T>(work: () => T) => T = AsyncResource.bind((work) => work())

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.ended = promise
    // It may fail before anybody has come to wait.
    promise.catch(() => {})
    this.#resolve = resolve
    this.#reject = reject
  }

  end(error: GatewayError | undefined): void {
    this.isUnderWay = false
    if (error === undefined) this.#resolve()
    else this.#reject(error)
  }
}
