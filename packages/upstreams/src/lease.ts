/** An attempt at an endpoint, from the choice to its end: counted once, with what it says of the endpoint. */

import { type Exchange, GatewayError } from '@relayrace/gateway'
import type { AttemptOutcome, Member } from './member.ts'

/** The set that the endpoint is in. */
export interface Lender {
  /** Statuses that are a failure of the endpoint. */
  readonly failing: ReadonlySet<number>
  answered(lease: Lease): void
  ended(lease: Lease, outcome: AttemptOutcome, error: GatewayError | undefined): void
  /** Whether to ask another one. If so that is taken from the budget. @returns what gives it back, when nobody was asked. */
  again(tried: readonly Member[], error: GatewayError): (() => void) | undefined
}

export class Lease {
  readonly member: Member
  readonly exchange: Exchange
  /** Whether the endpoint is tried by it, after it was ejected. */
  readonly trial: boolean
  /** What the endpoint has answered with; 0 as long as it has not. */
  status = 0
  /** The answer was given up for one from elsewhere: what follows says nothing of the endpoint. */
  isElsewhere = false
  readonly #lender: Lender
  #over = false

  constructor(lender: Lender, member: Member, exchange: Exchange) {
    this.#lender = lender
    this.member = member
    this.exchange = exchange
    this.trial = member.begin()
  }

  answered(status: number): void {
    this.status = status
    this.#lender.answered(this)
  }

  end(cause: unknown): void {
    if (this.#over) return
    this.#over = true
    const error = cause instanceof GatewayError ? cause : undefined
    this.#lender.ended(this, this.#outcome(cause, error), error)
  }

  again(tried: readonly Member[], error: GatewayError): (() => void) | undefined {
    return this.#lender.again(tried, error)
  }

  #outcome(cause: unknown, error: GatewayError | undefined): AttemptOutcome {
    const status = this.status === 0 && cause === undefined ? this.exchange.status : this.status
    if (this.#lender.failing.has(status)) return 'failed'
    if (cause === undefined || this.isElsewhere) return 'completed'
    if (error?.source !== 'upstream') return 'undecided'
    // With an answer under way it may be the client that has taken all the time there was.
    return error.phase === 'total' && status !== 0 ? 'undecided' : 'failed'
  }
}
