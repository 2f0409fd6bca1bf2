/** Which of the endpoints that may be asked is asked. */

import type { Exchange } from '@relayrace/gateway'

/** An endpoint that may be asked now. */
export interface Candidate {
  /** Its URL, or `unix:` and the path of its socket. */
  readonly id: string
  /** As it was given. */
  readonly weight: number
  /** As it is now: less while it starts slowly. */
  readonly currentWeight: number
  /** Attempts under way. */
  readonly inFlight: number
}

/** Chooses one of at least two. May keep what it wants to know of each, by the object, which stays the same. */
export type Policy = (candidates: readonly Candidate[], exchange: Exchange) => Candidate

/** One after the other, as often as their weights say, and as evenly as that can be (smooth weighted round robin). */
export function roundRobin(): Policy {
  const credits = new WeakMap<Candidate, number>()
  return (candidates) => {
    let total = 0
    let best = candidates[0] as Candidate
    let most = Number.NEGATIVE_INFINITY
    for (const candidate of candidates) {
      const { currentWeight } = candidate
      const credit = (credits.get(candidate) ?? 0) + currentWeight
      credits.set(candidate, credit)
      total += currentWeight
      if (credit > most) {
        most = credit
        best = candidate
      }
    }
    credits.set(best, most - total)
    return best
  }
}

const load = ({ inFlight, currentWeight }: Candidate): number => inFlight / currentWeight

/** Who has the least under way for its weight; of several such, in turn. */
export function leastInFlight(): Policy {
  const inTurn = roundRobin()
  return (candidates, exchange) => {
    let least = Number.POSITIVE_INFINITY
    let best: Candidate[] = []
    for (const candidate of candidates) {
      const its = load(candidate)
      if (its > least) continue
      if (its < least) {
        least = its
        best = []
      }
      best.push(candidate)
    }
    return best.length === 1 ? (best[0] as Candidate) : inTurn(best, exchange)
  }
}

/**
 * Of two at random, who has less under way for its weight. Several gateways in front of the same endpoints then do not
 * all run to the same one.
 */
export function twoChoices(random: () => number = Math.random): Policy {
  return (candidates) => {
    const first = Math.floor(random() * candidates.length)
    const other = (first + 1 + Math.floor(random() * (candidates.length - 1))) % candidates.length
    const [one, two] = [candidates[first] as Candidate, candidates[other] as Candidate]
    const difference = load(one) - load(two)
    if (difference !== 0) return difference < 0 ? one : two
    return random() * (one.currentWeight + two.currentWeight) < one.currentWeight ? one : two
  }
}
