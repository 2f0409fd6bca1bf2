/** `npm run bench -- compare BEFORE AFTER`: what has become better or worse from one run to another. */

import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { baseline } from '@relayrace/fixtures/targets'
import { Command, CommanderError } from 'commander'
import { z } from 'zod'
import { refusing, UsageError } from './options.ts'
import { number } from './report/numbers.ts'
import type { MetricRecord, Results } from './report/results.ts'
import { parseResults } from './report/results.ts'
import { figuresOf, pairsOf, worded } from './report/verdicts.ts'
import { type Interval, median } from './statistics/describe.ts'
import { holm, judge, rankSum, ratioOfMedians, smallestP } from './statistics/verdict.ts'
import { roundsFor, versus } from './statistics/versus.ts'

/** One target in one scenario, before and after. */
export interface Change {
  readonly scenario: string
  readonly target: string
  readonly metric: string
  readonly unit: string
  readonly before: number
  readonly after: number
  /** After by before. Each is taken as a multiple of `base` in its own run, if both have measured that. */
  readonly ratio: number
  readonly interval: Interval
  /** Adjusted for all comparisons made. */
  readonly p: number
  /** Ratios closer to 1 than this are no change. */
  readonly threshold: number
  readonly verdict: 'better' | 'worse' | 'equal' | 'inconclusive'
  readonly samples: readonly [before: number, after: number]
}

export interface Comparison {
  readonly base: string | undefined
  readonly changes: readonly Change[]
  /** What only one of the two runs has. */
  readonly missing: readonly string[]
  /** Rounds that it would take to find anything among so many comparisons; undefined if there are as many. */
  readonly roundsNeeded: number | undefined
}

/** Shares, such as 0.05: of `scenario/target`, of `scenario`, else `default`. */
export type Thresholds = Readonly<Record<string, number>>

export function compare(before: Results, after: Results, thresholds: Thresholds = {}): Comparison {
  const base = commonBase(before, after)
  const missing: string[] = []
  const found = before.scenarios.flatMap(({ name: scenario, headline, metrics }) => {
    const metric = metrics.find(({ id }) => id === headline) as MetricRecord
    const targets = [
      ...new Set(before.samples.filter((one) => one.scenario === scenario).map(({ target }) => target)),
    ]
    return targets
      .filter((target) => target !== base)
      .flatMap((target) => {
        const values = [before, after].map((results) => valuesOf(results, scenario, target, metric.id, base))
        const [own, others] = values as [Values, Values]
        if (own.plain.length === 0 || others.plain.length === 0) {
          missing.push(`${scenario}/${target}`)
          return []
        }
        return [{ scenario, target, metric, own, others }]
      })
  })
  const ps = holm(found.map(({ own, others }) => rankSum(others.scaled, own.scaled)))
  const changes = found.map(({ scenario, target, metric, own, others }, i): Change => {
    const { ratio, interval } = ratioOfMedians(others.scaled, own.scaled)
    const threshold = thresholdOf(thresholds, scenario, target)
    const p = ps[i] as number
    return {
      ...{ scenario, target, metric: metric.id, unit: metric.unit },
      before: median(own.plain),
      after: median(others.plain),
      ...{ ratio, interval, p, threshold },
      verdict: worded(judge(interval, p, threshold), metric.better),
      samples: [own.plain.length, others.plain.length],
    }
  })
  return { base, changes, missing, roundsNeeded: roundsNeeded(changes) }
}

const defaultThreshold = 0.05

