/** The end of a run on a terminal: chapters against subjects, then what failed and why. */

import { isFailure, type Report, type Result } from '../run.ts'
import { chapterOf, chaptersOf } from './count.ts'
import { stopped } from './stopped.ts'

export function matrix(reports: readonly Report[]): string {
  const chapters = chaptersOf(reports.flatMap(({ results }) => results))
  const rows = [
    ['', ...reports.map(({ subject }) => subject)],
    ...chapters.map((chapter) => [
      chapter,
      ...reports.map(({ results }) => cell(results.filter((result) => chapterOf(result) === chapter))),
    ]),
    ['all', ...reports.map(({ results }) => cell(results))],
  ]
  const legend = 'passed of run, then failed of these by level (M MUST, S SHOULD, m MAY, ! crash), ~ skipped'
  const incomplete = stopped(reports)
  return [
    table(rows),
    legend,
    ...reports.flatMap(failing),
    ...(incomplete === undefined ? [] : ['', incomplete]),
  ].join('\n')
}

function cell(results: readonly Result[]): string {
  const ran = results.filter(({ verdict }) => verdict !== 'skipped')
  const passed = ran.filter(({ verdict }) => verdict === 'pass')
  const failed = (level: string) => ran.filter((one) => one.verdict === 'fail' && one.level === level).length
  const marks: [string, number][] = [
    ['M', failed('MUST')],
    ['S', failed('SHOULD')],
    ['m', failed('MAY')],
    ['!', ran.filter(({ verdict }) => verdict === 'crash').length],
    ['?', ran.filter(({ verdict }) => verdict === 'harness failed').length],
    ['~', results.length - ran.length],
  ]
  const said = marks.filter(([, count]) => count > 0).map(([mark, count]) => ` ${count}${mark}`)
  return `${passed.length}/${ran.length}${said.join('')}`
}

function failing({ subject, results, overcome }: Report): string[] {
  const failed = results.filter(({ verdict }) => verdict !== 'pass' && verdict !== 'skipped')
  const lines = failed.map((result) => {
    const { id, level, verdict, why, deviation } = result
    const weight = isFailure(result) ? '✗' : ' '
    const known = deviation === undefined ? '' : ` (known: ${deviation})`
    return ` ${weight} ${id.padEnd(10)} ${level.padEnd(7)}${verdict === 'fail' ? '' : `${verdict}: `}${why}${known}`
  })
  const skipped = Object.entries(
    Object.groupBy(
      results.filter(({ verdict }) => verdict === 'skipped'),
      ({ why }) => why,
    ),
  ).map(([why, some]) => ` ~ ${(some ?? []).map(({ id }) => id).join(', ')}: ${why}`)
  const again = results.flatMap(({ id, verdict, retried }) =>
    retried === undefined ? [] : [` ↻ ${id} ${verdict} when run once more by itself; before: ${retried}`],
  )
  const passing = overcome.map(
    ({ id, deviation }) => ` ! ${id} passes, but is declared a deviation: ${deviation}`,
  )
  return [
    '',
    `${subject}: ${failed.length === 0 ? 'nothing fails' : `${failed.length} fail`}`,
    ...lines,
    ...again,
    ...skipped,
    ...passing,
  ]
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
