/** How fast the target is without a limit, kept up to date: a machine that others use is not always as fast. */

import { median } from '../statistics/describe.ts'

/** Of how many runs without a limit the median counts: the latest. */
const latest = 3

export interface Reference {
  /** The median of the latest runs without a limit. */
  readonly speed: number
  add(speed: number): void
  /** Whether a speed is so far from the reference, to either side, that the machine may have changed. */
  doubts(speed: number): boolean
  keeps(speed: number): boolean
}

export function referenceOf(speeds: readonly number[], share: number): Reference {
  const all = [...speeds]
  const now = (): number => median(all.slice(-Math.max(latest, speeds.length)))
  return {
    get speed() {
      return now()
    },
    add: (speed) => void all.push(speed),
    doubts: (speed) => speed < share * now() || speed * share > now(),
    keeps: (speed) => speed >= share * now(),
  }
}
