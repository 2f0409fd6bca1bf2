/** What memory a gateway has to be given, from the newest results: the table of docs/memory.md. */

import { markdownTable } from './markdown.ts'
import { number } from './numbers.ts'
import { incumbent, type Kept } from './readme.ts'
import { type ScenarioSummary, summarize } from './summary.ts'

/** Stalled readers and waiting connections that the last column reckons with. */
const example = { stalled: 1_000, idle: 10_000 }

export function memorySection({ results, folder }: Kept): string {
  const { scenarios } = summarize(results)
  const figureOf = (scenario: string, metric: string, target: string): number =>
    scenarios
      .find(({ record }: ScenarioSummary) => record.name === scenario)
      ?.rows.find((row) => row.target.name === target)
      ?.cells.get(metric)?.median ?? Number.NaN
  const between = figureOf('stalled', 'kernelPerStream', 'direct')
  const rows = results.targets
    .filter(({ kind, name }) => kind === 'strategy' || name === results.base || name === incumbent)
    .map(({ name }) => {
      const busy = figureOf('parallel', 'peakMemory', name)
      const stalled = figureOf('stalled', 'processPerStream', name)
      const kernel = figureOf('stalled', 'kernelPerStream', name) - between
      const idle = figureOf('idle', 'processPerConnection', name)
      const process = busy + (example.stalled * stalled + example.idle * idle) / 1024
      return [name, busy, stalled, kernel, idle, process, (example.stalled * kernel) / 1024] as const
    })
  return [
    markdownTable(
      [
        '',
        'busy, MiB',
        'each reader that stalls, KiB',
        'and in the kernel, KiB',
        'each connection that waits, KiB',
        `${number(example.stalled)} stall, ${number(example.idle)} wait: process, MiB`,
        'kernel, MiB',
      ],
      rows.map(([name, ...figures]) => [
        kindOf(results.targets, name) === 'strategy' ? `**${name}**` : name,
        ...figures.map(number),
      ]),
    ),
    `From [these results](../${folder}/report.md), ${results.environment.machine}, Node ${results.environment.node}: *busy* is the most that was resident during eight large downloads; *in the kernel* is what all TCP buffers held, less the ${number(between)} KiB that they hold without a proxy: about what the two connections of the gateway have.`,
  ].join('\n\n')
}

const kindOf = (targets: Kept['results']['targets'], name: string): string | undefined =>
  targets.find((target) => target.name === name)?.kind
