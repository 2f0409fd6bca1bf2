/** The summary as one HTML file that needs nothing else: no request, no font, no script to read it. */

import { escapeText } from '@relayrace/fixtures/escape'
import { kinds } from '@relayrace/fixtures/target'
import { counted, number, spread } from './numbers.ts'
import { picker, pickerScript } from './picker.ts'
import {
  type Fact,
  factList,
  machineFacts,
  noiseText,
  processorsText,
  sourceText,
  targetTable,
} from './provenance.ts'
import type { MetricRecord, TargetRecord } from './results.ts'
import { style } from './style.ts'
import { boundMark, cellOf, insteadOf, type Row, type ScenarioSummary, type Summary } from './summary.ts'
import { type Bar, barChart, scatter } from './svg.ts'

const wide = 1000
const narrow = 340

export function html(summary: Summary): string {
  const { results, scenarios } = summary
  const date = results.createdAt.slice(0, 10)
  const title = `relayrace: ${results.preset}, ${date}, ${results.environment.machine}`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeText(title)}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<header>
<p class="eyebrow">relayrace benchmark</p>
<h1>How should a Node program stream HTTP through itself?</h1>
<p class="lead">${escapeText(`${counted(results.targets.filter(({ absent }) => absent === null).length, 'target')}, ${counted(scenarios.length, 'question')}, ${counted(results.rounds, 'round')}, ${counted(results.samples.length, 'sample')}, every byte compared. ${results.environment.machine}, ${date}, preset “${results.preset}”.`)}</p>
<nav aria-label="Contents">${[
    ['overview', 'At a glance'],
    ['versus', 'Any two'],
    ...scenarios.map(({ record }) => [record.name, record.title] as const),
    ['provenance', 'Where it comes from'],
  ]
    .map(([id, text]) => `<a href="#${id}">${escapeText(text ?? '')}</a>`)
    .join('')}</nav>
</header>
<main>
${cautions(summary)}
${overview(summary)}
${picker(summary)}
${scenarios.map(section).join('\n')}
${provenance(summary)}
</main>
<footer><p>Figures are medians ± the median absolute deviation; dots are single samples. ★ is the best median of a column; <span class="equal">underlined</span> are those that no verdict tells from it, where there are rounds enough for verdicts. Controls do not compete. This page was made from <code>results.json</code> alone.</p></footer>
<script>${copyScript}</script>
<script>${pickerScript}</script>
</body>
</html>
`
}

function cautions({ cautions }: Summary): string {
  if (cautions.length === 0) return ''
  const items = cautions.map((caution) => `<li>${escapeText(caution)}</li>`).join('')
  return `<aside class="cautions"><h2>Before you conclude anything</h2><ul>${items}</ul></aside>`
}

function overview({ results, scenarios }: Summary): string {
  const names = results.targets
    .filter(({ absent }) => absent === null)
    .toSorted((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind))
  const head = scenarios.map(
    ({ record, headline }) =>
      `<th scope="col"><a href="#${record.name}">${escapeText(record.name)}</a><small>${escapeText(`${headline.label}, ${headline.unit}`)}</small></th>`,
  )
  const rows = names.map((target) => {
    const cells = scenarios.map((scenario) => {
      const row = scenario.rows.find((one) => one.target.name === target.name)
      return row ? dataCell(row, scenario.headline, scenario, true) : '<td>–</td>'
    })
    return `<tr class="${target.kind}">${rowHead(target)}${cells.join('')}</tr>`
  })
  return `<section id="overview"><h2>At a glance</h2>
