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

/** Of all ways to choose among them, with `size` of them chosen or any number, how many have each sum. */
function sums(ranks: readonly number[], size?: number): Map<number, number> {
  let ways = new Map<string, number>([['0 0', 1]])
  for (const rank of ranks) {
    const next = new Map(ways)
    for (const [key, count] of ways) {
      const [chosen = 0, sum = 0] = key.split(' ').map(Number)
      if (chosen === size) continue
      const more = `${size === undefined ? 0 : chosen + 1} ${sum + rank}`
      next.set(more, (next.get(more) ?? 0) + count)
    }
    ways = next
  }
  const found = new Map<number, number>()
  for (const [key, count] of ways) {
    const [chosen = 0, sum = 0] = key.split(' ').map(Number)
    if (size === undefined || chosen === size) found.set(sum, (found.get(sum) ?? 0) + count)
  }
  return found
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
  return bothTails(sums(ranks, one.length), observed)
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
