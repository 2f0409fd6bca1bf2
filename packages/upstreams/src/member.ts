/** One endpoint of a set: what it has under way, what became of it, whether it may be asked. */

import type { Origin, Route } from '@relayrace/gateway'
import { endpoint, isHost } from '@relayrace/gateway/strategy'
import { Circuit, type CircuitOptions } from './circuit.ts'
import type { Clock } from './clock.ts'
import type { Candidate } from './policies.ts'

export interface Entry {
  readonly to: Origin
  /** How much of the load it gets, beside the others. 1. */
  readonly weight?: number
  /** It is asked only if nobody with a lower number may be. 0. */
  readonly priority?: number
  /** For the Host field, before `rewrite` is called. That of `to`. */
  readonly host?: string
}

/** `trial`: it was ejected, and is asked once at a time until an answer comes. `leaving`: it is in the set no more. */
export type Condition = 'up' | 'down' | 'ejected' | 'trial' | 'draining' | 'leaving'

/** `undecided` says nothing of the endpoint: the client left, or a hook threw. */
export type AttemptOutcome = 'completed' | 'failed' | 'undecided'

export interface EndpointState {
  readonly id: string
  readonly condition: Condition
  readonly weight: number
  readonly priority: number
  /** Less than `weight` while it starts slowly. */
  readonly currentWeight: number
  /** Attempts under way. */
  readonly inFlight: number
  /** Attempts that were begun. Each of them is under way, or ended in one of the three ways. */
  readonly attempts: number
  readonly completed: number
  readonly failed: number
  /** Those that say nothing of it: the client left, or a hook threw. */
  readonly undecided: number
  /** How often in a row it was ejected. */
  readonly ejections: number
  /** Milliseconds until it is tried again. */
  readonly coolOff: number
  /** What came of the last check: `passed`, or what was wrong. Undefined as long as there was none. */
  readonly check: string | undefined
}

export interface MemberOptions {
  readonly clock: Clock
  readonly circuit: CircuitOptions | undefined
  readonly slowStart: number
}

/** A tenth: enough to be noticed, little enough to be borne. */
const slowest = 0.1

export class Member implements Candidate {
  readonly id: string
  readonly to: Origin
  weight: number
  priority: number
  host: string | undefined
  inFlight = 0
  isUp = true
  /** What came of the last check. */
  check: string | undefined
  isDraining = false
  isLeaving = false
  /** Made by the set. */
  route!: Route
  readonly #clock: Clock
  readonly #circuit: Circuit | undefined
  readonly #slowStart: number
  /** When it came, or came back. */
  #since = Number.NEGATIVE_INFINITY
  readonly #ended: Record<AttemptOutcome, number> = { completed: 0, failed: 0, undecided: 0 }
  #attempts = 0
  readonly #idle: (() => void)[] = []

  constructor(
    id: string,
    { to, weight = 1, priority = 0, host }: Entry,
    { clock, circuit, slowStart }: MemberOptions,
  ) {
    this.id = id
    this.to = to
    this.weight = weight
    this.priority = priority
    this.host = host
    this.#clock = clock
    this.#circuit = circuit && new Circuit(circuit, clock)
    this.#slowStart = slowStart
  }

  /** It begins with little, and gets more of the load little by little. */
  startSlowly(): void {
    this.#since = this.#clock.now()
  }

  get currentWeight(): number {
    if (this.#slowStart === 0) return this.weight
    const share = (this.#clock.now() - this.#since) / this.#slowStart
    return share >= 1 ? this.weight : this.weight * Math.max(slowest, share)
  }

  /** Whether it takes part at all: in panic, that is all that counts. */
  get takesPart(): boolean {
    return !this.isDraining && !this.isLeaving
  }

  get mayBeAsked(): boolean {
    return this.takesPart && this.isUp && (this.#circuit?.allows ?? true)
  }

  /** Milliseconds until it may be asked, as far as that can be known. */
  get wait(): number {
    return this.#circuit?.wait ?? 0
  }

  /** @returns whether it is tried by this attempt. */
  begin(): boolean {
    this.inFlight++
    this.#attempts++
    return this.#circuit?.begin() ?? false
  }

  /** @returns whether it has come back by that. */
  answered(trial: boolean): boolean {
    return this.#circuit !== undefined && trial && this.#circuit.succeeded(true)
  }

  /** @returns whether it is ejected, or has come back, by that. */
  end(outcome: AttemptOutcome, trial: boolean): 'ejected' | 'returned' | undefined {
    this.inFlight--
    this.#ended[outcome]++
    if (this.inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve()
    const circuit = this.#circuit
    if (circuit === undefined) return undefined
    if (outcome === 'failed') return circuit.failed(trial) ? 'ejected' : undefined
    if (outcome === 'completed') return circuit.succeeded(trial) ? 'returned' : undefined
    if (trial) circuit.undecided()
    return undefined
  }

  /** Resolves when nothing is under way. */
  get idle(): Promise<void> {
    if (this.inFlight === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  get condition(): Condition {
    if (this.isLeaving) return 'leaving'
    if (this.isDraining) return 'draining'
    if (!this.isUp) return 'down'
    if (this.#circuit === undefined || this.#circuit.isClosed) return 'up'
    return this.#circuit.wait > 0 ? 'ejected' : 'trial'
  }

  get state(): EndpointState {
    const { id, condition, weight, priority, currentWeight, inFlight } = this
    return {
      id,
      condition,
      weight,
      priority,
      currentWeight,
      inFlight,
      attempts: this.#attempts,
      ...this.#ended,
      ejections: this.#circuit?.openings ?? 0,
      coolOff: this.wait,
      check: this.check,
    }
  }
}

/** What two entries for the same endpoint have in common. @throws TypeError when it is none. */
export function idOf(to: Origin): string {
  const { socketPath, origin, basePath, baseQuery } = endpoint(to)
  if (socketPath !== undefined) return `unix:${socketPath}`
  return `${origin}${basePath}${baseQuery === '' ? '' : `?${baseQuery}`}`
}

const entryKeys = ['to', 'weight', 'priority', 'host']

/** @throws TypeError that says what is wrong with it. */
export function entryOf(given: Origin | Entry): Entry {
  if (typeof given !== 'object' || given === null || !('to' in given)) return { to: given }
  const { weight = 1, priority = 0, host } = given
  const unknown = Object.keys(given).find((key) => !entryKeys.includes(key))
  if (unknown !== undefined)
    throw new TypeError(`An endpoint has no ${unknown}. Known: ${entryKeys.join(', ')}`)
  if (typeof weight !== 'number' || !(weight > 0) || weight === Number.POSITIVE_INFINITY)
    throw new TypeError(`The weight of an endpoint is a number above zero, not ${String(weight)}`)
  if (!Number.isInteger(priority))
    throw new TypeError(`The priority of an endpoint is a whole number, not ${String(priority)}`)
  if (host !== undefined && (typeof host !== 'string' || !isHost(host)))
    throw new TypeError(`The host of an endpoint is a name, with or without a port, not ${String(host)}`)
  return given
}