<p>The figure that answers each question.${scenarios.every(({ headline }) => headline.better === 'lower') ? ' Lower is better in every column.' : ''}</p>
<div class="scroll"><table><thead><tr><th scope="col">Target</th>${head.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>
${legend}
${map(scenarios)}
</section>`
}

const legend =
  '<p class="legend"><span class="strategy">ours</span><span class="peer">peers</span><span class="control">controls</span></p>'

/** Processor time against memory, where one scenario has both. */
function map(scenarios: readonly ScenarioSummary[]): string {
  const download = scenarios.find(({ record }) => record.name === 'download')
  const spots = (download?.rows ?? []).flatMap(({ target, cells }) => {
    const [cpu, memory] = [cells.get('cpuPerGiB'), cells.get('peakMemory')]
    return cpu && memory ? [{ label: target.name, x: cpu.median, y: memory.median, tone: target.kind }] : []
  })
  if (spots.length < 2) return ''
  const chart = (width: number): string =>
    scatter({
      title: 'Processor time and peak memory of one download, by target',
      x: 'CPU s/GiB',
      y: 'peak memory MiB',
      spots,
      width,
    })
  return `<figure><figcaption>One download: processor time against peak memory. Towards the lower left is better.</figcaption>${bothWidths(chart)}</figure>`
}

function section(scenario: ScenarioSummary): string {
  const { record, headline, sentences } = scenario
  const others = record.metrics.filter((metric) => metric !== headline && anyFigure(scenario, metric))
  return `<section id="${record.name}">
<h2>${escapeText(record.title)} <code>${escapeText(record.name)}</code></h2>
<p class="question">${escapeText(record.question)}</p>
${sentences.length > 0 ? `<p class="verdict">${sentences.map(escapeText).join(' ')}</p>` : ''}
<figure><figcaption><strong>${escapeText(headline.label)}, ${escapeText(headline.unit)}.</strong> ${escapeText(headline.about)}</figcaption>${bars(scenario, headline)}</figure>
${table(scenario)}
${others.length > 0 ? `<details><summary>A chart of each other metric</summary>${others.map((metric) => `<figure><figcaption><strong>${escapeText(metric.label)}, ${escapeText(metric.unit)}.</strong> ${escapeText(metric.about)}</figcaption>${bars(scenario, metric)}</figure>`).join('')}</details>` : ''}
<dl class="terms"><dt>Load</dt><dd>${escapeText(record.load)}</dd><dt>Must come back</dt><dd>${escapeText(record.expects)}</dd><dt>Counts as wrong</dt><dd>${escapeText(record.wrong)}</dd></dl>
</section>`
}

const anyFigure = (scenario: ScenarioSummary, metric: MetricRecord): boolean =>
  scenario.rows.some((row) => cellOf(row, metric) !== undefined)

function bars(scenario: ScenarioSummary, metric: MetricRecord): string {
  const better = (a: Row, b: Row): number => {
    const [first, second] = [cellOf(a, metric)?.median ?? Number.NaN, cellOf(b, metric)?.median ?? Number.NaN]
    return metric.better === 'lower' ? first - second : second - first
  }
  const [without, withFigure] = [
    scenario.rows.filter((row) => !cellOf(row, metric) && row.failed > 0),
    scenario.rows.filter((row) => cellOf(row, metric)),
  ]
  const drawn = [...withFigure.toSorted(better), ...without].map((row): Bar => {
    const cell = cellOf(row, metric)
    return {
      label: row.target.name,
      value: cell?.median,
      spread: cell?.mad ?? 0,
      points: cell?.values ?? [],
      tone: row.target.kind,
      best: scenario.winners.get(metric.id)?.[0] === row.target.name,
      note: insteadOf(row, scenario.headline, scenario),
    }
  })
  return bothWidths((width) =>
    barChart({
      title: `${metric.label} by target, ${scenario.record.title.toLowerCase()}`,
      unit: metric.unit,
      better: metric.better,
      bars: drawn,
      width,
    }),
  )
}

const bothWidths = (chart: (width: number) => string): string =>
  `<div class="wide">${chart(wide)}</div><div class="narrow">${chart(narrow)}</div>`

function table(scenario: ScenarioSummary): string {
  const { record, rows, base } = scenario
  const head = record.metrics.map(
    ({ label, unit, about }) =>
      `<th scope="col" title="${escapeText(about)}">${escapeText(label)}<small>${escapeText(unit)}</small></th>`,
  )
  const ratioHead = base
    ? `<th scope="col" title="The first figure in relation to that of ${escapeText(base)}, round by round.">× ${escapeText(base)}<small>${escapeText(scenario.headline.label)}</small></th>`
    : ''
  const body = rows.map((row) => {
    const cells = record.metrics.map((metric) => dataCell(row, metric, scenario))
    return `<tr class="${row.target.kind}">${rowHead(row.target)}${cells.join('')}${base ? ratioCell(row) : ''}</tr>`
  })
  return `<div class="scroll"><table><thead><tr><th scope="col">Target</th>${head.join('')}${ratioHead}</tr></thead><tbody>${body.join('')}</tbody></table></div>`
}

const rowHead = ({ name, about, version }: TargetRecord): string =>
  `<th scope="row" title="${escapeText(`${about} (${version ?? 'version unknown'})`)}">${escapeText(name)}</th>`

function dataCell(row: Row, metric: MetricRecord, scenario: ScenarioSummary, brief = false): string {
  const cell = cellOf(row, metric)
  if (cell === undefined) {
    const why = row.limit ?? [...row.problems.keys()].join('; ')
    const word = insteadOf(row, metric, scenario)
    return `<td class="none"${why && word !== '–' ? ` title="${escapeText(why)}"` : ''}>${word}</td>`
  }
  const [best, ...equals] = scenario.winners.get(metric.id) ?? []
  const mark =
    row.target.name === best ? ' class="best"' : equals.includes(row.target.name) ? ' class="equal"' : ''
  const range = `${number(cell.min)} to ${number(cell.max)} ${metric.unit} in ${counted(cell.count, 'sample')}`
  const deviation = cell.count > 1 && !brief ? `<small> ± ${spread(cell.median, cell.mad)}</small>` : ''
  return `<td${mark} title="${escapeText(range)}"><span>${number(cell.median)}${boundMark(row, metric)}</span>${deviation}</td>`
}

function ratioCell(row: Row): string {
  const { ratio, beside } = row
  if (!ratio) return '<td class="none">–</td>'
  const { low, high } = ratio.interval ?? {}
  const sure = low === undefined || high === undefined ? '' : `${number(low)} to ${number(high)}`
  const verdict = beside === undefined ? '' : beside.why === undefined ? beside.verdict : 'no verdict'
  const small = [sure, verdict].filter(Boolean).join(', ')
  return `<td${beside?.why === undefined ? '' : ` title="${escapeText(beside.why)}"`}>${number(ratio.median)}${small && `<small> ${small}</small>`}</td>`
}

function provenance({ results, absent }: Summary): string {
  const { environment, noise, pinning } = results
  const facts: Fact[] = [
    ...machineFacts(environment),
    ['Source', `${sourceText(environment)}; lockfile ${environment.lockfile ?? 'unknown'}`],
    ['Processors', processorsText(pinning)],
    ['Quiet before', noiseText(noise)],
    [
      'Order',
      `seed ${results.seed}, ${counted(results.rounds, 'round')}, a new random order of targets in each`,
    ],
    ['Time', `${results.createdAt} to ${results.finishedAt}`],
    ...Object.entries(environment.sysctls),
  ]
  return `<section id="provenance"><h2>Where it comes from</h2>
<div class="command"><code>${escapeText(results.command)}</code><button type="button" hidden>Copy</button></div>
${factList(facts)}
<h3>Targets</h3>
${absent.length > 0 ? `<p>${counted(absent.length, 'target')} could not be measured; the second column says why.</p>` : ''}
<div class="scroll">${targetTable(results.targets)}</div>
</section>`
}

/** The button is there only where it can work. */
const copyScript = `const button=document.querySelector('.command button');if(navigator.clipboard){button.hidden=false;button.onclick=async()=>{await navigator.clipboard.writeText(button.previousElementSibling.textContent);button.textContent='Copied'}}`
