/** Whether two sets of samples differ: exact tests on ranks, and a verdict that may be that nobody can tell. */

import { type Random, seeded } from '@relayrace/fixtures/random'
import { type Interval, median, quantile } from './describe.ts'

/** Ranks with ties shared, doubled so that they are whole numbers. */
function doubledRanks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => (values[a] as number) - (values[b] as number))
  const ranks: number[] = new Array(values.length)
  for (let from = 0; from < order.length; ) {
    let to = from
    while (to + 1 < order.length && values[order[to + 1] as number] === values[order[from] as number]) to++
    for (let i = from; i <= to; i++) ranks[order[i] as number] = from + to + 2
    from = to + 1
  }
  return ranks
}

/** How many of all ways to choose any number of them have each sum. */
function sums(ranks: readonly number[]): Map<number, number> {
  const ways = new Float64Array(ranks.reduce((sum, rank) => sum + rank, 0) + 1)
  ways[0] = 1
  let most = 0
  for (const rank of ranks) {
    most += rank
    for (let sum = most; sum >= rank; sum--) ways[sum] = (ways[sum] as number) + (ways[sum - rank] as number)
  }
  return new Map([...ways.entries()].filter(([, count]) => count > 0))
}

/** How many of all ways to choose so many of them have each sum. */
function sumsOf(ranks: readonly number[], size: number): Map<number, number> {
  const ways: Map<number, number>[] = Array.from({ length: size + 1 }, () => new Map<number, number>())
  ways[0]?.set(0, 1)
  for (const rank of ranks) {
    for (let chosen = size; chosen > 0; chosen--) {
      for (const [sum, count] of ways[chosen - 1] as Map<number, number>) {
        const into = ways[chosen] as Map<number, number>
        into.set(sum + rank, (into.get(sum + rank) ?? 0) + count)
      }
    }
  }
  return ways[size] as Map<number, number>
}

/** Both tails: twice the smaller one, and never more than 1. */
function bothTails(distribution: ReadonlyMap<number, number>, observed: number): number {
  let [all, below, above] = [0, 0, 0]
  for (const [sum, count] of distribution) {
    all += count
    if (sum <= observed) below += count
    if (sum >= observed) above += count
  }
  return Math.min(1, (2 * Math.min(below, above)) / all)
}

/** Wilcoxon's signed-rank test of paired differences, exact, two-sided; zeros are left out. 1 without any. */
export function signedRank(differences: readonly number[]): number {
  const moved = differences.filter((one) => one !== 0)
  if (moved.length === 0) return 1
  const ranks = doubledRanks(moved.map(Math.abs))
  const observed = ranks.reduce((sum, rank, i) => sum + ((moved[i] as number) > 0 ? rank : 0), 0)
  return bothTails(sums(ranks), observed)
}

/** Wilcoxon's rank-sum test (Mann and Whitney) of two independent sets, exact, two-sided. */
export function rankSum(one: readonly number[], other: readonly number[]): number {
  if (one.length === 0 || other.length === 0) return 1
  const ranks = doubledRanks([...one, ...other])
  const observed = ranks.slice(0, one.length).reduce((sum, rank) => sum + rank, 0)
  return bothTails(sumsOf(ranks, one.length), observed)
}

/** The smallest p that so many samples on each side can have: nothing is found below it. */
export function smallestP(one: number, other: number): number {
  let ways = 1
  for (let i = 1; i <= one; i++) ways = (ways * (other + i)) / i
  return Math.min(1, 2 / ways)
}

/** Holm's adjustment for as many comparisons as were made, in the order given. */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((_, i) => i).sort((a, b) => (ps[a] as number) - (ps[b] as number))
  const adjusted: number[] = new Array(ps.length)
  let least = 0
  for (const [rank, i] of order.entries()) {
    least = Math.max(least, Math.min(1, (ps.length - rank) * (ps[i] as number)))
    adjusted[i] = least
  }
  return adjusted
}

/** The ratio of two medians, and its 95 % bootstrap interval: both sets are drawn from anew. */
export function ratioOfMedians(
  values: readonly number[],
  base: readonly number[],
  random: Random = seeded(1),
  resamples = 5_000,
): { readonly ratio: number; readonly interval: Interval } {
  const draw = (from: readonly number[]): number =>
    median(from.map(() => from[Math.floor(random() * from.length)] as number))
  const ratios = Array.from({ length: resamples }, () => draw(values) / draw(base))
  return {
    ratio: median(values) / median(base),
    interval: { low: quantile(ratios, 0.025), high: quantile(ratios, 0.975) },
  }
}

/**
 * `lower` and `higher`: the interval lies beyond the band on one side, and chance is no explanation. `equal`: it lies within
 * the band. Everything else is `inconclusive`.
 */
export type Verdict = 'lower' | 'higher' | 'equal' | 'inconclusive'

/** Of that many comparisons one in twenty may be called a difference that is none. */
const significance = 0.05

/** @param band Ratios from 1 - band to 1 + band are called equal. @param p After the adjustment for all comparisons. */
export function judge({ low, high }: Interval, p: number, band: number): Verdict {
  if (low >= 1 - band && high <= 1 + band) return 'equal'
  if (p >= significance) return 'inconclusive'
  if (high < 1 - band) return 'lower'
  return low > 1 + band ? 'higher' : 'inconclusive'
}
