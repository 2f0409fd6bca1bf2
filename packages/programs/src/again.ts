/** Asks once more where an instance has died under a request. */

import type { Transport } from '@relayrace/gateway'
import type { Instance } from './instance.ts'
import { leasedBy, release } from './leases.ts'

/** Requests that a change of instances may meet twice, and no more. */
const mostTimes = 2
/** A connection breaks a moment before the end of the process is known. Milliseconds. */
const moment = 200

/**
 * As a gateway's `transport`: a request whose instance has died before it answered is asked again, of the next one, if that
 * is safe: nothing of an answer has gone out, its content has not been read or is kept, and it is idempotent or was never
 * sent.
 */
export const askAgain: Transport = async (exchange, next) => {
  for (let times = 0; ; times++) {
    try {
      await next()
      return
    } catch (error) {
      const instance = leasedBy(exchange) as Instance | undefined
      if (instance === undefined || times === mostTimes || exchange.status !== 0) throw error
      if (exchange.signal.aborted || !(await instance.endsWithin(moment))) throw error
    } finally {
      release(exchange)
    }
  }
}
