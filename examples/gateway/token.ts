/** Who may ask. */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Choose } from '@relayrace/gateway'

/** From the environment, or a new one each time. */
export const token: string = process.env.TOKEN ?? randomBytes(12).toString('base64url')

const hash = (text: string): Buffer => createHash('sha256').update(text).digest()
const known = hash(token)

/** Asks on only for who knows the token; requests and upgrades alike. How long the answer takes says nothing of it. */
export const withToken =
  (choose: Choose): Choose =>
  (exchange) =>
    timingSafeEqual(hash(exchange.request.fields.get('x-api-token') ?? ''), known)
      ? choose(exchange)
      : { status: 401, fields: { 'WWW-Authenticate': 'X-API-Token' }, body: 'who are you?\n' }
