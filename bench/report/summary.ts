/** What the samples say: the middle and spread of each metric, who is best, what may be concluded and what not. */

import {
  type Description,
  describe,
  fewestForInterval,
  pairedRatio,
  type Ratio,
} from '../statistics/describe.ts'
import { type Mode, twoModes } from '../statistics/modes.ts'
import { roundsFor } from '../statistics/versus.ts'
import { type HarnessCost, harnessCost, isHarnessBound, isMachineBound } from './limits.ts'
import { counted, listed, number, percent } from './numbers.ts'
import type { MetricRecord, Results, SampleRecord, ScenarioRecord, TargetRecord } from './results.ts'
import { type Suspicion, suspicionsIn } from './suspicions.ts'
import { type Figures, figuresOf, type Told, tell, tellAll, toldText } from './verdicts.ts'

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
  /** By metric: the best contestant, then those that this run cannot tell from it. Without verdicts, the best median alone. */
  readonly winners: ReadonlyMap<string, readonly string[]>
  /** The headline of the best beside each of the others, in the order of the rows. */
  readonly verdicts: ReadonlyMap<string, Told>
  /** Rounds that verdicts between so many would take; undefined when there were as many. */
  readonly roundsNeeded: number | undefined
  /** What it means, in plain words. */
  readonly sentences: readonly string[]
  /** Client or origin are the limit, of all or of one of them: figures of the clock on the wall rank nobody. */
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
  /** The same as a verdict, of this comparison alone. */
  readonly beside: Told | undefined
  /** What went wrong in all its samples, and how often. */
  readonly problems: ReadonlyMap<string, number>
  readonly samples: number
  readonly failed: number
  /** Client or origin was the limit in half of its samples or more. */
  readonly bound: boolean
  /** Why it cannot do this, where that is known. */
  readonly limit: string | undefined
}

export interface Cell extends Description {
  readonly values: readonly number[]
  /** When there are two kinds of samples. */
  readonly modes: readonly [Mode, Mode] | undefined
}

export function summarize(results: Results): Summary {
  const suspicions = suspicionsIn(results)
  const scenarios = results.scenarios
    .filter(({ name }) => results.samples.some(({ scenario }) => scenario === name))
    .map((record) => summarizeScenario(results, record, suspicions))
  return {
    results,
    scenarios,
    absent: results.targets.filter(({ absent }) => absent !== null),
    cautions: cautions(results, scenarios),
  }
}

/** Samples that went wrong where nothing of the kind was known. */
export const unexpectedFailures = (results: Results): readonly SampleRecord[] =>
  results.samples.filter(
    (sample) => hasFailed(sample) && limitOf(results, sample.scenario, sample.target) === undefined,
  )

const hasFailed = ({ problems }: SampleRecord): boolean => Object.keys(problems).length > 0

const limitOf = ({ knownLimits, targets }: Results, scenario: string, target: string): string | undefined =>
  knownLimits.find(
    (limit) =>
      limit.scenario === scenario &&
      limit.target === (targets.find(({ name }) => name === target)?.again ?? target),
  )?.why

export const cellOf = (row: Row, metric: MetricRecord): Cell | undefined => row.cells.get(metric.id)

function summarizeScenario(
  results: Results,
  record: ScenarioRecord,
  suspicions: Suspicions,
): ScenarioSummary {
  const headline = headlineOf(record)
  const rows = results.targets.flatMap((target) => rowOf(results, record, target) ?? [])
  const sorted = rows.toSorted((a, b) => rank(a, headline) - rank(b, headline))
  const contestants = sorted.filter(({ target }) => target.kind !== 'control')
  const suspected = ({ target }: Row): Suspicion | undefined =>
    suspicions.get(target.name)?.find((one) => one.everywhere || one.scenario === record.name)
  const winning = contestants.filter((row) => !suspected(row))
  const generatorBound = isGeneratorBound(sorted, record) || contestants.some(({ bound }) => bound)
  const figures = new Map(record.metrics.map((metric) => [metric.id, figuresOf(results, record, metric)]))
  const found = new Map(
    record.metrics.map((metric) => [
      metric.id,
      metric.wallClock && generatorBound
        ? nobody
        : winnersOf(winning, metric, figures.get(metric.id) as Figures),
    ]),
  )
  const winners = new Map([...found].map(([id, { names }]) => [id, names]))
  const { verdicts, roundsNeeded } = found.get(headline.id) as Winners
  return {
    record,
    headline,
    rows: sorted,
    winners,
    verdicts,
    roundsNeeded,
    generatorBound,
    base: sorted.some(({ ratio }) => ratio) ? (results.base ?? undefined) : undefined,
    sentences: [
      ...sentences(
        results,
        headline,
        contestants,
        found.get(headline.id) as Winners,
        headline.wallClock && generatorBound,
      ),
      ...limitSentences(results, record, contestants, generatorBound),
      ...contestants.flatMap((row) => {
        const said = suspected(row)
        if (said === undefined) return []
        const where = said.scenario === record.name ? '' : ` (in ${said.scenario})`
        return `${row.target.name} ${said.says}${where}. It wins nothing here.`
      }),
    ],
  }
}

