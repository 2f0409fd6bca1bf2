/** Whether two clients say the same of a target. */

import { median } from '../statistics/describe.ts'

export interface Figures {
  /** Right responses per second. */
  readonly rate: number
  /** Processor time of the target for each, in µs; null without a process. */
  readonly cpu: number | null
}

export interface Agreement {
  /** Ours by theirs: the median over the rounds. */
  readonly rate: number
  readonly cpu: number | null
  /** Undefined where there is no processor time to judge by. */
  readonly agree: boolean | undefined
}

/** How far apart they may be. */
export const tolerance = 0.1

/** Both of the same rounds, in the same order. */
export function agreement(ours: readonly Figures[], theirs: readonly Figures[]): Agreement {
  const ratios = (of: (one: Figures) => number | null): number[] =>
    ours.flatMap((one, round) => {
      const [a, b] = [of(one), of(theirs[round] as Figures)]
      return a === null || b === null ? [] : a / b
    })
  const cpus = ratios(({ cpu }) => cpu)
  const cpu = cpus.length === 0 ? null : median(cpus)
  return {
    rate: median(ratios(({ rate }) => rate)),
    cpu,
    agree: cpu === null ? undefined : cpu > 1 - tolerance && cpu < 1 / (1 - tolerance),
  }
}
