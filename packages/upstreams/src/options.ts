/** What a set of endpoints can be told, and what holds if it is not. */

import type { Route } from '@relayrace/gateway'
import { ConsecutiveBreaker, type IBreaker } from 'cockatiel'
import { type Checks, defaultChecks } from './checks.ts'
import { type Clock, systemClock } from './clock.ts'
import { type Policy, roundRobin } from './policies.ts'
import type { Sticky } from './sticky.ts'

/** Durations are milliseconds. */
export interface UpstreamsOptions {
  /** In messages, and as the name of the route. `upstreams`. */
  readonly name?: string
  /** Who is asked, of those that may be. `roundRobin()`. */
  readonly policy?: Policy
  /** Clients stay with the endpoint that has answered them, as long as it may be asked. */
  readonly sticky?: Sticky
  /** Endpoints are asked whether they are well; who is not, is asked nothing else. `{}` is enough. Default: none are. */
  readonly checks?: Partial<Checks>
  /** Who keeps failing is left alone for a while; `false`: never. */
  readonly ejection?: Partial<Ejection> | false
  /** An attempt that has failed is made at another endpoint, if that is safe; `false`: never. */
  readonly retry?: Partial<Retry> | false
  /** For how long who comes, or comes back, gets less than its weight. 0. */
  readonly slowStart?: number
  /** When no endpoint may be asked, all are, instead of 503. `false`. */
  readonly panic?: boolean
  /** What holds at every endpoint. */
  readonly route?: Omit<Route, 'to' | 'name'>
  readonly clock?: Clock
}

/** A failure is no answer, half of one, or one of `statuses`. What the client or a hook did is none. */
export interface Ejection {
  /** What makes a breaker for each endpoint, such as one of cockatiel's. `new ConsecutiveBreaker(5)`. */
  readonly breaker: () => IBreaker
  /** For how long it is left alone the first time; twice that if it fails soon after. 10 000. */
  readonly coolOff: number
  /** At most. 300 000. */
  readonly longestCoolOff: number
  /** 502, 503, 504. */
  readonly statuses: readonly number[]
}

export interface Retry {
  /** In all, for one exchange. 3. */
  readonly attempts: number
  /** Of the requests of the last ten seconds, how many may be asked again. 0.2. */
  readonly budget: number
  /** Per second, in any case. 3. */
  readonly minPerSecond: number
  /**
   * What is as good as no answer, to a request without content that is idempotent, as long as there is another endpoint
   * and something left of the budget. 503.
   */
  readonly statuses: readonly number[]
}

/** Every option, with a value. */
export interface Settled {
  readonly name: string
  readonly policy: Policy
  readonly sticky: Sticky | undefined
  readonly checks: Checks | undefined
  readonly ejection: Ejection | undefined
  readonly retry: Retry | undefined
  readonly slowStart: number
  readonly panic: boolean
  readonly route: Omit<Route, 'to' | 'name'>
  readonly clock: Clock
}

export const defaultEjection: Ejection = {
  breaker: () => new ConsecutiveBreaker(5),
  coolOff: 10_000,
  longestCoolOff: 300_000,
  statuses: [502, 503, 504],
}
const defaultRetry: Retry = { attempts: 3, budget: 0.2, minPerSecond: 3, statuses: [503] }

const defaults: Settled = {
  name: 'upstreams',
  policy: roundRobin(),
  sticky: undefined,
  checks: undefined,
  ejection: defaultEjection,
  retry: defaultRetry,
  slowStart: 0,
  panic: false,
  route: {},
  clock: systemClock,
}

/** @throws TypeError that names what makes no sense. */
export function settle(given: UpstreamsOptions): Settled {
  const { ejection, retry, checks, ...others } = given
  for (const key of ['to', 'name'])
    if (key in (given.route ?? {}))
      throw new TypeError(`Option route.${key} is the set’s own to say: leave it out`)
  const settled: Settled = {
    ...merged('', { ...defaults, policy: roundRobin() }, others),
    ejection: ejection === false ? undefined : merged('ejection.', defaultEjection, ejection),
    retry: retry === false ? undefined : merged('retry.', defaultRetry, retry),
    checks: checks && merged('checks.', defaultChecks, checks),
  }
  const { type = 'http', path = '/' } = settled.checks ?? {}
  if (type !== 'http' && type !== 'tcp')
    throw new TypeError(`Option checks.type has to be http or tcp, not ${String(type)}`)
  if (!path.startsWith('/')) throw new TypeError(`Option checks.path has to begin with a slash, not ${path}`)
  if (/[^\x21-\x7e]/.test(path)) throw new TypeError(`Option checks.path has to be percent-encoded: ${path}`)
  if ((settled.retry?.attempts ?? 1) < 1) throw new TypeError('Option retry.attempts has to be 1 or more')
  return settled
}

function merged<T extends object>(group: string, defaults: T, given: object = {}): T {
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`Option ${group.slice(0, -1)} has to be an object`)
  const all = { ...defaults }
  for (const [key, value] of Object.entries(given)) {
    if (!(key in defaults))
      throw new TypeError(`Unknown option ${group}${key}. Known: ${Object.keys(defaults).join(', ')}`)
    if (value === undefined) continue
    const type = typeof defaults[key as keyof T]
    if (type !== 'undefined' && typeof value !== type)
      throw new TypeError(`Option ${group}${key} has to be a ${type}, not ${String(value)}`)
    if (type === 'number' && !(value >= 0))
      throw new TypeError(`Option ${group}${key} has to be a number, zero or more, not ${String(value)}`)
    all[key as keyof T] = value
  }
  return all
}
