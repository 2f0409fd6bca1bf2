/** Ceilings as one HTML file that needs nothing else, in the looks of the other reports. */

import { escapeText } from '@relayrace/fixtures/escape'
import { counted } from '../report/numbers.ts'
import {
  type Fact,
  factList,
  machineFacts,
  noiseText,
  processorsText,
  sourceText,
  targetTable,
} from '../report/provenance.ts'
import { style } from '../report/style.ts'
import { MiB } from '../scenarios/scenario.ts'
import { mark, plot } from './plot.ts'
import type { Ceilings, JobRecord, Outcome, SearchRecord } from './results.ts'
import { columns, notes, outcomeWords, ranked } from './tables.ts'

const own = `
.plots{display:flex;flex-wrap:wrap;gap:1.2rem 1.6rem;margin:1.2rem 0}
.needed{stroke:var(--soft);stroke-dasharray:3 3}
.ceiling{stroke:var(--ours);stroke-width:1.5;opacity:.6}
.peer .ceiling,.mount .ceiling,.alternative .ceiling,.control .ceiling{stroke:var(--ink)}
.hollow{fill:var(--card);stroke:var(--theirs);stroke-width:1.8}
.strategy .hollow{stroke:var(--ours)}
.failed{fill:none;stroke:var(--ink);stroke-width:1.6}
.marks{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;margin:.8rem 0;font-size:.85rem;color:var(--soft)}
.marks svg{vertical-align:-.15rem;margin-right:.3rem;overflow:visible}
.chart.ceilings{max-width:100%}
.notes{margin:.6rem 0;padding-left:1.1rem}
`

export function page(results: Ceilings): string {
  const date = results.createdAt.slice(0, 10)
  const measured = results.targets.filter(({ absent }) => absent === null).length
  const title = `relayrace: memory ceilings, ${date}, ${results.environment.machine}`
  const contents = [
    ...results.jobs.map(({ name, title }) => [name, title] as const),
    ['provenance', 'Where it comes from'] as const,
  ]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeText(title)}</title>
<link rel="icon" href="data:,">
<style>${style}${own}</style>
</head>
<body>
<header>
<p class="eyebrow">relayrace benchmark</p>
<h1>How little memory is enough?</h1>
<p class="lead">${escapeText(`Memory ceilings: ${counted(measured, 'target')}, ${counted(results.jobs.length, 'job')}, every byte compared. ${results.environment.machine}, ${date}.`)}</p>
<nav aria-label="Contents">${contents.map(([id, text]) => `<a href="#${id}">${escapeText(text)}</a>`).join('')}</nav>
</header>
<main>
<aside class="cautions"><h2>How to read it</h2><ul class="notes">${notes(results)
    .map((note) => `<li>${escapeText(note)}</li>`)
    .join('')}</ul></aside>
${results.jobs.map((job) => section(job, results)).join('\n')}
${provenance(results)}
</main>
<footer><p>This page was made from <code>ceilings.json</code> alone; every trial is in it.</p></footer>
</body>
</html>
`
}

function section({ name, title, question, load }: JobRecord, results: Ceilings): string {
  const searches = ranked(results, name)
  return `<section id="${escapeText(name)}">
<h2>${escapeText(title)} <code>${escapeText(name)}</code></h2>
<p class="question">${escapeText(question)}</p>
<p>${escapeText(load)}</p>
${table(searches, results)}
<figure><figcaption>Speed under a limit, as a part of the unlimited speed. The dashed line is what has to be kept; the upright line is the ceiling. To the left is less memory, in doublings.</figcaption>
${legend}
<div class="plots">${plots(searches, results)}</div></figure>
</section>`
}

const kindOf = (target: string, { targets }: Ceilings) =>
  targets.find(({ name }) => name === target)?.kind ?? 'peer'

function table(searches: readonly SearchRecord[], results: Ceilings): string {
  const head = columns.map(
    ({ head, unit, about }) =>
      `<th scope="col" title="${escapeText(about)}">${escapeText(head)}<small>${escapeText(unit)}</small></th>`,
  )
  const rows = searches.map((search) => {
    const cells = columns.map(({ text }) => `<td>${escapeText(text(search))}</td>`)
    return `<tr class="${kindOf(search.target, results)}"><th scope="row">${escapeText(search.target)}</th>${cells.join('')}</tr>`
  })
  const terms = columns.map(({ head, about }) => `<dt>${escapeText(head)}</dt><dd>${escapeText(about)}</dd>`)
  return `<div class="scroll" tabindex="0" role="region" aria-label="Table, can be scrolled"><table><thead><tr><th scope="col">Target</th>${head.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>
<details><summary>What the columns are</summary><dl class="terms">${terms.join('')}</dl></details>`
}

function plots(searches: readonly SearchRecord[], results: Ceilings): string {
  const limits = searches.flatMap(({ trials }) => trials.flatMap(({ limit }) => limit ?? []))
  if (limits.length === 0) return '<p>Nothing was tried under a limit.</p>'
  const from = Math.min(...limits, 8 * MiB)
  const to = Math.max(...limits)
  return searches
    .filter(({ trials }) => trials.some(({ limit }) => limit !== null))
    .map((search) => plot({ search, tone: kindOf(search.target, results), share: results.share, from, to }))
    .join('')
}

const legend = `<p class="marks strategy">${(Object.keys(outcomeWords) as Outcome[])
  .map(
    (outcome) =>
      `<span><svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">${mark(outcome, 6, 6)}</svg>${outcomeWords[outcome]}</span>`,
  )
  .join('')}</p>`

function provenance(results: Ceilings): string {
  const { environment, noise, pinning } = results
  const facts: Fact[] = [
    ...machineFacts(environment),
    ['Source', sourceText(environment)],
    ['Processors', processorsText(pinning)],
    ['Before the run', noiseText(noise)],
    ['Time', `${results.createdAt} to ${results.finishedAt}`],
    ...Object.entries(environment.sysctls),
  ]
  return `<section id="provenance"><h2>Where it comes from</h2>
<div class="command"><code>${escapeText(results.command)}</code></div>
${factList(facts)}
<h3>Targets</h3>
<div class="scroll" tabindex="0" role="region" aria-label="Targets">${targetTable(results.targets)}</div>
</section>`
}