/** The same within one run, in which our own of another checkout stand beside those here, round by round. */
export function compareWithin(results: Results, thresholds: Thresholds = {}): Comparison {
  const missing: string[] = []
  const found = results.scenarios.flatMap((scenario) => {
    const metric = scenario.metrics.find(({ id }) => id === scenario.headline) as MetricRecord
    const figures = figuresOf(results, scenario, metric)
    const before = [...figures.of.keys()].filter((name) => name.startsWith(baseline))
    return before.flatMap((name) => {
      const target = name.slice(baseline.length)
      const { pairs } = pairsOf(figures.of, target, name)
      if (pairs.length === 0 || figures.wrong.has(name) || figures.wrong.has(target)) {
        missing.push(`${scenario.name}/${target}`)
        return []
      }
      return [{ scenario: scenario.name, target, metric, pairs, band: figures.band, seen: versus(pairs) }]
    })
  })
  const ps = holm(found.map(({ seen }) => seen.p))
  const changes = found.map(({ scenario, target, metric, pairs, band, seen }, i): Change => {
    const threshold = Math.max(thresholdOf(thresholds, scenario, target), band)
    const { ratio, interval = { low: 0, high: Number.POSITIVE_INFINITY } } = seen
    const p = ps[i] as number
    return {
      ...{ scenario, target, metric: metric.id, unit: metric.unit, ratio, interval, p, threshold },
      before: median(pairs.map(({ other }) => other)),
      after: median(pairs.map(({ one }) => one)),
      verdict: worded(judge(interval, p, threshold), metric.better),
      samples: [pairs.length, pairs.length],
    }
  })
  const needed = roundsFor(Math.max(1, changes.length))
  const few = changes.some(({ samples: [rounds] }) => rounds < needed)
  return { base: undefined, changes, missing, roundsNeeded: few ? needed : undefined }
}

const thresholdOf = (thresholds: Thresholds, scenario: string, target: string): number =>
  thresholds[`${scenario}/${target}`] ?? thresholds[scenario] ?? thresholds.default ?? defaultThreshold

/** With the scaling by the base: a machine that was slower today was so for both. */
interface Values {
  readonly plain: readonly number[]
  readonly scaled: readonly number[]
}

function valuesOf(
  results: Results,
  scenario: string,
  target: string,
  metric: string,
  base: string | undefined,
): Values {
  const samples = (name: string): Map<number, number> =>
    new Map(
      results.samples
        .filter(
          (one) => one.scenario === scenario && one.target === name && Object.keys(one.problems).length === 0,
        )
        .flatMap(({ round, values }) => {
          const value = values[metric]
          return typeof value === 'number' && value > 0 ? [[round, value] as const] : []
        }),
    )
  const own = samples(target)
  const plain = [...own.values()]
  if (base === undefined) return { plain, scaled: plain }
  const others = samples(base)
  const scaled = [...own].flatMap(([round, value]) => {
    const by = others.get(round)
    return by === undefined ? [] : [value / by]
  })
  return scaled.length === 0 ? { plain: [], scaled: [] } : { plain, scaled }
}

function commonBase(before: Results, after: Results): string | undefined {
  const base = before.base
  return base !== null && base === after.base ? base : undefined
}

function roundsNeeded(changes: readonly Change[]): number | undefined {
  const findable = ([one, other]: Change['samples']): boolean => smallestP(one, other) * changes.length < 0.05
  if (changes.every(({ samples }) => findable(samples))) return undefined
  let rounds = 2
  while (!findable([rounds, rounds])) rounds++
  return rounds
}

/** 0: nothing is worse; 3: something is; 4: nobody can tell of something. */
export function exitCode({ changes }: Comparison): 0 | 3 | 4 {
  if (changes.some(({ verdict }) => verdict === 'worse')) return 3
  return changes.some(({ verdict }) => verdict === 'inconclusive') ? 4 : 0
}

const percent = (ratio: number): string =>
  `${ratio < 1 ? '−' : '+'}${Math.abs((ratio - 1) * 100).toFixed(1)} %`

const order: readonly Change['verdict'][] = ['worse', 'better', 'inconclusive', 'equal']
const sorted = (changes: readonly Change[]): Change[] =>
  [...changes].sort((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict))

function sentence({ base, changes, missing, roundsNeeded: rounds }: Comparison): string[] {
  const count = (verdict: Change['verdict']): number =>
    changes.filter((one) => one.verdict === verdict).length
  return [
    `${count('worse')} worse, ${count('better')} better, ${count('equal')} equal, ${count('inconclusive')} inconclusive, of ${changes.length}.`,
    ...(base === undefined ? [] : [`Each as a multiple of ${base} in its own run.`]),
    ...(rounds === undefined
      ? []
      : [
          `Too few rounds to find anything among ${changes.length} comparisons: --rounds ${rounds}, or fewer targets and scenarios.`,
        ]),
    ...(missing.length === 0 ? [] : [`Only on one side, or went wrong: ${missing.join(', ')}.`]),
  ]
}