const headlineOf = ({ metrics, headline }: ScenarioRecord): MetricRecord =>
  metrics.find(({ id }) => id === headline) as MetricRecord

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
    if (values.length > 0) cells.set(id, { ...describe(values), values, modes: twoModes(values) })
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
    beside:
      pairs.length === 0 || results.base === null || results.base === target.name
        ? undefined
        : tell(figuresOf(results, scenario, headlineOf(scenario)), target.name, results.base),
    problems,
    samples: samples.length,
    failed: samples.filter(hasFailed).length,
    bound:
      samples.filter((sample) =>
        scenario.workers === undefined
          ? isHarnessBound(sample, results.pinning)
          : isMachineBound(sample, results.environment.processors),
      ).length *
        2 >=
      samples.length,
    limit: limitOf(results, scenario.name, target.name),
  }
}

/** What the mark on a figure says: without as many rounds as verdicts take, less. */
export function marksMean(scenarios: readonly ScenarioSummary[]): string {
  const needed = scenarios.flatMap(({ roundsNeeded }) => roundsNeeded ?? [])
  return needed.length === 0
    ? 'the best and what this run cannot tell from it'
    : `the best median, and no verdict: that would take ${Math.max(...needed)} rounds`
}

/** Behind a figure that is one of client or origin rather than of the target. */
export const boundMark = (row: Row, metric: MetricRecord): string =>
  row.bound && metric.wallClock ? '†' : ''

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

type Suspicions = ReturnType<typeof suspicionsIn>

interface Winners extends Pick<ScenarioSummary, 'verdicts' | 'roundsNeeded'> {
  readonly names: readonly string[]
}

const nobody: Winners = { verdicts: new Map<string, Told>(), roundsNeeded: undefined, names: [] }

function winnersOf(rows: readonly Row[], metric: MetricRecord, figures: Figures): Winners {
  // Nobody wins a metric with a sample that went wrong beside it.
  const measured = rows.filter((row) => cellOf(row, metric) && row.failed === 0)
  // To be the only one is no victory.
  if (measured.length < 2 && rows.length < 2) return nobody
  const [best, ...others] = measured
    .toSorted((a, b) => rank(a, metric) - rank(b, metric))
    .map(({ target }) => target.name)
  if (best === undefined) return nobody
  const needed = roundsFor(Math.max(1, others.length))
  const rounds = Math.max(...others.map((name) => figures.of.get(name)?.size ?? 0))
  if (others.length > 0 && rounds < needed) return { ...nobody, names: [best], roundsNeeded: needed }
  const all = tellAll(figures, best, others)
  const verdicts = new Map(others.map((name, i) => [name, all[i] as Told]))
  const alike = others.filter((name) => verdicts.get(name)?.verdict !== 'better')
  return { names: [best, ...alike], verdicts, roundsNeeded: undefined }
}

/** Without a proxy it is not twice as fast as through the best one. */
function isGeneratorBound(rows: readonly Row[], { metrics }: ScenarioRecord): boolean {
  return metrics
    .filter(({ better }) => better === 'higher')
    .some(({ id }) => {
      const rate = (row: Row | undefined): number => row?.cells.get(id)?.median ?? Number.NaN
      const direct = rate(rows.find(({ target }) => target.name === 'direct'))
      const contestants = rows.filter(({ target }) => target.kind !== 'control')
      return direct < 2 * Math.max(...contestants.map(rate).filter(Number.isFinite))
    })
}

