/** How much content a request may have: more is 413. */

import type { Middleware } from '../middleware.ts'
import { adding } from './adding.ts'

/** @param bytes As `limits.requestBody`, which it replaces. */
export function bodyLimit(bytes: number): Middleware {
  if (typeof bytes !== 'number' || !(bytes >= 0))
    throw new TypeError(`A body limit is in bytes: ${bytes}; such as 1_000_000`)
  const limited = adding({ limits: { requestBody: bytes } })
  return (exchange, next) => limited(next(), exchange)
}
