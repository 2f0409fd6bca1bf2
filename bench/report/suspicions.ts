/** Faults that figures give away: who has one is named, and wins nothing. */

import { formatSize } from '@relayrace/fixtures/payloads'
import { median } from '../statistics/describe.ts'
import { number } from './numbers.ts'
import type { Results } from './results.ts'

export interface Suspicion {
  readonly scenario: string
  /** What it does, and what that is called. */
  readonly says: string
  /** Everything else that it was measured in was made easier by it. */
  readonly everywhere: boolean
}

interface Sign {
  readonly scenario: string
  readonly metric: string
  readonly everywhere: boolean
  /** Undefined where the figure gives nothing away. `least` is what somebody else has in the same run. */
  says(figure: number, results: Results, least: number): string | undefined
}

const MiB = 1024 ** 2
/** A process may hold some buffers for a client that does not read, and no more. */
const mostPerStream = 8 * 1024
/** Between two events of one stream, in milliseconds. */
const interval = 10

const signs: readonly Sign[] = [
  {
    scenario: 'stalled',
    metric: 'processPerStream',
    everywhere: true,
    says: (figure) =>
      figure > mostPerStream
        ? `holds ${number(figure)} KiB for each client that does not read: it ignores backpressure`
        : undefined,
  },
  {
    scenario: 'stalled',
    metric: 'leftPerStream',
    everywhere: true,
    says: (figure) =>
      figure >= 0.5
        ? `keeps ${number(figure)} sockets for each client that has left: it leaks them`
        : undefined,
  },
  {
    scenario: 'aborts',
    metric: 'leftPerClient',
    everywhere: true,
    says: (figure) =>
      figure >= 0.05
        ? `keeps ${number(figure)} descriptors for each client that leaves in the middle: it leaks them`
        : undefined,
  },
  {
    scenario: 'download',
    metric: 'peakMemory',
    everywhere: true,
    says(figure, { scale }) {
      const size = scale['download.size'] ?? scale.size ?? 0
      // Below that a program weighs as much as a body.
      if (size < 256 * MiB || figure * MiB < 0.75 * size) return undefined
      return `holds ${number(figure)} MiB while it relays ${formatSize(size)}: it buffers whole bodies`
    },
  },
  {
    scenario: 'events',
    metric: 'delayMedian',
    everywhere: false,
    // A machine that is busy delays everybody.
    says: (figure, _, least) =>
      figure > interval && figure > 4 * least
        ? `delays events by ${number(figure)} ms, which is more than lies between two: it sends several at once`
        : undefined,
  },
]

/** By target. */
export function suspicionsIn(results: Results): ReadonlyMap<string, readonly Suspicion[]> {
  const found = new Map<string, Suspicion[]>()
  for (const { scenario, metric, everywhere, says } of signs) {
    const medians = results.targets.flatMap(({ name }) => {
      const figures = results.samples.flatMap((sample) =>
        sample.scenario === scenario && sample.target === name ? (sample.values[metric] ?? []) : [],
      )
      return figures.length === 0 ? [] : { name, figure: median(figures) }
    })
    const least = Math.min(...medians.map(({ figure }) => figure))
    for (const { name, figure } of medians) {
      const said = says(figure, results, least)
      if (said !== undefined)
        found.set(name, [...(found.get(name) ?? []), { scenario, says: said, everywhere }])
    }
  }
  return found
}
