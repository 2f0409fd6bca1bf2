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
import { Budget } from './budget.ts'
import { attemptEnded, type Change, discovered, endpointChanged, unavailable } from './channels.ts'
import { Checker, type Checks } from './checks.ts'
import type { Discovery } from './discovery.ts'
import { Lease, type Lender } from './lease.ts'
import {
  type AttemptOutcome,
  type EndpointState,
  type Entry,
  entryOf,
  idOf,
  Member,
  type MemberOptions,
} from './member.ts'
import { defaultEjection, type Retry, settle, type UpstreamsOptions } from './options.ts'
import type { Policy } from './policies.ts'
import { Stickiness } from './sticky.ts'
import { askingFor, leaseOf, transport } from './transport.ts'

export interface UpstreamsState {
  readonly name: string
  readonly endpoints: readonly EndpointState[]
  /** Exchanges for which there was no endpoint. */
  readonly refused: number
  /** Attempts at another endpoint. */
  readonly retries: number
}

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
    const { name, policy, ejection, retry, sticky, checks, clock, ...settled } = settle(options)
    this.#name = name
    this.#policy = policy
    this.#retry = retry
    this.#budget = new Budget(retry?.budget ?? 0, retry?.minPerSecond ?? 0, clock)
    this.#sticky = sticky && new Stickiness(sticky)
    this.#checks = checks
    this.#panic = settled.panic
    this.#route = settled.route
    this.#memberOptions = { clock, circuit: ejection, slowStart: settled.slowStart }
    this.#lender = {
      failing: new Set((ejection ?? defaultEjection).statuses),
      answered: (lease) => this.#answered(lease),
      ended: (lease, outcome, error) => this.#ended(lease, outcome, error),
      again: (tried, error) => this.#again(tried, error),
    }
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
   * Asks it nothing new, until `resume`, whatever `replace` says. Its id will do. Resolves when nothing is under way there.
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

  #leavingBy(id: string): Member | undefined {
    for (const member of this.#leaving) if (member.id === id) return member
    return undefined
  }

  #find(endpoint: Origin): Member {
    // What `state` calls it will do as well.
    const id = typeof endpoint === 'string' && this.#members.has(endpoint) ? endpoint : idOf(endpoint)
    const member = this.#members.get(id)
    if (member === undefined)
      throw new TypeError(`${this.#name} has no endpoint ${id}; state() tells those it has`)
    return member
  }

  #replace(given: readonly (Origin | Entry)[], slowly: boolean): void {
    const entries = new Map<string, Entry>()
    for (const one of given) {
      const entry = entryOf(one)
      const id = idOf(entry.to)
      if (entries.has(id))
        throw new TypeError(`${this.#name} has the endpoint ${id} twice: give it a weight instead`)
      entries.set(id, entry)
    }
    const before = this.#members
    const members = new Map<string, Member>()
    const added: Member[] = []
    for (const [id, entry] of entries) {
      const known = before.get(id) ?? this.#leavingBy(id)
      if (known !== undefined) {
        if (known.isLeaving) added.push(known)
        this.#leaving.delete(known)
        known.isLeaving = false
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
    const member = this.#pick(candidates, exchange)
    if (asking.tried.length === 0) this.#budget.asked()
    else this.#retries++
    asking.tried.push(member)
    const lease = new Lease(this.#lender, member, exchange)
    if (lease.trial) this.#trials.add(lease)
    asking.lease = lease
    return member.route
  }

  /** @throws GatewayError 500 when the policy throws, or chooses nobody. */
  #pick(candidates: readonly Member[], exchange: Exchange): Member {
    if (candidates.length === 1) return candidates[0] as Member
    try {
      const member = this.#sticky?.find(candidates, exchange) ?? this.#policy(candidates, exchange)
      if (candidates.includes(member as Member)) return member as Member
      throw new TypeError(
        `The policy of ${this.#name} has chosen no candidate: it has to return one of those it was given`,
      )
    } catch (cause) {
      throw new GatewayError('proxy_internal_error', { phase: 'requestHead', cause })
    }
  }

  #candidates(tried: readonly Member[]): Member[] {
    const candidates = this.#preferred(tried, (member) => member.mayBeAsked)
    if (candidates.length > 0 || !this.#panic) return candidates
    return this.#preferred(tried, (member) => member.takesPart)
  }

  /** Those of the lowest priority that has any. */
  #preferred(tried: readonly Member[], may: (member: Member) => boolean): Member[] {
    let preferred: Member[] = []
    let lowest = Number.POSITIVE_INFINITY
    for (const member of this.#members.values()) {
      if (member.priority > lowest || tried.includes(member) || !may(member)) continue
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

  #allowsAnother(tried: readonly Member[]): boolean {
    const { attempts = 1 } = this.#retry ?? {}
    return tried.length < attempts && this.#budget.allows && this.#candidates(tried).length > 0
  }

  #again(tried: readonly Member[], { source, phase }: GatewayError): (() => void) | undefined {
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
