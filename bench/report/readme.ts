/** Keeps the table in the root README.md equal to the newest results in bench/results. */

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { markdownTable } from './markdown.ts'
import { counted, number } from './numbers.ts'
import { type MetricRecord, parseResults, type Results } from './results.ts'
import { insteadOf, type ScenarioSummary, summarize } from './summary.ts'

export const begin = '<!-- bench:begin -->'
export const end = '<!-- bench:end -->'

const root = path.resolve(import.meta.dirname, '../..')
const readmePath = path.join(root, 'README.md')

export interface Kept {
  readonly results: Results
  /** The folder, from the root of the repository. */
  readonly folder: string
}

/** The newest results in bench/results; undefined when there are none. */
export function newestResults(): Kept | undefined {
  const parent = path.join(root, 'bench', 'results')
  const folders = existsSync(parent) ? readdirSync(parent) : []
  const kept = folders
    .filter((folder) => existsSync(path.join(parent, folder, 'results.json')))
    .map((folder) => ({
      results: parseResults(readFileSync(path.join(parent, folder, 'results.json'), 'utf8')),
      folder: `bench/results/${folder}`,
    }))
  return kept.toSorted((a, b) => a.results.createdAt.localeCompare(b.results.createdAt)).at(-1)
}

/** Says what it did. */
export function writeReadme(): string {
  const kept = newestResults()
  if (!kept) return 'There are no results in bench/results: README.md stays as it is.'
  const before = existsSync(readmePath) ? readFileSync(readmePath, 'utf8') : ''
  const after = withTable(before, readmeSection(kept))
  if (after === undefined) return `README.md has no lines ${begin} and ${end}: nothing to write between.`
  writeFileSync(readmePath, after)
  return `README.md shows ${kept.folder}.`
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

interface Column {
  readonly scenario: ScenarioSummary
  readonly metric: MetricRecord
}

export function readmeSection({ results, folder }: Kept): string {
  const { scenarios, absent } = summarize(results)
  const columns = scenarios.flatMap((scenario): Column[] => {
    const memory = scenario.record.metrics.find(({ id }) => id === 'peakMemory')
    const headline = { scenario, metric: scenario.headline }
    return scenario.record.name === 'download' && memory
      ? [headline, { scenario, metric: memory }]
      : [headline]
  })
  const rows = (scenarios[0]?.rows ?? []).map(({ target }) => [
    { strategy: `**${target.name}**`, peer: target.name, mount: target.name, control: `*${target.name}*` }[
      target.kind
    ],
    ...columns.map((column) => cell(column, target.name)),
  ])
  const { environment, rounds, createdAt } = results
  return [
    markdownTable(
      [
        '',
        ...columns.map(({ scenario, metric }) => `${scenario.record.name}: ${metric.label}, ${metric.unit}`),
      ],
      rows,
    ),
    `Medians of ${counted(rounds, 'round')}; **bold** figures are the best and those this run cannot tell from it. Ours are bold, controls in italics: they do not compete. Sorted by the first column. ${environment.machine} (${environment.processor}), Node ${environment.node}, ${createdAt.slice(0, 10)}${absent.length > 0 ? `; not installed there: ${absent.map(({ name }) => name).join(', ')}` : ''}. [All figures](${folder}/report.md), [as a page](${folder}/report.html), [raw samples](${folder}/results.json); what they do not say is in [METHODOLOGY.md](METHODOLOGY.md). Repeat it:`,
    `\`\`\`sh\n${results.command}\n\`\`\``,
  ].join('\n\n')
}

function cell({ scenario, metric }: Column, name: string): string {
  const row = scenario.rows.find(({ target }) => target.name === name)
  if (!row) return '–'
  const value = row.cells.get(metric.id)
  if (!value) return insteadOf(row, metric, scenario)
  const text = number(value.median)
  return scenario.winners.get(metric.id)?.includes(name) ? `**${text}**` : text
}
