/** What has been measured and judged, in short: the medians that decide, and what the suite says of each. */

import committed from './figures.json' with { type: 'json' }

export interface Figures {
  /** The day of the run: 2026-11-21. */
  readonly date: string
  /** Such as "2-core x64 Linux, Node v26.10.0". */
  readonly machine: string
  /** By scenario and metric, such as `download` and `cpuPerGiB`. */
  readonly scenarios: Readonly<Record<string, Readonly<Record<string, Figure>>>>
  /** By target. Empty where the results are somebody's own. */
  readonly conformance: Readonly<Record<string, Judged>>
}

export interface Figure {
  readonly label: string
  readonly unit: string
  readonly better: 'lower' | 'higher'
  /** By target. */
  readonly medians: Readonly<Record<string, number>>
}

export interface Judged {
  readonly passed: number
  readonly run: number
}

/** Those of the newest results in the repository this package was made from. */
export const figures: Figures = committed as Figures

/** What is read of the `results.json` that the bench writes. */
interface Results {
  readonly schema: string
  readonly createdAt: string
  readonly environment: { readonly machine: string; readonly node: string }
  readonly scenarios: readonly {
    readonly name: string
    readonly headline: string
    readonly metrics: readonly (Omit<Figure, 'medians'> & { readonly id: string })[]
  }[]
  readonly targets: readonly { readonly name: string; readonly kind: string }[]
  readonly samples: readonly {
    readonly scenario: string
    readonly target: string
    readonly values: Readonly<Record<string, number | null>>
    readonly problems: Readonly<Record<string, number>>
  }[]
}

/** @throws {TypeError} when the text is no results of the bench. */
export function figuresOf(text: string, conformance: Figures['conformance'] = {}): Figures {
  const { createdAt, environment, scenarios, targets, samples } = parse(text)
  const contestants = targets.filter(({ kind }) => kind !== 'control')
  return {
    date: createdAt.slice(0, 10),
    machine: `${environment.machine}, Node ${environment.node}`,
    scenarios: Object.fromEntries(
      scenarios.map(({ name, headline, metrics }) => [
        name,
        Object.fromEntries(
          metrics
            .filter(({ id }) => id === headline || id === 'peakMemory')
            .map(({ id, label, unit, better }) => [
              id,
              { label, unit, better, medians: Object.fromEntries(contestants.flatMap(mediansOf(name, id))) },
            ]),
        ),
      ]),
    ),
    conformance,
  }

  function mediansOf(scenario: string, metric: string) {
    return ({ name }: { name: string }): [string, number][] => {
      const mine = samples.filter((sample) => sample.scenario === scenario && sample.target === name)
      // What went wrong has no figure: a short answer is quick.
      if (mine.some(({ problems }) => Object.keys(problems).length > 0)) return []
      const values = mine.flatMap(({ values }) => values[metric] ?? [])
      return values.length === 0 ? [] : [[name, median(values)]]
    }
  }
}

function parse(text: string): Results {
  let results: Results
  try {
    results = JSON.parse(text)
  } catch (cause) {
    throw new TypeError('these are no results: not JSON; give the results.json that the bench has written', {
      cause,
    })
  }
  if (!String(results?.schema).startsWith('relayrace-bench/'))
    throw new TypeError('these are no results of the bench: give the results.json that it has written')
  return results
}

/** To three digits: more would be noise. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const value =
    sorted.length % 2 === 1
      ? (sorted[Math.floor(middle)] as number)
      : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
  return Number(value.toPrecision(3))
}

/** Reads the table of docs/conformance.md: a row for each target, passed of run in the second column. */
export function conformanceOf(markdown: string): Figures['conformance'] {
  const rows = markdown.matchAll(/^\| ([a-z][\w-]*)[^|]* \| (\d+)\/(\d+) \|/gm)
  return Object.fromEntries(
    Array.from(rows, ([, name = '', passed, run]) => [name, { passed: Number(passed), run: Number(run) }]),
  )
}
