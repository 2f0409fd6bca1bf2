/** The table of README.md, from the newest results in bench/results; and how a table stands in a document. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { markdownTable } from './markdown.ts'
import { counted, listed, number } from './numbers.ts'
import { type MetricRecord, parseResults, type Results } from './results.ts'
import { insteadOf, marksMean, type ScenarioSummary, summarize } from './summary.ts'

export const begin = '<!-- bench:begin -->'
export const end = '<!-- bench:end -->'

const root = path.resolve(import.meta.dirname, '../..')
export interface Kept {
  readonly results: Results
  /** The folder, from the root of the repository. */
  readonly folder: string
}

/** The newest results in that folder, of a run that was not interrupted; undefined when there are none. */
export function newestResults(within = 'bench/results'): Kept | undefined {
  const parent = path.join(root, within)
  const folders = existsSync(parent) ? readdirSync(parent) : []
  const kept = folders
    .filter((folder) => existsSync(path.join(parent, folder, 'results.json')))
    .map((folder) => ({
      results: parseResults(readFileSync(path.join(parent, folder, 'results.json'), 'utf8')),
      folder: `${within}/${folder}`,
    }))
    .filter(({ results }) => results.complete)
  return kept.toSorted((a, b) => a.results.createdAt.localeCompare(b.results.createdAt)).at(-1)
}

/** What stands between the marks now; undefined without marks. */
export function sectionIn(readme: string): string | undefined {
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)]
  return from === -1 || to < from ? undefined : readme.slice(from + begin.length, to).trim()
}

export function withTable(readme: string, section: string): string | undefined {
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)]
  if (from === -1 || to < from) return undefined
  return `${readme.slice(0, from + begin.length)}\n\n${section}\n\n${readme.slice(to)}`
}

/** What people ask, and the figure that answers it. */
const questions: readonly { ask: string; scenario: string; metric: string }[] = [
  { ask: 'CPU for a large download', scenario: 'download', metric: 'cpuPerGiB' },
  { ask: 'CPU for a large upload', scenario: 'upload', metric: 'cpuPerGiB' },
  { ask: 'Memory at most, meanwhile', scenario: 'download', metric: 'peakMemory' },
  { ask: 'Memory for a reader that stalls', scenario: 'stalled', metric: 'processPerStream' },
  { ask: 'Memory for a connection that waits', scenario: 'idle', metric: 'processPerConnection' },
  { ask: 'CPU for a small request', scenario: 'small', metric: 'cpuPerRequest' },
  { ask: 'Delay of a live event', scenario: 'events', metric: 'delayMedian' },
  { ask: 'A turn while both sides talk', scenario: 'echo', metric: 'tripMedian' },
]
/** What most programs on Node have in this place today. */
export const incumbent = 'http-proxy-3'

export function readmeSection({ results, folder }: Kept): string {
  const { scenarios, absent } = summarize(results)
  const ours = results.targets.filter(({ kind }) => kind === 'strategy').map(({ name }) => name)
  const others = [results.base, incumbent].filter(
    (name) => name !== null && !ours.includes(name) && results.targets.some((target) => target.name === name),
  ) as string[]
  const rows = questions.flatMap(({ ask, scenario: name, metric: id }) => {
    const scenario = scenarios.find(({ record }) => record.name === name)
    const metric = scenario?.record.metrics.find((one) => one.id === id)
    if (scenario === undefined || metric === undefined) return []
    const what = { scenario, metric }
    return [[`${ask}, ${metric.unit}`, best(what), ...[...ours, ...others].map((one) => cell(what, one))]]
  })
  const { environment, rounds, createdAt } = results
  const download = scenarios.find(({ record }) => record.name === 'download')
  const cost = [...ours, ...others].flatMap((name) => {
    const value = download?.rows.find(({ target }) => target.name === name)?.cells.get('cpuPerGiB')
    return value === undefined ? [] : { name, seconds: value.median }
  })
  const said = cost
    .toSorted((a, b) => a.seconds - b.seconds)
    .map(({ name, seconds }) => `${name} ${number(seconds)} s`)
  return [
    `**Processor time for a GiB that is downloaded through it: ${listed(said)}.**`,
    markdownTable(['', 'best', ...ours.map((name) => `**${name}**`), ...others], rows),
    `Less is better. Medians of ${counted(rounds, 'round')}; **bold** is ${marksMean(scenarios)}. ${environment.machine} (${environment.processor}), Node ${environment.node}, ${createdAt.slice(0, 10)}${absent.length > 0 ? `; not installed there: ${absent.map(({ name }) => name).join(', ')}` : ''}. [All contestants and figures](${folder}/report.md), [as a page](${folder}/report.html), [raw](${folder}/results.json).`,
  ].join('\n\n')
}

interface What {
  readonly scenario: ScenarioSummary
  readonly metric: MetricRecord
}

/** The best one with its figure, and how many are as good. */
function best({ scenario, metric }: What): string {
  const [first, ...alike] = scenario.winners.get(metric.id) ?? []
  const value = scenario.rows.find(({ target }) => target.name === first)?.cells.get(metric.id)
  if (first === undefined || value === undefined) return '–'
  // Less than what the rest of a process moves by itself.
  const figure = value.median > 0 ? number(value.median) : '≈ 0'
  return `${first} ${figure}${alike.length > 0 ? `, and ${alike.length} more` : ''}`
}

function cell({ scenario, metric }: What, name: string): string {
  const row = scenario.rows.find(({ target }) => target.name === name)
  if (!row) return '–'
  const value = row.cells.get(metric.id)
  if (!value) return insteadOf(row, metric, scenario)
  const text = number(value.median)
  return scenario.winners.get(metric.id)?.includes(name) ? `**${text}**` : text
}
