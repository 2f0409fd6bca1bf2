/** An attempt whose work is called back, and still runs in the context of the `next()` that began it. */

import { AsyncResource } from 'node:async_hooks'
import { Attempt } from '@relayrace/gateway'

export class BoundAttempt extends Attempt {
  override readonly run: <T>(work: () => T) => T = AsyncResource.bind((work) => work())
}
