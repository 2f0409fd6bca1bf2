/** The summary as Markdown, for a repository or a comment. */

import { counted, number, percent, spread } from './numbers.ts'
import type { MetricRecord } from './results.ts'
import { boundMark, insteadOf, marksMean, type Row, type ScenarioSummary, type Summary } from './summary.ts'

export function markdown(summary: Summary): string {
  const { results } = summary
  return `${[
    '# Benchmark results',
    `${results.preset}, ${counted(results.rounds, 'round')}, ${results.environment.machine}, ${results.createdAt.slice(0, 10)}. Figures are medians ± the median absolute deviation; **bold** is ${marksMean(summary.scenarios)}. Controls are in italics and do not compete.`,
    ...(summary.cautions.length > 0
      ? ['## Before you conclude anything', summary.cautions.map((caution) => `- ${caution}`).join('\n')]
      : []),
    ...summary.scenarios.map(section),
    ...(summary.absent.length > 0
      ? ['## Not measured', summary.absent.map(({ name, absent }) => `- \`${name}\`: ${absent}`).join('\n')]
      : []),
    '## Provenance',
    provenance(summary),
  ].join('\n\n')}\n`
}

function section(scenario: ScenarioSummary): string {
  const { record, base } = scenario
  return [
    `## ${record.title}`,
    `*${record.question}*`,
    `${record.load} What must come back: ${lower(record.expects)} Wrong: ${lower(record.wrong)}`,
    markdownTable(
      [
        'Target',
        ...record.metrics.map(({ label, unit }) => `${label}, ${unit}`),
        ...(base ? [`× ${base}`] : []),
      ],
      scenario.rows.map((row) => [
        row.target.kind === 'control' ? `*${row.target.name}*` : row.target.name,
        ...record.metrics.map((metric) => cell(row, metric, scenario)),
        ...(base ? [besideText(row)] : []),
      ]),
    ),
    ...(scenario.sentences.length > 0 ? [scenario.sentences.join(' ')] : []),
  ].join('\n\n')
}

/** The first column to the left, the others to the right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)].join(
    '\n',
  )
}

/** The ratio, its interval and what follows from it. */
export function besideText({ ratio, beside }: Row): string {
  if (!ratio) return '–'
  const { low, high } = ratio.interval ?? {}
  const sure = low === undefined || high === undefined ? '' : ` (${number(low)} to ${number(high)})`
  return `${number(ratio.median)}${sure}${beside && beside.why === undefined ? `, ${beside.verdict}` : ''}`
}

function cell(row: Row, metric: MetricRecord, scenario: ScenarioSummary): string {
  const value = row.cells.get(metric.id)
  if (value === undefined) return insteadOf(row, metric, scenario)
  const text = `${number(value.median)}${boundMark(row, metric)}${value.count > 1 ? ` ± ${spread(value.median, value.mad)}` : ''}`
  return scenario.winners.get(metric.id)?.includes(row.target.name) ? `**${text}**` : text
}

function provenance({ results }: Summary): string {
  const { environment, noise } = results
  const commit = environment.commit?.slice(0, 12) ?? 'unknown'
  const versions = results.targets.filter(({ version }) => version !== null)
  return [
    `\`\`\`sh\n${results.command}\n\`\`\``,
    [
      `- ${environment.processor}, ${environment.processors} processors, ${(environment.memory / 1024 ** 3).toFixed(1)} GiB, ${environment.kernel}${environment.distribution ? `, ${environment.distribution}` : ''}`,
      `- Node ${environment.node}, V8 ${environment.v8}, libuv ${environment.libuv}; commit ${commit}${environment.dirty ? ' with changes' : ''}; seed ${results.seed}`,
      `- Before the run: load ${noise.load1.toFixed(2)}, processors busy ${percent(noise.busyShare)}, stolen ${percent(noise.stealShare)}`,
      `- Versions: ${versions.map(({ name, version }) => `${name} ${version}`).join(', ')}`,
    ].join('\n'),
  ].join('\n\n')
}

const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)
