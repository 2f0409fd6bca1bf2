/** Everything as one HTML file that needs nothing else: the grid, and behind each cell both sides of the wire. */

import { gzipSync } from 'node:zlib'
import { escapeText } from '@relayrace/fixtures/escape'
import type { Report, Result } from '../run.ts'
import { chapterOf, chaptersOf, count } from './count.ts'
import type { Origin } from './markdown.ts'
import { script, style } from './page-parts.ts'
import { stopped } from './stopped.ts'

/** Of one side of one transcript, in characters. */
const shownOfFailure = 24 * 1024
const shownOfPass = 3 * 1024

/** It spells out how foreign programs fail, so it is for whoever ran it, and not for publication. */
export function page(reports: readonly Report[], { command, date, platform }: Origin): string {
  const cases = [...new Map(reports.flatMap(({ results }) => results.map((one) => [one.id, one]))).values()]
  const chapters = chaptersOf(cases)
  const heads = reports.map(
    ({ subject, version }) =>
      `<th scope="col"><span>${escapeText(subject)}<small>${escapeText(version ?? '')}</small></span></th>`,
  )
  const incomplete = stopped(reports)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<title>relayrace: conformance, ${date.toISOString().slice(0, 10)}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<header>
<h1>Conformance</h1>
<p><code>${escapeText(command)}</code><br>${date.toISOString().slice(0, 16).replace('T', ' ')} UTC, ${escapeText(platform)}</p>
<p class="note"><strong>For you, not for publication.</strong> This page spells out how other people’s software fails, also where nobody has told them yet. <code>--markdown</code> writes what can be published.</p>
${incomplete === undefined ? '' : `<p class="note"><strong>${escapeText(incomplete)}</strong></p>\n`}<p class="legend">${Object.values(
    signs,
  )
    .map(({ kind, sign, says }) => `<span><b class="${kind}">${sign}</b> ${says}</span>`)
    .join(' ')}</p>
<form>
<label>Chapter <select id="chapter"><option value="">all</option>${chapters.map((chapter) => `<option>${escapeText(chapter)}</option>`).join('')}</select></label>
<label><input type="checkbox" id="failing"> only what fails somewhere</label>
</form>
</header>
<div class="grid" tabindex="0" role="region" aria-label="Cases and targets">
<table>
<thead><tr><th scope="col">case</th>${heads.join('')}</tr></thead>
<tbody class="summary">
${summary(reports)}
</tbody>
${chapters.map((chapter) => chapterRows(chapter, cases, reports)).join('\n')}
</table>
</div>
<dialog aria-labelledby="what"><form method="dialog"><button aria-label="Close">✕</button></form><div id="one"></div></dialog>
<script type="application/octet-stream" id="details">${packed(reports)}</script>
<script>${script}</script>
</body>
</html>
`
}

function summary(reports: readonly Report[]): string {
  const rows: [string, (counts: ReturnType<typeof count>) => number][] = [
    ['passed', ({ passed }) => passed],
    ['failed MUST', ({ failed }) => failed.MUST],
    ['failed SHOULD', ({ failed }) => failed.SHOULD],
    ['failed MAY', ({ failed }) => failed.MAY],
    ['skipped', ({ skipped }) => skipped],
  ]
  const counts = reports.map(({ results }) => count(results))
  return rows
    .map(
      ([name, pick]) =>
        `<tr><th scope="row">${name}</th>${counts.map((each) => `<td>${pick(each)}</td>`).join('')}</tr>`,
    )
    .join('\n')
}

function chapterRows(chapter: string, cases: readonly Result[], reports: readonly Report[]): string {
  const own = cases.filter((one) => chapterOf(one) === chapter)
  const totals = reports.map(({ results }) => {
    const { passed, ran } = count(results.filter((one) => chapterOf(one) === chapter))
    return `<td>${passed}/${ran}</td>`
  })
  const rows = own.map((one) => {
    const results = reports.map((report) => report.results.find(({ id }) => id === one.id))
    const failing = results.some((result) => result && !['pass', 'skipped'].includes(result.verdict))
    const cells = results.map((result, index) => cell(reports[index]?.subject ?? '', result)).join('')
    return `<tr${failing ? ' class="failing"' : ''}><th scope="row"><b>${escapeText(one.id)}</b> <small>${one.level}</small><span class="title"> ${escapeText(one.title)}</span></th>${cells}</tr>`
  })
  return `<tbody data-chapter="${escapeText(chapter)}">
<tr class="chapter"><th scope="rowgroup">${escapeText(chapter)}</th>${totals.join('')}</tr>
${rows.join('\n')}
</tbody>`
}

interface Sign {
  readonly kind: string
  readonly sign: string
  readonly says: string
}

const signs = {
  pass: { kind: 'pass', sign: '✓', says: 'passes' },
  MUST: { kind: 'must', sign: '✗', says: 'fails a MUST' },
  SHOULD: { kind: 'should', sign: '△', says: 'fails a SHOULD' },
  MAY: { kind: 'may', sign: '○', says: 'does without a MAY' },
  crash: { kind: 'crash', sign: '‼', says: 'dies' },
  skipped: { kind: 'skipped', sign: '–', says: 'skipped' },
  'harness failed': { kind: 'fault', sign: '?', says: 'a fault of the suite' },
} as const satisfies Record<string, Sign>

const signOf = ({ verdict, level }: Result): Sign => signs[verdict === 'fail' ? level : verdict]

function cell(subject: string, result: Result | undefined): string {
  if (!result) return '<td></td>'
  const { kind, sign, says } = signOf(result)
  const label = escapeText(`${subject}, ${result.id}: ${says}`)
  const address = `#${encodeURIComponent(subject)}/${encodeURIComponent(result.id)}`
  return `<td><a class="${kind}" href="${address}" aria-label="${label}" title="${label}">${sign}</a></td>`
}

/** Gzip in base64. Transcripts say the same things again and again. */
function packed(reports: readonly Report[]): string {
  const details = Object.fromEntries(
    reports.map(({ subject, results }) => [
      subject,
      Object.fromEntries(results.map((result) => [result.id, detailsOf(result)])),
    ]),
  )
  return gzipSync(JSON.stringify(details)).toString('base64')
}

function detailsOf(result: Result): unknown {
  const { transcript, duration: _, ...rest } = result
  const most = result.verdict === 'pass' ? shownOfPass : shownOfFailure
  const shorten = (text: string): string => (text.length > most ? `${text.slice(0, most)}\n…` : text)
  const { client, origin } = sides(transcript)
  const { sign, says } = signOf(result)
  return { ...rest, said: `${sign} ${says}`, client: shorten(client), origin: shorten(origin) }
}

/** The two connections' sides of a transcript; what names a variant belongs to both. */
export function sides(transcript: string): { readonly client: string; readonly origin: string } {
  const lines = { client: [] as string[], origin: [] as string[] }
  let at: 'client' | 'origin' | 'both' = 'both'
  for (const line of transcript.split('\n')) {
    const entry = /^ *[\d.]+ ms {2}(client|origin) \d/.exec(line)
    if (entry) at = entry[1] as 'client' | 'origin'
    else if (line.startsWith('--- ')) at = 'both'
    if (at !== 'origin') lines.client.push(line)
    if (at !== 'client') lines.origin.push(line)
  }
  return { client: lines.client.join('\n').trimEnd(), origin: lines.origin.join('\n').trimEnd() }
}
