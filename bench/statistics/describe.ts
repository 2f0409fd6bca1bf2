/** What a handful of samples says: the middle, the spread, and how sure a ratio is. Nothing is ever left out. */

import { type Random, seeded } from '@relayrace/fixtures/random'

export interface Description {
  readonly count: number
  readonly median: number
  /** Median absolute deviation from the median, not scaled. */
  readonly mad: number
  readonly min: number
  readonly max: number
}

export interface Interval {
  readonly low: number
  readonly high: number
}

export interface Ratio {
  readonly median: number
  readonly count: number
  /** 95 % bootstrap interval of the median; undefined below five pairs, where it would be for show. */
  readonly interval: Interval | undefined
}

/** The fewest pairs a bootstrap interval is given for. */
export const fewestForInterval = 5

/** The value below which the share `q` of the samples lies, interpolated linearly (type 7, as in R and NumPy). */
export function quantile(samples: readonly number[], q: number): number {
  if (samples.length === 0) return Number.NaN
  const sorted = [...samples].sort((a, b) => a - b)
  const position = (sorted.length - 1) * q
  const below = sorted[Math.floor(position)] as number
  const above = sorted[Math.ceil(position)] as number
  return below + (above - below) * (position - Math.floor(position))
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5)

export function describe(samples: readonly number[]): Description {
  const middle = median(samples)
  return {
    count: samples.length,
    median: middle,
    mad: median(samples.map((sample) => Math.abs(sample - middle))),
    min: samples.length === 0 ? Number.NaN : Math.min(...samples),
    max: samples.length === 0 ? Number.NaN : Math.max(...samples),
  }
}

/** The percentile bootstrap: 95 % interval of the median, from resamples drawn with the given numbers. */
export function bootstrap(
  samples: readonly number[],
  random: Random = seeded(1),
  resamples = 10_000,
): Interval {
  const ordered = samples.toSorted((a, b) => a - b)
  const place = samples.map((sample) => ordered.indexOf(sample))
  const medians = Array.from({ length: resamples }, () => medianOfDraw(ordered, place, random))
  return { low: quantile(medians, 0.025), high: quantile(medians, 0.975) }
}

/** The median of as many samples as there are, each drawn from all of them: counted, which is faster than sorted. */
function medianOfDraw(sorted: readonly number[], place: readonly number[], random: Random): number {
  const size = sorted.length
  const drawn = new Uint16Array(size)
  for (let i = 0; i < size; i++) {
    const at = place[Math.floor(random() * size)] as number
    drawn[at] = (drawn[at] as number) + 1
  }
  const [below, above] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)]
  let seen = 0
  let lower = Number.NaN
  for (let at = 0; at < size; at++) {
    seen += drawn[at] as number
    if (Number.isNaN(lower) && seen > below) lower = sorted[at] as number
    if (seen > above) return lower + ((sorted[at] as number) - lower) / 2
  }
  return lower
}

/** How one target relates to a base, pair by pair: both values of a pair come from the same round. */
export function pairedRatio(pairs: readonly { readonly value: number; readonly base: number }[]): Ratio {
  const ratios = pairs.filter(({ base }) => base !== 0).map(({ value, base }) => value / base)
  return {
    median: median(ratios),
    count: ratios.length,
    interval: ratios.length < fewestForInterval ? undefined : bootstrap(ratios),
  }
}
