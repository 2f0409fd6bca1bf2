/** What the samples say: the middle and spread of each metric, who is best, what may be concluded and what not. */

import {
  type Description,
  describe,
  fewestForInterval,
  pairedRatio,
  type Ratio,
} from '../statistics/describe.ts'
import { counted, listed, number } from './numbers.ts'
import type { MetricRecord, Results, SampleRecord, ScenarioRecord, TargetRecord } from './results.ts'

export interface Summary {
  readonly results: Results
  readonly scenarios: readonly ScenarioSummary[]
  /** Targets that were to be measured and could not be. */
  readonly absent: readonly TargetRecord[]
  /** What a reader has to know before any number: one sentence each. */
  readonly cautions: readonly string[]
}

export interface ScenarioSummary {
  readonly record: ScenarioRecord
  readonly headline: MetricRecord
  /** Contestants by the headline, best first; then those with no figure; controls last. */
  readonly rows: readonly Row[]
  /** By metric: the best contestant, then those that this run cannot tell from it. */
  readonly winners: ReadonlyMap<string, readonly string[]>
  /** What it means, in plain words. */
  readonly sentences: readonly string[]
  /** Goodput is bounded by the client and the origin rather than by the proxies. */
  readonly generatorBound: boolean
  /** What ratios refer to; undefined where the base has no figure. */
  readonly base: string | undefined
}

export interface Row {
  readonly target: TargetRecord
  /** By metric. A metric that could not be measured is missing. */
  readonly cells: ReadonlyMap<string, Cell>
  /** The headline in relation to the base, round by round. */
  readonly ratio: Ratio | undefined
  /** What went wrong in all its samples, and how often. */
  readonly problems: ReadonlyMap<string, number>
  readonly samples: number
  readonly failed: number
  /** Why it cannot do this, where that is known. */
  readonly limit: string | undefined
}

export interface Cell extends Description {
  readonly values: readonly number[]
}

/** Two medians closer than this are called equal, whatever the spread says. */
const noiseFloor = 0.02

export function summarize(results: Results): Summary {
  const scenarios = results.scenarios
    .filter(({ name }) => results.samples.some(({ scenario }) => scenario === name))
    .map((record) => summarizeScenario(results, record))
  return {
    results,
    scenarios,
    absent: results.targets.filter(({ absent }) => absent !== null),
    cautions: cautions(results),
  }
}

/** Samples that went wrong where nothing of the kind was known. */
export const unexpectedFailures = (results: Results): readonly SampleRecord[] =>
  results.samples.filter(
    (sample) => hasFailed(sample) && limitOf(results, sample.scenario, sample.target) === undefined,
  )

const hasFailed = ({ problems }: SampleRecord): boolean => Object.keys(problems).length > 0

const limitOf = ({ knownLimits }: Results, scenario: string, target: string): string | undefined =>
  knownLimits.find((limit) => limit.scenario === scenario && limit.target === target)?.why

export const cellOf = (row: Row, metric: MetricRecord): Cell | undefined => row.cells.get(metric.id)

function summarizeScenario(results: Results, record: ScenarioRecord): ScenarioSummary {
  const headline = record.metrics.find(({ id }) => id === record.headline) as MetricRecord
  const rows = results.targets.flatMap((target) => rowOf(results, record, target) ?? [])
  const sorted = rows.toSorted((a, b) => rank(a, headline) - rank(b, headline))
  const contestants = sorted.filter(({ target }) => target.kind !== 'control')
  const winners = new Map(record.metrics.map((metric) => [metric.id, winnersOf(contestants, metric)]))
  const generatorBound = isGeneratorBound(sorted)
  return {
    record,
    headline,
    rows: sorted,
    winners,
    generatorBound,
    base: sorted.some(({ ratio }) => ratio) ? (results.base ?? undefined) : undefined,
    sentences: sentences(results, headline, contestants, winners.get(headline.id) ?? [], generatorBound),
  }
}

function rowOf(results: Results, scenario: ScenarioRecord, target: TargetRecord): Row | undefined {
  const mine = (name: string) =>
    results.samples.filter((sample) => sample.scenario === scenario.name && sample.target === name)
  const samples = mine(target.name)
  if (samples.length === 0) return undefined
  const problems = new Map<string, number>()
  for (const [problem, times] of samples.flatMap((sample) => Object.entries(sample.problems))) {
    problems.set(problem, (problems.get(problem) ?? 0) + times)
  }
  const cells = new Map<string, Cell>()
  for (const { id } of scenario.metrics) {
    const values = samples.flatMap(({ values }) => values[id] ?? [])
    if (values.length > 0) cells.set(id, { ...describe(values), values })
  }
  const baseSamples = results.base === null ? [] : mine(results.base)
  const pairs = samples.flatMap((sample) => {
    const value = sample.values[scenario.headline] ?? undefined
    const base =
      baseSamples.find(({ round }) => round === sample.round)?.values[scenario.headline] ?? undefined
    return value === undefined || base === undefined ? [] : [{ value, base }]
  })
  return {
    target,
    cells,
    ratio: pairs.length === 0 ? undefined : pairedRatio(pairs),
    problems,
    samples: samples.length,
    failed: samples.filter(hasFailed).length,
    limit: limitOf(results, scenario.name, target.name),
  }
}

/** The word in place of a figure: it went wrong, it cannot, or it was not measured. */
export function insteadOf(row: Row, metric: MetricRecord, scenario: ScenarioSummary): string {
  if (row.failed === 0 || metric !== scenario.headline) return '–'
  return row.limit === undefined ? 'error' : 'cannot'
}

