/** The summary as tables for a terminal. */

import { styleText } from 'node:util'
import { besideText } from './markdown.ts'
import { number, spread } from './numbers.ts'
import type { MetricRecord } from './results.ts'
import { boundMark, insteadOf, type Row, type ScenarioSummary, type Summary } from './summary.ts'

/** `colour` is for terminals only; without it winners carry a star alone. */
export function terminal(summary: Summary, colour: boolean): string {
  const bold = (text: string): string => (colour ? styleText('bold', text) : text)
  const dim = (text: string): string => (colour ? styleText('dim', text) : text)
  const blocks = summary.scenarios.map((scenario) =>
    [
      `${bold(scenario.record.title)}  ${dim(scenario.record.name)}`,
      dim(scenario.record.question),
      '',
      table(scenario, colour),
      '',
      ...scenario.sentences.flatMap((sentence) => wrapped(sentence)),
    ].join('\n'),
  )
  const absent = summary.absent.map(({ name, absent }) => `  ${name}: ${absent}`)
  return [
    ...blocks,
    [
      'Figures are medians ± the median absolute deviation. ★ best contestant, ☆ by no verdict to be told from it.',
      ...(absent.length > 0 ? ['', 'Not measured:', ...absent] : []),
      ...(summary.cautions.length > 0 ? ['', 'Before you conclude anything:'] : []),
      ...summary.cautions.flatMap((caution) => wrapped(caution, '  ')),
    ].join('\n'),
  ].join('\n\n')
}

type Text = { readonly plain: string; readonly paint?: (text: string) => string }

function table(scenario: ScenarioSummary, colour: boolean): string {
  const { base } = scenario
  const paint =
    (...style: Parameters<typeof styleText>[0][]) =>
    (text: string): string =>
      colour ? style.reduce<string>((painted, one) => styleText(one, painted), text) : text
  const { metrics } = scenario.record
  const head: Text[] = ['target', ...metrics.map(({ label }) => label), ...(base ? [`× ${base}`] : [])].map(
    (plain) => ({ plain, paint: paint('bold') }),
  )
  const units: Text[] = [
    '',
    ...metrics.map(({ unit }) => unit),
    ...(base ? [scenario.headline.label] : []),
  ].map((plain) => ({ plain, paint: paint('dim') }))
  const body = scenario.rows.map((row): Text[] => [
    { plain: row.target.name, ...(row.target.kind === 'control' && { paint: paint('dim') }) },
    ...metrics.map((metric) => cell(row, metric, scenario, paint('green'))),
    ...(base ? [{ plain: besideText(row) }] : []),
  ])
  const lines = [head, units, ...body]
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.plain.length ?? 0)))
  const drawn = lines.map((line) =>
    line
      .map(({ plain, paint: how = (text) => text }, column) => {
        const space = ' '.repeat((widths[column] ?? 0) - plain.length)
        return column === 0 ? how(plain) + space : space + how(plain)
      })
      .join('  ')
      .trimEnd(),
  )
  const rule = '─'.repeat(widths.reduce((sum, width) => sum + width + 2, -2))
  return [...drawn.slice(0, 2), rule, ...drawn.slice(2)].join('\n')
}

function cell(
  row: Row,
  metric: MetricRecord,
  scenario: ScenarioSummary,
  green: (text: string) => string,
): Text {
  const value = row.cells.get(metric.id)
  if (value === undefined) return { plain: insteadOf(row, metric, scenario) }
  const [best, ...equals] = scenario.winners.get(metric.id) ?? []
  const mark = row.target.name === best ? '★' : equals.includes(row.target.name) ? '☆' : ' '
  const deviation = value.count > 1 ? ` ±${spread(value.median, value.mad)}` : ''
  return {
    plain: `${mark} ${number(value.median)}${boundMark(row, metric)}${deviation}`.trimStart(),
    ...(mark !== ' ' && { paint: green }),
  }
}

function wrapped(text: string, indent = '', width = 100): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of text.split(' ')) {
    if (line.length + word.length > width && line !== indent) {
      lines.push(line.trimEnd())
      line = indent
    }
    line += `${word} `
  }
  return [...lines, line.trimEnd()]
}
