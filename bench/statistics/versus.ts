/** One set of samples against another, round by round: how much of it, how sure, and what may be called the same. */

import { bootstrap, fewestForInterval, type Interval, median, quantile } from './describe.ts'
import { signedRank } from './verdict.ts'

/** Both of the same round. */
export interface Pair {
  readonly one: number
  readonly other: number
}

export interface Versus {
  /** One by the other: the median over all rounds. */
  readonly ratio: number
  /** 95 %; undefined where there are too few rounds for one. */
  readonly interval: Interval | undefined
  /** Of Wilcoxon's signed-rank test, exact and two-sided, of this comparison alone. */
  readonly p: number
  readonly rounds: number
}

const resamples = 2_000

export function versus(pairs: readonly Pair[]): Versus {
  const logs = logRatios(pairs)
  const enough = logs.length >= fewestForInterval
  return {
    ratio: Math.exp(median(logs)),
    interval: enough ? exponential(bootstrap(logs, undefined, resamples)) : undefined,
    p: signedRank(logs),
    rounds: pairs.length,
  }
}

/** Less is noise that no run of ours has been free of. */
const leastBand = 0.02

/**
 * What may be called equal: as far from 1 as a target lies from itself under another name, in 95 of 100 rounds.
 * @param pairs Of that control. Without any it is the least band.
 */
export function bandOf(pairs: readonly Pair[]): number {
  if (pairs.length === 0) return leastBand
  const logs = logRatios(pairs)
  const { low, high } = exponential({ low: quantile(logs, 0.025), high: quantile(logs, 0.975) })
  return Math.max(leastBand, 1 - low, high - 1)
}

/** A figure that is nothing, or less than what a process moves by itself, has no ratio: its distance counts instead. */
function logRatios(pairs: readonly Pair[]): number[] {
  if (pairs.every(({ one, other }) => one > 0 && other > 0)) {
    return pairs.map(({ one, other }) => Math.log(one / other))
  }
  const unit = median(pairs.flatMap(({ one, other }) => [Math.abs(one), Math.abs(other)])) || 1
  return pairs.map(({ one, other }) => (one - other) / unit)
}

const exponential = ({ low, high }: Interval): Interval => ({ low: Math.exp(low), high: Math.exp(high) })

/** The fewest rounds in which anything can be found among so many comparisons. */
export function roundsFor(comparisons: number, significance = 0.05): number {
  let rounds = fewestForInterval
  while ((2 / 2 ** rounds) * comparisons >= significance) rounds++
  return rounds
}
