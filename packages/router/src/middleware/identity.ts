/** Who asks, once a middleware has found out. */

import type { Exchange } from '@relayrace/gateway'

const identities = new WeakMap<Exchange, string>()

/** The name of the token, the user, or the subject; undefined for who has not said. */
export function identityOf(exchange: Exchange): string | undefined {
  return identities.get(exchange)
}

export function identify(exchange: Exchange, name: string): void {
  identities.set(exchange, name)
}
