/** A name for each exchange, which the service and the client are told. */

import type { Exchange } from '@relayrace/gateway'
import { checkOptions, Known } from '@relayrace/gateway/web'
import type { Middleware } from '../middleware.ts'
import { adding } from './adding.ts'

export interface RequestIdOptions {
  /** Default `X-Request-Id`. */
  readonly field?: string
  /** Whether a client may say its own: letters, digits and `-_.`, up to 128. Default: it may not. */
  readonly trust?: boolean
}

const ids = new Known<string>()

/** What it was given; undefined without that middleware. */
export function requestIdOf(exchange: Exchange): string | undefined {
  return ids.of(exchange)
}

export function requestId(options: RequestIdOptions = {}): Middleware {
  checkOptions(options, { field: 'string', trust: 'boolean' }, 'requestId.')
  const { field = 'X-Request-Id', trust = false } = options
  const told = adding({
    rewrite: ({ fields }, exchange) => fields.set(field, ids.of(exchange) as string),
    respond: (fields, exchange) => fields.set(field, ids.of(exchange) as string),
  })
  return (exchange, next) => {
    if (ids.of(exchange) === undefined) {
      const own = trust ? exchange.request.fields.get(field) : undefined
      ids.set(exchange, own !== undefined && /^[\w.-]{1,128}$/.test(own) ? own : crypto.randomUUID())
    }
    return told(next(), exchange)
  }
}
