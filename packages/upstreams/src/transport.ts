/** What stands around the attempts: each is counted at its endpoint, once, however it ends; who may be asked again is. */

import { type Exchange, GatewayError, type Transport } from '@relayrace/gateway'
import { Known } from '@relayrace/gateway/web'
import type { Lease } from './lease.ts'
import type { Member } from './member.ts'

/** An exchange under the transport. */
export interface Asking {
  lease: Lease | undefined
  readonly tried: Member[]
}

const underWay = new Known<Asking>()

/** @throws GatewayError 500 when no transport of this package stands around the attempt. */
export function askingFor(exchange: Exchange): Asking {
  const asking = underWay.of(exchange)
  if (asking !== undefined) return asking
  const detail = 'upstreams need their transport: set the gateway’s option transport as well'
  throw new GatewayError('proxy_configuration_error', { phase: 'requestHead', detail })
}

/** The attempt that is under way. */
export function leaseOf(exchange: Exchange): Lease | undefined {
  return underWay.of(exchange)?.lease
}

/** The same for all sets: where a router chooses among several, it stands around it once. */
export const transport: Transport = async (exchange, next) => {
  const before = underWay.of(exchange)
  const asking: Asking = { lease: undefined, tried: [] }
  underWay.set(exchange, asking)
  let giveBack: (() => void) | undefined
  try {
    for (;;) {
      try {
        await next()
        asking.lease?.end(undefined)
        return
      } catch (error) {
        const { lease } = asking
        // The gateway has refused to ask again, and has said why; or nobody was chosen.
        if (lease === undefined) {
          giveBack?.()
          throw error
        }
        asking.lease = undefined
        lease.end(error)
        giveBack = error instanceof GatewayError ? lease.again(asking.tried, error) : undefined
        if (giveBack === undefined) throw error
      }
    }
  } finally {
    underWay.set(exchange, before)
  }
}
