/** Which instance an exchange is with, until it has ended or goes elsewhere. */

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Exchange } from '@relayrace/gateway'

/** What is counted. */
export interface Leased {
  inFlight: number
  /** One exchange less. */
  returned(): void
}

const leases = new WeakMap<Exchange, Leased>()

export function lease(exchange: Exchange, leased: Leased): void {
  release(exchange)
  leased.inFlight += 1
  leases.set(exchange, leased)
}

export function leasedBy(exchange: Exchange): Leased | undefined {
  return leases.get(exchange)
}

export function release(exchange: Exchange): void {
  const leased = leases.get(exchange)
  if (leased === undefined) return
  leases.delete(exchange)
  leased.inFlight -= 1
  leased.returned()
}

/** Every gateway in this process says here when an exchange has ended, however that was. */
const ends = 'relayrace:exchange:end'
let listeners = 0
const onEnd = (message: unknown): void => release((message as { exchange: Exchange }).exchange)

/** Has leases end with their exchanges, until the function that it returns has been called as often. */
export function endWithExchanges(): () => void {
  listeners += 1
  if (listeners === 1) subscribe(ends, onEnd)
  return () => {
    listeners -= 1
    if (listeners === 0) unsubscribe(ends, onEnd)
  }
}