/** For a pull request. */
export function markdown(comparison: Comparison): string {
  const rows = sorted(comparison.changes).map(
    ({ scenario, target, before, after, unit, ratio, interval, verdict }) =>
      `| ${scenario} | ${target} | ${number(before)} | ${number(after)} ${unit} | ${percent(ratio)} | ${percent(interval.low)} to ${percent(interval.high)} | ${verdict === 'worse' || verdict === 'better' ? `**${verdict}**` : verdict} |`,
  )
  return [
    ...sentence(comparison),
    '',
    '| scenario | target | before | after | change | 95 % | |',
    '| --- | --- | ---: | ---: | ---: | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

export function plainText(comparison: Comparison): string {
  const cells = sorted(comparison.changes).map(
    ({ scenario, target, before, after, unit, ratio, interval, verdict }) => [
      verdict,
      scenario,
      target,
      `${number(before)} → ${number(after)} ${unit}`,
      percent(ratio),
      `(${percent(interval.low)} to ${percent(interval.high)})`,
    ],
  )
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(0, ...cells.map((row) => (row[column] as string).length)),
  )
  const lines = cells.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return [...lines, '', ...sentence(comparison)].join('\n')
}

interface Flags {
  readonly baseline?: string
  readonly within?: true
  readonly thresholds?: string
  readonly markdown?: string
  readonly json?: true
}

const help = `
Exit codes:
  0  nothing is worse
  1  a fault of the program
  2  the command is wrong
  3  something is worse by more than its threshold
  4  nothing is worse, but of something nobody can tell: more rounds would

Thresholds are shares in a JSON file, 0.05 where there are none:
  { "default": 0.05, "small": 0.1, "download/pipe-proxy": 0.03 }

Examples:
  npm run bench -- compare before/ after/
  npm run bench -- compare run/ --within --markdown -
  npm run bench -- compare after/ --baseline 2026-11-21-2-core-x64-linux --markdown -`

/** @returns the exit code. @throws UsageError when the runs cannot be compared. */
export async function runCompare(args: readonly string[]): Promise<number> {
  const program = new Command('npm run bench -- compare')
    .description('Says what has become better or worse from one run to another.')
    .argument(
      '<results...>',
      'two folders of results, or files: before and after; with --baseline only the latter',
    )
    .option('--baseline <name>', 'a folder of bench/results to compare with')
    .option(
      '--within',
      'compares our own with those of the other checkout in one run: measured with --against',
    )
    .option('--thresholds <file>', 'what change counts, as JSON')
    .option('--markdown <file>', 'write a table for a pull request; - is standard output')
    .option('--json', 'print everything as JSON')
    .addHelpText('after', help)
    .exitOverride()
  try {
    program.parse([...args], { from: 'user' })
    const { baseline: named, within, thresholds, markdown: file, json } = program.opts<Flags>()
    const given = [
      ...(named === undefined ? [] : [path.join(import.meta.dirname, 'results', named)]),
      ...program.args,
    ]
    const wanted = within ? 1 : 2
    if (given.length !== wanted) {
      throw new UsageError(
        `${within ? 'one run is looked into' : 'two runs are compared'}, not ${given.length}`,
      )
    }
    const [before, after] = await Promise.all(given.map(read))
    const limits = thresholds === undefined ? {} : await readThresholds(thresholds)
    const comparison = within
      ? compareWithin(before as Results, limits)
      : compare(before as Results, after as Results, limits)
    if (comparison.changes.length === 0)
      throw new UsageError(
        within
          ? 'nothing stands beside what it was before: measure with --against'
          : 'the two runs have no scenario and target in common',
      )
    const text = json
      ? JSON.stringify(comparison, undefined, 2)
      : file === '-'
        ? markdown(comparison)
        : plainText(comparison)
    console.log(text)
    if (file !== undefined && file !== '-') await writeFile(file, markdown(comparison))
    return exitCode(comparison)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    throw error
  }
}

async function read(place: string): Promise<Results> {
  const file = place.endsWith('.json') ? place : path.join(place, 'results.json')
  if (!existsSync(file)) throw new UsageError(`there are no results at ${place}`)
  return readFile(file, 'utf8')
    .then(parseResults)
    .catch(refusing(`${file} cannot be read`))
}

const thresholdsShape = z.record(z.string(), z.number().positive().max(1))

async function readThresholds(file: string): Promise<Thresholds> {
  return readFile(file, 'utf8')
    .then((text) => thresholdsShape.parse(JSON.parse(text)))
    .catch(refusing(`${file} has no thresholds, such as { "default": 0.05 }`))
}
