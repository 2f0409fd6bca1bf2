/** An application's own `lookup`, held to what Node expects of one: what it cannot read it throws, and nobody catches that. */

import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { GatewayError } from '../contract/errors.ts'

/** Answers once, whatever the application's does: throws, rejects, calls back twice, finds nothing or nonsense. */
export function heldTo(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    let answered = false
    const answer = (error: unknown, found?: unknown, family?: unknown): void => {
      if (answered) return
      answered = true
      const addresses = error ? undefined : addressesOf(found, family)
      const [first] = addresses ?? []
      if (first === undefined) callback(failure(error), '')
      else if (options.all === true) callback(null, addresses as LookupAddress[])
      else callback(null, first.address, first.family)
    }
    const failed = (cause: unknown): void => answer(misled(cause))
    try {
      Promise.resolve(lookup(hostname, options, answer) as unknown).catch(failed)
    } catch (cause) {
      failed(cause)
    }
  }
}

/** Undefined when something among them is none. */
function addressesOf(found: unknown, family: unknown): LookupAddress[] | undefined {
  const list: unknown[] = Array.isArray(found) ? found : [{ address: found, family }]
  const addresses: LookupAddress[] = []
  for (const one of list) {
    const { address, family } = Object(one) as Partial<LookupAddress>
    if (typeof address !== 'string' || (family !== 4 && family !== 6)) return undefined
    addresses.push({ address, family })
  }
  return addresses
}

function failure(error: unknown): Error {
  if (error instanceof Error) return error
  return misled(error || new TypeError('lookup has found no addresses, or what is none'))
}

/** No name server's fault. */
function misled(cause: unknown): GatewayError {
  return cause instanceof GatewayError
    ? cause
    : new GatewayError('dns_error', { phase: 'dns', source: 'gateway', cause })
}
