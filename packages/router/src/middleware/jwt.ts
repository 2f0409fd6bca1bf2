/** Who has a token that an issuer has signed may ask (RFC 7519, RFC 6750). Needs `jose`. */

import type { Exchange, Reply } from '@relayrace/gateway'
import { GatewayError, Known } from '@relayrace/gateway/web'
import type { CryptoKey, JWK, JWTPayload, JWTVerifyOptions, KeyObject } from 'jose'
import * as jose from 'jose'
import type { Middleware } from '../middleware.ts'
import { adding } from './adding.ts'
import { credentials, quoted, unauthorized } from './credentials.ts'
import { identify } from './identity.ts'

type Key = CryptoKey | KeyObject | JWK | Uint8Array

export interface JwtOptions
  extends Pick<JWTVerifyOptions, 'issuer' | 'audience' | 'algorithms' | 'clockTolerance' | 'typ'> {
  /** What signatures are checked with; bytes for a shared secret. */
  readonly key?: Key
  /** Where the issuer publishes its keys, instead of `key`. As long as it cannot be asked, and has not been, 503. */
  readonly jwks?: string | URL
  /** Whether who has such a token may ask for this; 403 if not. Default: all may. */
  readonly allow?: (claims: JWTPayload, exchange: Exchange) => boolean | Promise<boolean>
  /** Default `gateway`. */
  readonly realm?: string
  /** Whether the service is told the token. Default: it is, since it may look for itself. */
  readonly forward?: boolean
}

const claims = new Known<JWTPayload>()

/** What the token says; undefined without that middleware. */
export function claimsOf(exchange: Exchange): JWTPayload | undefined {
  return claims.of(exchange)
}

/** A token has to expire. @throws TypeError without a key, or with two. */
export function jwt(options: JwtOptions): Middleware {
  const { key, jwks, allow, realm = 'gateway', forward = true, ...expected } = options
  if ((key === undefined) === (jwks === undefined))
    throw new TypeError(
      'jwt takes either a key or jwks: a CryptoKey or a secret, or the URL where the issuer publishes its keys',
    )
  if (typeof key === 'string') throw new TypeError('jwt takes a secret as bytes: new TextEncoder().encode(…)')
  if (key instanceof Uint8Array && key.length === 0)
    throw new TypeError('A secret is not empty: is the variable set that it comes from?')
  const remote =
    jwks === undefined ? undefined : jose.createRemoteJWKSet(new URL(jwks), { timeoutDuration: 5_000 })
  const settings: JWTVerifyOptions = { requiredClaims: ['exp'], ...expected }
  const challenge = `Bearer realm=${quoted(realm)}`
  const hidden = adding({ prepare: ({ fields }) => fields.delete('Authorization') })

  async function verified(token: string): Promise<JWTPayload | undefined> {
    try {
      const { payload } =
        remote === undefined
          ? await jose.jwtVerify(token, key as Key, settings)
          : await jose.jwtVerify(token, remote, settings)
      return payload
    } catch (cause) {
      if (ofToken(cause)) return undefined
      // It is there: a token that says another kind of algorithm cannot be checked with it.
      if (remote === undefined) return unfit(cause)
      throw new GatewayError('destination_unavailable', { phase: 'requestHead', source: 'gateway', cause })
    }
  }

  let warned = false
  /** If it fits no token at all, somebody has to be told. */
  function unfit(cause: unknown): undefined {
    if (!warned)
      process.emitWarning(`A token does not fit the key of jwt: ${String(cause)}`, 'RelayraceWarning')
    warned = true
  }

  return async (exchange, next) => {
    const token = credentials(exchange.request.fields, 'bearer')
    if (token === undefined) return unauthorized(challenge)
    const payload = await verified(token)
    if (payload === undefined) return unauthorized(`${challenge}, error="invalid_token"`)
    if (allow !== undefined && !(await allow(payload, exchange))) return insufficient(challenge)
    claims.set(exchange, payload)
    if (typeof payload.sub === 'string') identify(exchange, payload.sub)
    return forward ? next() : hidden(next(), exchange)
  }
}

function insufficient(challenge: string): Reply {
  return { ...unauthorized(`${challenge}, error="insufficient_scope"`), status: 403, body: 'Forbidden\n' }
}

/** Whether the token is at fault, and not who was asked for keys. */
function ofToken(cause: unknown): boolean {
  const { code } = Object(cause) as { code?: unknown }
  return typeof code === 'string' && faults.test(code)
}

const faults =
  /^ERR_(?:JWT_|JWS_|JOSE_ALG_NOT_ALLOWED$|JOSE_NOT_SUPPORTED$|JWKS_NO_MATCHING_KEY$|JWKS_MULTIPLE_MATCHING_KEYS$)/
