/** An attempt whose work is called back, and still runs in the context of the `next()` that began it. */

import { AsyncResource } from 'node:async_hooks'
import { Attempt } from '@relayrace/gateway/strategy'

export class BoundAttempt extends Attempt {
  // Not `AsyncResource.bind`: the properties that it gives a function cost more than all else here.
  readonly #resource = new AsyncResource('RelayraceAttempt')

  override run<T>(work: () => T): T {
    return this.#resource.runInAsyncScope(work)
  }
}
