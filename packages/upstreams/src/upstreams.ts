/** A set of endpoints as one upstream. */

import {
  type Choose,
  type Exchange,
  GatewayError,
  type Origin,
  type Reply,
  type ResponseHead,
  type Route,
  type Transport,
} from '@relayrace/gateway'
import { ConsecutiveBreaker, type IBreaker } from 'cockatiel'
import { Budget } from './budget.ts'
import {
  type AttemptOutcome,
  attemptEnded,
  type Change,
  discovered,
  endpointChanged,
  unavailable,
} from './channels.ts'
import { Checker, type Checks, defaultChecks } from './checks.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Discovery } from './discovery.ts'
import { Lease, type Lender } from './lease.ts'
import { type EndpointState, type Entry, entryOf, idOf, Member, type MemberOptions } from './member.ts'
import { type Policy, roundRobin } from './policies.ts'
import { Stickiness, type Sticky } from './sticky.ts'
import { askingFor, leaseOf, transport } from './transport.ts'

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

export interface UpstreamsState {
  readonly name: string
  readonly endpoints: readonly EndpointState[]
  /** Exchanges for which there was no endpoint. */
  readonly refused: number
  /** Attempts at another endpoint. */
  readonly retries: number
}

const defaultEjection: Ejection = {
  breaker: () => new ConsecutiveBreaker(5),
  coolOff: 10_000,
  longestCoolOff: 300_000,
  statuses: [502, 503, 504],
}
const defaultRetry: Retry = { attempts: 3, budget: 0.2, minPerSecond: 3, statuses: [503] }

/**
 * @param endpoints Them, or what finds them: `fromDns`, `fromSrv`, `fromFile`.
 * @throws TypeError that names what makes no sense.
 */
export function createUpstreams(
  endpoints: readonly (Origin | Entry)[] | Discovery,
  options: UpstreamsOptions = {},
): Upstreams {
  return new Upstreams(endpoints, options)
}

/** Spread it into the options of a gateway: it has `upstream` and `transport` of its own, and nothing else. */
export class Upstreams implements AsyncDisposable {
  readonly upstream: (exchange: Exchange) => Route | Reply
  /** The same for all sets, so that one is enough where a router chooses among several. */
  readonly transport: Transport = transport
  readonly #name: string
  readonly #policy: Policy
  readonly #sticky: Stickiness | undefined
  readonly #lender: Lender
  readonly #retry: Retry | undefined
  readonly #budget: Budget
  readonly #panic: boolean
  readonly #route: Omit<Route, 'to' | 'name'>
  readonly #memberOptions: MemberOptions
  readonly #checks: Checks | undefined
  readonly #checkers = new Map<Member, Checker>()
  readonly #first = Promise.withResolvers<void>()
  #stop = (): void => {}
  /** The list could not be had, and that has been said. */
  #isWarned = false
  #isFound = false
  #isClosed = false
  #members: ReadonlyMap<string, Member> = new Map()
  readonly #leaving = new Set<Member>()
  /** Attempts by which an endpoint is tried. */
  readonly #trials = new Set<Lease>()
  #refused = 0
  #retries = 0

