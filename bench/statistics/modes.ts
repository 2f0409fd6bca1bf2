/** Samples of two kinds: a median of them says little, and that they are of two kinds says much. */

import { median } from './describe.ts'

export interface Mode {
  readonly count: number
  readonly median: number
}

/** The fewest that make a kind. */
const fewest = 3
/** How much wider the gap is than either kind, at least. Of samples from one bell curve one set in a hundred has such a gap. */
const widest = 2
/** A gap that is narrower than this share of the upper kind is none that anybody would care about. */
const least = 0.05

/** The two kinds, the lower one first; undefined when they are of one. */
export function twoModes(samples: readonly number[]): readonly [Mode, Mode] | undefined {
  const sorted = [...samples].sort((a, b) => a - b)
  let split = 0
  let gap = 0
  for (let at = fewest; at <= sorted.length - fewest; at++) {
    const here = (sorted[at] as number) - (sorted[at - 1] as number)
    if (here > gap) [split, gap] = [at, here]
  }
  if (split === 0) return undefined
  const [lower, upper] = [sorted.slice(0, split), sorted.slice(split)]
  const width = (kind: readonly number[]): number => (kind.at(-1) as number) - (kind[0] as number)
  if (gap < widest * Math.max(width(lower), width(upper))) return undefined
  if (gap < least * Math.abs(median(upper))) return undefined
  const mode = (kind: readonly number[]): Mode => ({ count: kind.length, median: median(kind) })
  return [mode(lower), mode(upper)]
}
