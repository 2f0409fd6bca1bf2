/** What a run says of any two targets: better, worse, equal, or that nobody can tell. */

import type { Interval } from '../statistics/describe.ts'
import { holm, judge } from '../statistics/verdict.ts'
import { bandOf, type Pair, type Versus, versus } from '../statistics/versus.ts'
import { counted, listed, number } from './numbers.ts'
import type { MetricRecord, Results, ScenarioRecord } from './results.ts'

/** One target beside another, by one metric of a scenario. */
export interface Told {
  readonly verdict: 'better' | 'worse' | 'equal' | 'inconclusive'
  /** One by the other, the median of all rounds. */
  readonly ratio: number
  readonly interval: Interval | undefined
  /** After the adjustment for all comparisons that were made with it. */
  readonly p: number
  /** As far from 1 as this run lies from itself. */
  readonly band: number
  readonly rounds: number
  /** Rounds in which one of the two has no figure. */
  readonly leftOut: number
  /** Why nobody can tell, where that is not for the figures alone. */
  readonly why: string | undefined
}

/** The figures of a metric, by target and round, and what chance alone does to them. */
export interface Figures {
  readonly better: MetricRecord['better']
  readonly band: number
  readonly of: ReadonlyMap<string, ReadonlyMap<number, number>>
  /** What went wrong, by target: nothing is concluded from what is left. */
  readonly wrong: ReadonlyMap<string, string>
}

export function figuresOf(results: Results, scenario: ScenarioRecord, metric: MetricRecord): Figures {
  const of = new Map<string, Map<number, number>>()
  const failed = new Map<string, Set<string>>()
  const taken = results.samples.filter((sample) => sample.scenario === scenario.name)
  for (const { target, round, values, problems } of taken) {
    const value = values[metric.id]
    const mine = of.get(target) ?? new Map<number, number>()
    of.set(target, mine)
    if (typeof value === 'number') mine.set(round, value)
    for (const problem of Object.keys(problems)) {
      failed.set(target, (failed.get(target) ?? new Set()).add(problem))
    }
  }
  const control = results.targets.flatMap(({ name, again }) =>
    again === undefined ? [] : pairsOf(of, name, again).pairs,
  )
  const wrong = new Map(
    [...failed].map(([name, problems]) => [name, `${name} went wrong: ${listed([...problems])}`]),
  )
  return { better: metric.better, band: bandOf(control), of, wrong }
}

export function pairsOf(
  of: Figures['of'],
  one: string,
  other: string,
): { readonly pairs: readonly Pair[]; readonly leftOut: number } {
  const [mine, others] = [
    of.get(one) ?? new Map<number, number>(),
    of.get(other) ?? new Map<number, number>(),
  ]
  const rounds = new Set([...mine.keys(), ...others.keys()])
  const pairs = [...rounds].flatMap((round) => {
    const [first, second] = [mine.get(round), others.get(round)]
    return first === undefined || second === undefined ? [] : [{ one: first, other: second }]
  })
  return { pairs, leftOut: rounds.size - pairs.length }
}

/** One target beside each of the others: as many comparisons are made as there are others, and each is adjusted for them. */
export function tellAll(figures: Figures, one: string, others: readonly string[]): readonly Told[] {
  const found = others.map((other) => {
    const { pairs, leftOut } = pairsOf(figures.of, one, other)
    return { other, leftOut, seen: versus(pairs) }
  })
  const ps = holm(found.map(({ seen }) => seen.p))
  return found.map(({ other, leftOut, seen }, i) =>
    told(figures, one, other, leftOut, { ...seen, p: ps[i] as number }),
  )
}

/** A question that somebody had before looking: the only comparison that is made. */
export const tell = (figures: Figures, one: string, other: string): Told =>
  tellAll(figures, one, [other])[0] as Told

function told(figures: Figures, one: string, other: string, leftOut: number, seen: Versus): Told {
  const { band, better, wrong } = figures
  const why = wrong.get(one) ?? wrong.get(other) ?? tooFew(seen)
  const verdict =
    why !== undefined || seen.interval === undefined ? 'inconclusive' : judge(seen.interval, seen.p, band)
  return { ...seen, band, leftOut, why, verdict: worded(verdict, better) }
}

function tooFew({ rounds, interval }: Versus): string | undefined {
  if (rounds === 0) return 'there is no round in which both have a figure'
  return interval === undefined
    ? `${counted(rounds, 'round')} ${rounds === 1 ? 'is' : 'are'} too few for an interval`
    : undefined
}

export function worded(verdict: ReturnType<typeof judge>, better: MetricRecord['better']): Told['verdict'] {
  if (verdict === 'equal' || verdict === 'inconclusive') return verdict
  return (verdict === 'lower') === (better === 'lower') ? 'better' : 'worse'
}

/** `0.40 × nginx (95 % interval 0.38 to 0.42, 10 rounds): better`. */
export function toldText(
  { ratio, interval, rounds, leftOut, verdict, why, band }: Told,
  other: string,
): string {
  if (why !== undefined) return `no verdict: ${why}`
  const sure = interval ? `95 % interval ${number(interval.low)} to ${number(interval.high)}, ` : ''
  const without = leftOut > 0 ? `, ${counted(leftOut, 'round')} without one of them` : ''
  const within =
    verdict === 'equal' ? `, within the ${(band * 100).toFixed(1)} % that chance alone makes` : ''
  return `${number(ratio)} × ${other} (${sure}${counted(rounds, 'round')}${without}): ${verdict}${within}`
}
