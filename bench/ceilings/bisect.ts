/** Finds the smallest limit that is enough, by halving; knows nothing of memory. */

export interface Search {
  /** Where to begin: a limit that is probably enough. */
  readonly start: number
  /** Beyond this nobody looks. */
  readonly most: number
  /** Limits are multiples of it, and the answer is no finer. */
  readonly resolution: number
  /** How many limits are tried at most. One that is tried twice counts twice. */
  readonly steps: number
}

/**
 * `perhaps` is a no that chance may have made, such as a speed on a busy machine: it is asked again. `unlikely` is one that
 * chance has probably made: it is asked again more often.
 */
export type Answer = 'enough' | 'perhaps' | 'unlikely' | 'no'

export interface Found {
  /** The smallest limit that was enough, and enough once more when asked again. Null when there is none. */
  readonly ceiling: number | null
  /** The largest limit below it that was not enough; 0 when none was. */
  readonly below: number
  /** `coarse`: the steps ran out, and the answer lies between `below` and `ceiling`. */
  readonly how: 'found' | 'coarse' | 'never enough' | 'stopped'
}

/** How often it is asked again before it is a no. */
const repeats = { enough: 0, perhaps: 2, unlikely: 5, no: 0 } as const

/** `ask` returns undefined to stop. */
export async function bisect(
  { start, most, resolution, steps }: Search,
  ask: (limit: number) => Promise<Answer | undefined>,
): Promise<Found> {
  const onGrid = (limit: number): number => Math.max(1, Math.round(limit / resolution)) * resolution
  const top = Math.max(resolution, Math.floor(most / resolution) * resolution)
  const enough = new Map<number, number>()
  let below = 0

  /** Whatever was enough at or below a limit that was not, was luck. */
  const smallestEnough = (): number | undefined =>
    [...enough.keys()].filter((limit) => limit > below).toSorted((a, b) => a - b)[0]

  for (let step = 0; step < steps; ) {
    const high = smallestEnough()
    if (high !== undefined && high - below <= resolution && (enough.get(high) ?? 0) > 1) {
      return { ceiling: high, below, how: 'found' }
    }
    if (high === undefined && below >= top) return { ceiling: null, below, how: 'never enough' }
    const wanted =
      high === undefined
        ? Math.min(top, onGrid(Math.max(start, 2 * below)))
        : high - below > resolution
          ? onGrid((below + high) / 2)
          : high
    const limit = wanted === below ? wanted + resolution : wanted
    let answer: Answer | undefined = 'perhaps'
    for (let tries = 0; step < steps; tries++) {
      answer = await ask(limit)
      step++
      if (answer === undefined || tries >= repeats[answer]) break
    }
    if (answer === undefined) return { ceiling: null, below, how: 'stopped' }
    if (answer === 'enough') enough.set(limit, (enough.get(limit) ?? 0) + 1)
    else below = Math.max(below, limit)
  }
  const high = smallestEnough()
  return high === undefined
    ? { ceiling: null, below, how: 'never enough' }
    : { ceiling: high, below, how: 'coarse' }
}
