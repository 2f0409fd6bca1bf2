/** The same key goes to the same endpoint, as long as that may be asked; who comes or goes moves only its own share. */

import type { Exchange } from '@relayrace/gateway'
import { type Policy, roundRobin } from './policies.ts'

/** What of an exchange decides; undefined for nothing in particular. */
export type Key = (exchange: Exchange) => string | undefined

export const byField =
  (name: string): Key =>
  ({ request }) =>
    request.fields.get(name)

export const byCookie =
  (name: string): Key =>
  (exchange) =>
    cookie(exchange, name)

/** The address of who is connected: that of a proxy in front, if there is one. */
export const byAddress: Key = ({ request }) => request.remoteAddress

/**
 * Rendezvous hashing with weights: of all endpoints that one whose hash together with the key is best. The weights are
 * those that were given: a slow start would send keys to and fro.
 * @param otherwise For exchanges without a key. `roundRobin()`.
 */
export function hashed(key: Key, otherwise: Policy = roundRobin()): Policy {
  return (candidates, exchange) => {
    const its = key(exchange)
    if (its === undefined) return otherwise(candidates, exchange)
    const seed = hash(its, 0)
    let best = candidates[0] as (typeof candidates)[number]
    let most = Number.NEGATIVE_INFINITY
    for (const candidate of candidates) {
      const score = -candidate.weight / Math.log((hash(candidate.id, seed) + 0.5) / 2 ** 32)
      if (score <= most) continue
      most = score
      best = candidate
    }
    return best
  }
}

/** The first value of a cookie that the client has sent (RFC 6265 §5.4). */
export function cookie({ request }: Exchange, name: string): string | undefined {
  for (const line of request.fields.all('cookie')) {
    for (const pair of line.split(';')) {
      const equals = pair.indexOf('=')
      if (equals !== -1 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim()
    }
  }
  return undefined
}

/** MurmurHash3, x86, 32 bits, over the UTF-16 units of a text: quick, and spread evenly also for texts that are nearly equal. */
function hash(text: string, seed: number): number {
  let h = seed
  for (let i = 0; i < text.length; i++) {
    const k = Math.imul(rotate(Math.imul(text.charCodeAt(i), 0xcc9e2d51), 15), 0x1b873593)
    h = (Math.imul(rotate(h ^ k, 13), 5) + 0xe6546b64) | 0
  }
  h ^= text.length
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

const rotate = (n: number, by: number): number => (n << by) | (n >>> (32 - by))