  constructor(endpoints: readonly (Origin | Entry)[] | Discovery, options: UpstreamsOptions) {
    const { name = 'upstreams', policy = roundRobin(), clock = systemClock } = options
    this.#name = name
    this.#policy = policy
    const ejection = options.ejection === false ? undefined : { ...defaultEjection, ...options.ejection }
    this.#retry = options.retry === false ? undefined : { ...defaultRetry, ...options.retry }
    this.#budget = new Budget(this.#retry?.budget ?? 0, this.#retry?.minPerSecond ?? 0, clock)
    this.#sticky = options.sticky && new Stickiness(options.sticky)
    this.#panic = options.panic ?? false
    this.#route = options.route ?? {}
    this.#memberOptions = { clock, circuit: ejection, slowStart: options.slowStart ?? 0 }
    this.#lender = {
      failing: new Set((ejection ?? defaultEjection).statuses),
      answered: (lease) => this.#answered(lease),
      ended: (lease, outcome, error) => this.#ended(lease, outcome, error),
      again: (tried, error) => this.#again(tried, error),
    }
    this.#checks = options.checks && { ...defaultChecks, ...options.checks }
    this.upstream = ((exchange) => this.#choose(exchange)) satisfies Choose
    if (typeof endpoints !== 'function') {
      this.#replace(endpoints, false)
      this.#first.resolve()
      return
    }
    this.#stop = endpoints({
      clock,
      found: (list) => this.#found(list),
      failed: (cause) => this.#notFound(cause),
    })
  }

  /** Resolves when there is a list, even an empty one: at once, unless it has to be found. */
  get ready(): Promise<void> {
    return this.#first.promise
  }

  /** As they are now. What is left of the set, with something under way, is there too. It can be written as JSON. */
  state(): UpstreamsState {
    const endpoints = [...this.#members.values(), ...this.#leaving].map(({ state }) => state)
    return { name: this.#name, endpoints, refused: this.#refused, retries: this.#retries }
  }

  /**
   * Who is not among them is asked nothing new, and ends what it has. Who stays keeps what is known of it.
   * @throws TypeError that says what is wrong with one; then everything stays as it was.
   */
  replace(endpoints: readonly (Origin | Entry)[]): void {
    this.#replace(endpoints, true)
  }

  /**
   * Asks it nothing new, until `resume`, whatever `replace` says. Resolves when nothing is under way there.
   * @throws TypeError when it is not in the set.
   */
  drain(endpoint: Origin): Promise<void> {
    const member = this.#find(endpoint)
    if (!member.isDraining) {
      member.isDraining = true
      this.#tell(member, 'draining')
    }
    return member.idle
  }

  resume(endpoint: Origin): void {
    const member = this.#find(endpoint)
    if (!member.isDraining) return
    member.isDraining = false
    member.startSlowly()
    this.#tell(member, 'resumed')
  }

  /** Nothing runs any more that the set has started. What is under way goes on, and the set still chooses. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#stop()
    for (const checker of this.#checkers.values()) checker.stop()
    this.#checkers.clear()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #find(endpoint: Origin): Member {
    const id = idOf(endpoint)
    const member = this.#members.get(id)
    if (member === undefined) throw new TypeError(`${this.#name} has no endpoint ${id}`)
    return member
  }

  #replace(given: readonly (Origin | Entry)[], slowly: boolean): void {
    const entries = new Map<string, Entry>()
    for (const one of given) {
      const entry = entryOf(one)
      const id = idOf(entry.to)
      if (entries.has(id)) throw new TypeError(`${this.#name} has the endpoint ${id} twice`)
      entries.set(id, entry)
    }
    const before = this.#members
    const members = new Map<string, Member>()
    const added: Member[] = []
    for (const [id, entry] of entries) {
      const known = before.get(id)
      if (known !== undefined) {
        known.weight = entry.weight ?? 1
        known.priority = entry.priority ?? 0
        if (known.host !== entry.host) {
          known.host = entry.host
          known.route = this.#routeTo(known)
        }
        members.set(id, known)
        continue
      }
      const member = new Member(id, entry, this.#memberOptions)
      member.route = this.#routeTo(member)
      if (slowly) member.startSlowly()
      members.set(id, member)
      added.push(member)
    }
    this.#members = members
    for (const member of added) {
      this.#tell(member, 'added')
      this.#watch(member)
    }
    for (const [id, member] of before) if (!members.has(id)) this.#remove(member)
  }

  #found(list: readonly (Origin | Entry)[]): void {
    this.#replace(list, this.#isFound)
    this.#isFound = true
    this.#isWarned = false
    this.#first.resolve()
    if (!discovered.hasSubscribers) return
    discovered.publish({ upstreams: this.#name, endpoints: [...this.#members.keys()], error: undefined })
  }

  /** What there was stays. That is said once, until there is a list again. */
  #notFound(error: unknown): void {
    if (discovered.hasSubscribers) discovered.publish({ upstreams: this.#name, endpoints: undefined, error })
    if (this.#isWarned) return
    this.#isWarned = true
    const why = error instanceof Error ? error.message : String(error)
    process.emitWarning(`${this.#name} could not find their endpoints: ${why}`, 'RelayraceWarning')
  }

  #remove(member: Member): void {
    member.isLeaving = true
    this.#checkers.get(member)?.stop()
    this.#checkers.delete(member)
    if (member.inFlight > 0) {
      this.#leaving.add(member)
      member.idle.then(() => this.#leaving.delete(member))
    }
    this.#tell(member, 'removed')
  }

  #watch(member: Member): void {
    if (this.#checks === undefined || this.#isClosed) return
    const { clock } = this.#memberOptions
    const checker = new Checker(member, this.#checks, clock, (isUp, result) => {
      member.check = result
      if (isUp === member.isUp) return
      member.isUp = isUp
      if (isUp) member.startSlowly()
      this.#tell(member, isUp ? 'checked-up' : 'checked-down')
    })
    this.#checkers.set(member, checker)
  }

  // ---- an exchange: choose, head, end, again

  #choose(exchange: Exchange): Route | Reply {
    const asking = askingFor(exchange)
    // Somebody has chosen twice for one attempt.
    asking.lease?.end(new GatewayError('proxy_internal_error', { phase: 'requestHead' }))
    asking.lease = undefined
    // Nobody is told when a tunnel begins, and it may never end.
    for (const trial of this.#trials) if (trial.exchange.status !== 0) trial.answered(trial.exchange.status)
    const candidates = this.#candidates(asking.tried)
    if (candidates.length === 0) return this.#unavailable(exchange)
    const member =
      candidates.length === 1
        ? candidates[0]
        : (this.#sticky?.find(candidates, exchange) ?? this.#policy(candidates, exchange))
    if (!(member instanceof Member))
      throw new TypeError(`The policy of ${this.#name} has chosen no candidate`)
    if (asking.tried.size === 0) this.#budget.asked()
    else this.#retries++
    asking.tried.add(member)
    const lease = new Lease(this.#lender, member, exchange)
    if (lease.trial) this.#trials.add(lease)
    asking.lease = lease
    return member.route
  }

  #candidates(tried: ReadonlySet<Member>): Member[] {
    const candidates = this.#preferred(tried, (member) => member.mayBeAsked)
    if (candidates.length > 0 || !this.#panic) return candidates
    return this.#preferred(tried, (member) => member.takesPart)
  }

  /** Those of the lowest priority that has any. */
  #preferred(tried: ReadonlySet<Member>, may: (member: Member) => boolean): Member[] {
    let preferred: Member[] = []
    let lowest = Number.POSITIVE_INFINITY
    for (const member of this.#members.values()) {
      if (member.priority > lowest || tried.has(member) || !may(member)) continue
      if (member.priority < lowest) {
        lowest = member.priority
        preferred = []
      }
      preferred.push(member)
    }
    return preferred
  }

  #unavailable(exchange: Exchange): Reply {
    this.#refused++
    if (unavailable.hasSubscribers) unavailable.publish({ upstreams: this.#name, exchange })
    let wait = Number.POSITIVE_INFINITY
    for (const member of this.#members.values()) {
      const its = member.isUp ? member.wait : Math.max(member.wait, this.#checks?.interval ?? 0)
      if (member.takesPart && its > 0) wait = Math.min(wait, its)
    }
    const seconds = wait === Number.POSITIVE_INFINITY ? 1 : Math.ceil(wait / 1000)
    return { status: 503, fields: { 'Retry-After': `${seconds}` }, body: 'no endpoint is available\n' }
  }

  /** A route is made once for each endpoint, so that a gateway takes it apart once. */
  #routeTo(member: Member): Route {
    const { modifyResponse: own, rewrite } = this.#route
    const { host } = member
    const named: Route['rewrite'] = (out, exchange, inherited) => {
      out.fields.set('Host', host as string)
      return rewrite === undefined ? inherited(out, exchange) : rewrite(out, exchange, inherited)
    }
    return {
      ...this.#route,
      ...(host !== undefined && { rewrite: named }),
      to: member.to,
      name: this.#name,
      modifyResponse: (head, exchange, inherited) => {
        const lease = leaseOf(exchange)
        // A route that somebody has kept, and goes along without us.
        if (lease?.member !== member)
          return own === undefined ? inherited(head, exchange) : own(head, exchange, inherited)
        lease.answered(head.status)
        this.#refuse(head, exchange)
        this.#sticky?.tell(head, member, exchange)
        const elsewhere = own === undefined ? inherited(head, exchange) : own(head, exchange, inherited)
        if (elsewhere instanceof Promise)
          return elsewhere.then((route) => noted(lease, route)) as Promise<undefined>
        return noted(lease, elsewhere)
      },
    }
  }

  /** An answer that is as good as none, if another endpoint can be asked. @throws GatewayError for it. */
  #refuse({ status }: ResponseHead, exchange: Exchange): void {
    if (!this.#retry?.statuses.includes(status) || !isRepeatable(exchange)) return
    if (!this.#allowsAnother(askingFor(exchange).tried)) return
    throw new GatewayError('destination_unavailable', { phase: 'responseHead', status })
  }

  #allowsAnother(tried: ReadonlySet<Member>): boolean {
    const { attempts = 1 } = this.#retry ?? {}
    return tried.size < attempts && this.#budget.allows && this.#candidates(tried).length > 0
  }

  #again(tried: ReadonlySet<Member>, { source, phase }: GatewayError): (() => void) | undefined {
    if (source !== 'upstream' || phase === 'total' || !this.#allowsAnother(tried)) return undefined
    this.#budget.take()
    return () => this.#budget.giveBack()
  }

  #ended(lease: Lease, outcome: AttemptOutcome, error: GatewayError | undefined): void {
    const { member, exchange, trial } = lease
    if (trial) this.#trials.delete(lease)
    const change = member.end(outcome, trial)
    if (attemptEnded.hasSubscribers)
      attemptEnded.publish({ upstreams: this.#name, exchange, endpoint: member.id, outcome, error })
    if (change === 'returned') member.startSlowly()
    if (change !== undefined) this.#tell(member, change)
  }

  /** An answer is enough for who is tried: a stream or a tunnel may never end. */
  #answered(lease: Lease): void {
    const { member, status, trial } = lease
    if (!trial) return
    this.#trials.delete(lease)
    if (this.#lender.failing.has(status) || !member.answered(trial)) return
    member.startSlowly()
    this.#tell(member, 'returned')
  }

  #tell({ state: endpoint }: Member, why: Change): void {
    if (endpointChanged.hasSubscribers) endpointChanged.publish({ upstreams: this.#name, endpoint, why })
  }
}

/** Whether it was given up for an answer from elsewhere. */
function noted<R>(lease: Lease, elsewhere: R): R {
  if (elsewhere !== undefined) lease.isElsewhere = true
  return elsewhere
}

const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'DELETE'])

/** Without content, of which too much may have been read to send it again. */
function isRepeatable({ request: { method, fields } }: Exchange): boolean {
  const length = fields.get('content-length')
  return (
    idempotent.has(method) && !fields.has('transfer-encoding') && (length === undefined || length === '0')
  )
}
