/** Who asks, once a middleware has found out. */

import type { Exchange } from '@relayrace/gateway'
import { Known } from '@relayrace/gateway/web'

const identities = new Known<string>()

/** The name of the token, the user, or the subject; undefined for who has not said. */
export function identityOf(exchange: Exchange): string | undefined {
  return identities.of(exchange)
}

export function identify(exchange: Exchange, name: string): void {
  identities.set(exchange, name)
}