/** What client and origin cost, and where they were the limit. */
function limitSentences(
  results: Results,
  record: ScenarioRecord,
  rows: readonly Row[],
  generatorBound: boolean,
): string[] {
  const wallClock = listed(record.metrics.flatMap(({ wallClock, label }) => (wallClock ? [label] : [])))
  const bound = listed(rows.flatMap(({ target, bound }) => (bound ? [target.name] : [])))
  const names = new Set(rows.map(({ target }) => target.name))
  const cost: HarnessCost | undefined =
    wallClock === ''
      ? undefined
      : harnessCost(
          results.samples.filter(({ scenario, target }) => scenario === record.name && names.has(target)),
        )
  return [
    ...(cost
      ? [
          `The harness: the client kept a processor busy ${percent(cost.client)} of the time, the origin ${percent(cost.origin)}.`,
        ]
      : []),
    ...(bound === ''
      ? []
      : [
          record.workers === undefined
            ? `Client or origin were the limit (†) of ${bound}: they, and not it, were busy all the time.`
            : `The machine was the limit (†) of ${bound}: with client and origin it filled all processors.`,
        ]),
    ...(generatorBound
      ? [
          `${wallClock || 'Goodput'} here is bounded by the client and the origin, and ranks nobody: compare processor time.`,
        ]
      : []),
  ]
}

function sentences(
  results: Results,
  metric: MetricRecord,
  rows: readonly Row[],
  { names, verdicts, roundsNeeded }: Winners,
  ranksNobody: boolean | undefined,
): string[] {
  const [best, ...equals] = names
  const said: string[] = []
  const rowNamed = (name: string | undefined) => rows.find(({ target }) => target.name === name)
  const figure = (row: Row) => `${number(row.cells.get(metric.id)?.median ?? Number.NaN)} ${metric.unit}`
  const winner = rowNamed(best)
  if (winner && best !== undefined) {
    const next = [...verdicts][0]
    const who =
      roundsNeeded !== undefined
        ? `${best} has the best median, ${figure(winner)}; too few rounds to tell it from the others`
        : equals.length === 0
          ? `${best} is best at ${figure(winner)}`
          : `${listed(names)} are best, too close to be told apart, at about ${figure(winner)}`
    const ratio = winner.ratio
    const compared =
      ratio && results.base !== null && ![...names, next?.[0]].includes(results.base)
        ? `, ${number(ratio.median)} × what ${results.base} takes${certainty(ratio)}`
        : ''
    said.push(
      `${metric.label}: ${who}${metric.better === 'lower' ? compared : compared.replace('takes', 'reaches')}.`,
    )
    if (next && roundsNeeded === undefined) said.push(`Beside the next: ${toldText(next[1], next[0])}.`)
  } else if (rows.length > 1 && !ranksNobody) {
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
  for (const { target, cells } of rows) {
    const [lower, upper] = cells.get(metric.id)?.modes ?? []
    if (lower === undefined || upper === undefined) continue
    said.push(
      `${target.name} has two kinds of samples, ${lower.count} around ${number(lower.median)} and ${upper.count} around ${number(upper.median)} ${metric.unit}: its median says little.`,
    )
  }
  return said
}

const certainty = ({ interval, count }: Ratio): string =>
  interval
    ? ` (95 % interval ${number(interval.low)} to ${number(interval.high)}, ${count} rounds)`
    : ` (${counted(count, 'round')}, no interval)`

function cautions(results: Results, scenarios: readonly ScenarioSummary[]): string[] {
  const { complete, preset, noise, environment, pinning, samples } = results
  const rounds = complete ? results.rounds : Math.max(0, ...samples.map(({ round }) => round))
  const disturbed = samples.filter(({ machine }) => (machine.stealShare ?? 0) > 0.02).length
  const said: string[] = []
  if (!complete) said.push('This run was interrupted: what is here was measured, but it is not all.')
  if (results.resumedAt !== undefined) {
    said.push(`This run was interrupted, and went on at ${listed(results.resumedAt)}.`)
  }
  if (preset === 'smoke') said.push('A smoke run shows that everything works. Its figures mean nothing.')
  const needed = scenarios.flatMap(({ roundsNeeded }) => roundsNeeded ?? [])
  if (needed.length > 0) {
    said.push(
      `With ${counted(rounds, 'round')} nothing can be told apart among so many targets: ★ is the best median, no verdict. --rounds ${Math.max(...needed)} gives verdicts.`,
    )
  }
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
