/** Who has one of these tokens may ask: in X-API-Token, or as a bearer (RFC 6750). */

import { hash, timingSafeEqual } from 'node:crypto'
import type { Exchange } from '@relayrace/gateway'
import { checkOptions } from '@relayrace/gateway/web'
import type { Middleware } from '../middleware.ts'
import { adding } from './adding.ts'
import { credentials, filled, quoted, unauthorized } from './credentials.ts'
import { identify } from './identity.ts'

export interface ApiTokensOptions {
  /** Default `gateway`. */
  readonly realm?: string
  /** Whether the service is told the token. Default: it is not, since it is meant for the gateway. */
  readonly forward?: boolean
}

/**
 * What is kept of a token. A token is long and random, so that a fast hash is enough: `crypto.randomUUID()` is.
 *
 * @throws TypeError for an empty one, which everybody has.
 */
export function hashToken(token: string): string {
  return hash('sha256', filled(token, 'token'))
}

const hashOfNothing = hash('sha256', '')

/**
 * @param tokens The hash of each, by the name that `identityOf` then says: `{ ci: hashToken(…) }`.
 * @throws TypeError for what is no such hash, or that of an empty token.
 */
export function apiTokens(
  tokens: Readonly<Record<string, string>>,
  options: ApiTokensOptions = {},
): Middleware {
  checkOptions(options, { realm: 'string', forward: 'boolean' }, 'apiTokens.')
  const { realm = 'gateway', forward = false } = options
  const known = Object.entries(tokens).map(([name, hashed]) => {
    if (!/^[0-9a-f]{64}$/i.test(hashed))
      throw new TypeError(`The token ${name} is not a SHA-256 in hexadecimal: keep hashToken(token)`)
    if (hashed.toLowerCase() === hashOfNothing)
      throw new TypeError(`The token ${name} is the hash of nothing: is the variable set that it comes from?`)
    return { name, hashed: Buffer.from(hashed, 'hex') }
  })
  const challenge = `Bearer realm=${quoted(realm)}`

  const given = Buffer.alloc(32)

  /** Looks at all of them, so that its time says nothing of which one it was. */
  function nameOf(token: string): string | undefined {
    // As text first: Node makes a buffer of its own for a digest at several times the cost.
    given.write(hash('sha256', token), 'hex')
    let found: string | undefined
    for (const one of known) if (timingSafeEqual(one.hashed, given)) found = one.name
    return found
  }

  function holder({ request: { fields } }: Exchange): { name?: string; given: boolean } {
    const own = fields.all('x-api-token')
    const given = own.length === 0 ? credentials(fields, 'bearer') : own.length === 1 ? own[0] : undefined
    if (given === undefined) return { given: own.length > 0 }
    const name = nameOf(given)
    return { given: true, ...(name !== undefined && { name }) }
  }

  const hidden = adding({
    prepare({ fields }, { request }) {
      fields.delete('X-API-Token')
      if (!request.fields.has('x-api-token')) fields.delete('Authorization')
    },
  })

  return (exchange, next) => {
    const { name, given } = holder(exchange)
    if (name === undefined) return unauthorized(given ? `${challenge}, error="invalid_token"` : challenge)
    identify(exchange, name)
    return forward ? next() : hidden(next(), exchange)
  }
}
