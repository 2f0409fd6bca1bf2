/** Speed against memory limit, of one target: a small picture, so that those of one job stand side by side. */

import { escapeText } from '@relayrace/fixtures/escape'
import type { Kind } from '@relayrace/fixtures/target'
import { number, tick } from '../report/numbers.ts'
import { MiB } from '../scenarios/scenario.ts'
import type { SearchRecord } from './results.ts'
import { mebibytes, outcomeWords } from './tables.ts'

export interface Plot {
  readonly search: SearchRecord
  readonly tone: Kind
  readonly share: number
  /** Limits in bytes, the same for all of a job. */
  readonly from: number
  readonly to: number
}

const width = 310
const height = 190
const [left, right, top, bottom] = [40, 12, 22, 36]
/** Above the unlimited speed there is room for chance. */
const highest = 1.25

export function plot({ search, tone, share, from, to }: Plot): string {
  const { ceiling, trials, target } = search
  const limits = Math.log2(Math.max(2 * from, to)) - Math.log2(from)
  const x = (limit: number): number =>
    left + ((Math.log2(limit) - Math.log2(from)) / limits) * (width - left - right)
  const y = (part: number): number =>
    height - bottom - (Math.min(part, highest) / highest) * (height - top - bottom)
  const floor = height - bottom

  const marks = powersOfTwo(from, Math.max(2 * from, to)).map(
    (limit) =>
      `<line class="grid" x1="${at(x(limit))}" x2="${at(x(limit))}" y1="${top}" y2="${floor}"/><text class="tick" x="${at(x(limit))}" y="${floor + 15}" text-anchor="middle">${tick(limit / MiB)}</text>`,
  )
  const levels = [0, 0.5, 1].map(
    (part) =>
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${at(y(part))}" y2="${at(y(part))}"/><text class="tick" x="${left - 5}" y="${at(y(part) + 4)}" text-anchor="end">${part * 100} %</text>`,
  )
  const needed = `<line class="needed" x1="${left}" x2="${width - right}" y1="${at(y(share))}" y2="${at(y(share))}"/>`
  const drawn = trials.flatMap((trial) => {
    if (trial.limit === null) return []
    const part = trial.speed === null || trial.reference === null ? 0 : trial.speed / trial.reference
    const what = `${mebibytes(trial.limit)} MiB: ${outcomeWords[trial.outcome]}${part > 0 ? `, ${number(part * 100)} %` : ''}`
    return [`<g><title>${escapeText(what)}</title>${mark(trial.outcome, x(trial.limit), y(part))}</g>`]
  })
  const line =
    ceiling === null
      ? ''
      : `<line class="ceiling" x1="${at(x(ceiling))}" x2="${at(x(ceiling))}" y1="${top}" y2="${floor}"/>`
  const most = search.how === 'coarse' ? '≤ ' : ''
  const answer = ceiling === null ? search.how : `${most}${mebibytes(ceiling)} MiB`
  const title = `${target}: speed against memory limit; ceiling: ${answer}`
  return `<svg class="chart ceilings" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img"><title>${escapeText(title)}</title>${marks.join('')}${levels.join('')}${needed}<g class="${tone}"><text class="label" x="0" y="13">${escapeText(target)}</text>${line}${drawn.join('')}</g><text class="value" x="${width - right}" y="13" text-anchor="end">${escapeText(answer)}</text><text class="tick" x="${width - right}" y="${height - 4}" text-anchor="end">limit, MiB →</text></svg>`
}

/** A shape for each outcome, so that none is told by colour alone. */
export function mark(outcome: SearchRecord['trials'][number]['outcome'], x: number, y: number): string {
  switch (outcome) {
    case 'enough':
      return `<circle class="spot" cx="${at(x)}" cy="${at(y)}" r="4.5"/>`
    case 'slower':
      return `<circle class="hollow" cx="${at(x)}" cy="${at(y)}" r="4"/>`
    case 'killed':
      return `<path class="failed" d="M${at(x - 4)} ${at(y - 4)}l8 8m0 -8l-8 8"/>`
    case 'died':
      return `<path class="failed" d="M${at(x - 4)} ${at(y)}h8m-4 -4v8"/>`
    case 'errors':
      return `<path class="failed" d="M${at(x)} ${at(y - 5)}l4.5 8h-9z"/>`
    case 'hang':
      return `<path class="failed" d="M${at(x - 4)} ${at(y - 4)}h8v8h-8z"/>`
  }
}

const powersOfTwo = (from: number, to: number): number[] => {
  const first = Math.ceil(Math.log2(from))
  const count = Math.max(0, Math.floor(Math.log2(to)) - first + 1)
  const step = Math.ceil(count / 6)
  return Array.from({ length: count }, (_, index) => 2 ** (first + index)).filter(
    (_, index) => index % step === 0,
  )
}

/** Coordinates need no more than a tenth of a pixel. */
const at = (value: number): string => Number(value.toFixed(1)).toString()
