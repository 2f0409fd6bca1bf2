/** What stands in the place of a proxy, and what it costs: the table of docs/alternatives.md, from a run of its own. */

import { markdownTable } from './markdown.ts'
import { counted, number } from './numbers.ts'
import type { Kept } from './readme.ts'
import { insteadOf, summarize } from './summary.ts'

const questions = [
  { ask: 'CPU for a small request', scenario: 'small', metric: 'cpuPerRequest' },
  { ask: 'Small requests at most', scenario: 'small', metric: 'rate' },
  { ask: 'CPU for a large download', scenario: 'download', metric: 'cpuPerGiB' },
  { ask: 'Memory at most, meanwhile', scenario: 'download', metric: 'peakMemory' },
  { ask: 'A turn while both sides talk', scenario: 'echo', metric: 'tripMedian' },
] as const

export function alternativesSection({ results, folder }: Kept): string {
  const { scenarios, cautions } = summarize(results)
  const names = results.targets.map(({ name }) => name)
  const rows = questions.flatMap(({ ask, scenario: name, metric: id }) => {
    const scenario = scenarios.find(({ record }) => record.name === name)
    const metric = scenario?.record.metrics.find((one) => one.id === id)
    if (scenario === undefined || metric === undefined) return []
    const cells = names.map((target) => {
      const row = scenario.rows.find((one) => one.target.name === target)
      const value = row?.cells.get(id)
      if (row === undefined) return '–'
      return value === undefined ? insteadOf(row, metric, scenario) : number(value.median)
    })
    return [[`${ask}, ${metric.unit}`, ...cells]]
  })
  const { environment, rounds, createdAt, command } = results
  return [
    markdownTable(['', ...names.map((name) => `\`${name}\``)], rows),
    `Medians of ${counted(rounds, 'round')}. ${environment.machine} (${environment.processor}), Node ${environment.node}, ${createdAt.slice(0, 10)}.`,
    ...(cautions.length > 0 ? [cautions.map((caution) => `- ${caution}`).join('\n')] : []),
    `[All figures](../${folder}/report.md), [raw](../${folder}/results.json), by \`${command}\`.`,
  ].join('\n\n')
}
