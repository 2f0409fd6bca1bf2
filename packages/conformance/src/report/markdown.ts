/** The published result: our own failures with their reasons, of everybody else counts and what is public already. */

import type { Report, Result } from '../run.ts'
import { chapterOf, chaptersOf, count } from './count.ts'
import { reported as publiclyReported } from './reported.ts'
import { stopped } from './stopped.ts'

export interface Origin {
  /** What repeats the run. */
  readonly command: string
  readonly date: Date
  /** Node and the system it ran on. */
  readonly platform: string
}

export interface MarkdownOptions extends Origin {
  /** The subjects that are ours to speak about. Everybody else gets counts. */
  readonly ours: readonly string[]
  readonly reported?: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** A line of Markdown on where more is to be read. */
  readonly note?: string | undefined
}

export function markdown(reports: readonly Report[], options: MarkdownOptions): string {
  const { command, date, platform, ours, reported = publiclyReported, note } = options
  const own = reports.filter(({ subject }) => ours.includes(subject))
  const others = reports.filter(({ subject }) => !ours.includes(subject))
  const seeds = [...new Set(reports.map(({ seed }) => seed))].join(', ')
  const incomplete = stopped(reports)
  return `${[
    `# Conformance${onOneNode(reports)}`,
    'Generated, not written: change the cases or the programs, and run it again.',
    `\`\`\`sh\n${command}\n\`\`\``,
    `${date.toISOString().slice(0, 10)}, ${platform}, random splits from seed ${seeds}. What a verdict means is said in [the suite](../packages/conformance/README.md).`,
    ...(note === undefined ? [] : [note]),
    ...(incomplete === undefined ? [] : [`**${plain(incomplete)}**`]),
    '## Passed of run, by chapter',
    'Left out are cases that were skipped. A target that dies has failed the case.',
    overview(reports),
    ...own.flatMap(ownSection),
    ...(others.length > 0 ? publicSection(others, reported) : []),
  ].join('\n\n')}\n`
}

/** Where all ran on the same Node.js: that. */
function onOneNode(reports: readonly Report[]): string {
  const [on, ...others] = new Set(reports.map(({ version }) => / on Node [\d.]+$/.exec(version ?? '')?.[0]))
  return others.length === 0 ? (on ?? '') : ''
}

function overview(reports: readonly Report[]): string {
  const chapters = chaptersOf(reports.flatMap(({ results }) => results))
  const rows = reports.map(({ subject, version, results }) => {
    const all = count(results)
    return [
      version === undefined ? subject : `${subject} ${version}`,
      passedOf(results),
      `${all.failed.MUST}`,
      `${all.failed.SHOULD}`,
      `${all.skipped}`,
      ...chapters.map((chapter) => passedOf(results.filter((result) => chapterOf(result) === chapter))),
    ]
  })
  const header = ['target', 'all', 'failed MUST', 'failed SHOULD', 'skipped', ...chapters]
  return table([header, ...rows], '---:')
}

function passedOf(results: readonly Result[]): string {
  const { passed, ran } = count(results)
  return ran === 0 ? '–' : `${passed}/${ran}`
}

function ownSection({ subject, results }: Report): string[] {
  const failed = results.filter(({ verdict }) => verdict !== 'pass' && verdict !== 'skipped')
  const rows = failed.map(({ id, level, title, verdict, why, deviation }) => [
    id,
    level,
    title,
    verdict === 'fail' ? local(why) : `${verdict}: ${local(why)}`,
    deviation ?? '',
  ])
  const skipped = Object.groupBy(
    results.filter(({ verdict }) => verdict === 'skipped'),
    ({ why }) => why,
  )
  const reasons = Object.entries(skipped).map(
    ([why, some]) => `- ${plain(local(why))}: ${(some ?? []).map(({ id }) => id).join(', ')}`,
  )
  return [
    `## ${subject}`,
    rows.length === 0
      ? 'Nothing that was run fails.'
      : table([['case', 'level', 'an intermediary …', 'but', 'why it stands'], ...rows]),
    ...(reasons.length > 0 ? [`Skipped:\n\n${reasons.join('\n')}`] : []),
  ]
}

/** A death is never named here, reported or not: it would say how to cause it. */
function publicSection(
  others: readonly Report[],
  reported: NonNullable<MarkdownOptions['reported']>,
): string[] {
  const rows = others.flatMap(({ subject, results }) =>
    results.flatMap(({ id, level, title, verdict }) => {
      const reference = reported[subject]?.[id]
      return verdict === 'fail' && reference !== undefined ? [[subject, id, level, title, reference]] : []
    }),
  )
  return [
    '## Everybody else',
    'Counts only, and the failures that can be read about in public. Run the suite to see the others with both sides of the wire: `--html FILE` makes a page of it.',
    ...(rows.length > 0
      ? [table([['target', 'case', 'level', 'an intermediary …', 'reported'], ...rows])]
      : []),
  ]
}

function table(rows: readonly (readonly string[])[], align: string = '---'): string {
  const [header = [], ...body] = rows
  const rule = header.map((_, column) => (column === 0 ? '---' : align))
  return [header.map(plain), rule, ...body.map((row) => row.map(plain))]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n')
}

/** Bytes off the wire may look like markup. */
const plain = (text: string): string => text.replace(/[\\`*_<>[\]|]/g, '\\$&').replace(/\s+/g, ' ')

/** Without the place of this checkout. */
const local = (text: string): string => text.replaceAll(`${process.cwd()}/`, '')