/** Sorts: contestants before controls, figures before none, better before worse. */
function rank(row: Row, metric: MetricRecord): number {
  const value = row.cells.get(metric.id)?.median
  const group = row.target.kind === 'control' ? 2e12 : 0
  if (value === undefined) return group + 1e12
  return group + (metric.better === 'lower' ? value : -value)
}

function winnersOf(rows: readonly Row[], metric: MetricRecord): string[] {
  // Nobody wins a metric with a sample that went wrong beside it.
  const measured = rows.flatMap((row) => {
    const cell = cellOf(row, metric)
    return cell && row.failed === 0 ? [{ name: row.target.name, cell }] : []
  })
  const better = (a: number, b: number): number => (metric.better === 'lower' ? a - b : b - a)
  // To be the only one is no victory.
  if (measured.length < 2 && rows.length < 2) return []
  const [best, ...others] = measured.toSorted((a, b) => better(a.cell.median, b.cell.median))
  if (!best) return []
  return [best.name, ...others.filter(({ cell }) => !separate(best.cell, cell)).map(({ name }) => name)]
}

/** Farther apart than both spreads together, and than the noise floor. */
export function separate(a: Description, b: Description): boolean {
  const distance = Math.abs(a.median - b.median)
  return distance > a.mad + b.mad && distance > noiseFloor * Math.max(Math.abs(a.median), Math.abs(b.median))
}

function isGeneratorBound(rows: readonly Row[]): boolean {
  const goodput = (row: Row | undefined): number => row?.cells.get('goodput')?.median ?? Number.NaN
  const direct = goodput(rows.find(({ target }) => target.name === 'direct'))
  const best = Math.max(
    ...rows
      .filter(({ target }) => target.kind !== 'control')
      .map(goodput)
      .filter(Number.isFinite),
  )
  return direct < 2 * best
}

function sentences(
  results: Results,
  metric: MetricRecord,
  rows: readonly Row[],
  winners: readonly string[],
  generatorBound: boolean,
): string[] {
  const [best, ...equals] = winners
  const said: string[] = []
  const rowNamed = (name: string | undefined) => rows.find(({ target }) => target.name === name)
  const figure = (row: Row) => `${number(row.cells.get(metric.id)?.median ?? Number.NaN)} ${metric.unit}`
  const winner = rowNamed(best)
  if (winner && best !== undefined) {
    const who =
      equals.length === 0
        ? `${best} is best at ${figure(winner)}`
        : `${listed(winners)} are best, too close to be told apart, at about ${figure(winner)}`
    const ratio = winner.ratio
    const compared =
      ratio && results.base !== null && best !== results.base && !equals.includes(results.base)
        ? `, ${number(ratio.median)} × what ${results.base} takes${certainty(ratio)}`
        : ''
    said.push(
      `${metric.label}: ${who}${metric.better === 'lower' ? compared : compared.replace('takes', 'reaches')}.`,
    )
  } else if (rows.length > 1) {
    said.push(`${metric.label}: no contestant has a figure without an error.`)
  }
  const last = rows.findLast((row) => row.cells.has(metric.id))
  if (winner && last && last !== winner && !equals.includes(last.target.name)) {
    const [a, b] = [winner.cells.get(metric.id)?.median ?? 0, last.cells.get(metric.id)?.median ?? 0]
    const times = b / a
    if (Number.isFinite(times) && times > 0) {
      said.push(`At the other end ${last.target.name} has ${figure(last)}, ${number(times)} times as much.`)
    }
  }
  for (const { target, failed, samples, problems, limit } of rows.filter(({ failed }) => failed > 0)) {
    const wrong = listed([...problems.keys()])
    said.push(
      limit === undefined
        ? `${target.name} went wrong in ${failed} of ${samples}: ${wrong}. It wins nothing here.`
        : `${target.name} cannot do this (${wrong}): it ${limit}.`,
    )
  }
  if (generatorBound) {
    said.push(
      'Goodput here is bounded by the client and the origin (without a proxy it is not twice the best), so compare processor time.',
    )
  }
  return said
}

const certainty = ({ interval, count }: Ratio): string =>
  interval
    ? ` (95 % interval ${number(interval.low)} to ${number(interval.high)}, ${count} rounds)`
    : ` (${counted(count, 'round')}, no interval)`

function cautions(results: Results): string[] {
  const { complete, rounds, preset, noise, environment, pinning, samples } = results
  const disturbed = samples.filter(({ machine }) => (machine.stealShare ?? 0) > 0.02).length
  const said: string[] = []
  if (!complete) said.push('This run was interrupted: what is here was measured, but it is not all.')
  if (preset === 'smoke') said.push('A smoke run shows that everything works. Its figures mean nothing.')
  if (rounds < fewestForInterval) {
    said.push(`With ${counted(rounds, 'round')} there is no interval around a ratio: a first look, no claim.`)
  }
  if (noise.objections.length > 0) {
    said.push(`The machine was not quiet before the run: ${noise.objections.join('; ')}.`)
  }
  if (disturbed > 0) {
    said.push(
      `The host took more than 2 % of the processors away during ${disturbed} of ${samples.length} samples.`,
    )
  }
  if (environment.processors < 3) {
    said.push(
      'Client, origin and proxy share two processors or fewer, over loopback: wall-clock figures are bounded by all three together.',
    )
  }
  if (pinning === null) said.push('No role was held to a processor of its own.')
  for (const what of environment.notMeasured) said.push(`Not measured on this platform: ${what}.`)
  const unpacked = results.targets.filter(({ runs }) => runs === 'source').map(({ name }) => name)
  if (unpacked.length > 0) {
    said.push(
      `From their sources, not as they are installed: ${listed(unpacked)}. They hold more memory than users see.`,
    )
  }
  if (environment.dirty) said.push('The source had changes that are not committed.')
  return said
}
