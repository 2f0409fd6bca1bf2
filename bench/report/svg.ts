/** Charts as strings of SVG: no dependency, no script, colours from the page's CSS variables, a title on everything. */

import { escapeText } from '@relayrace/fixtures/escape'
import type { Kind } from '@relayrace/fixtures/target'
import { spread as deviation, number, tick } from './numbers.ts'

export interface Bar {
  readonly label: string
  /** Undefined draws no bar; the note says why. */
  readonly value: number | undefined
  /** Half the length of the whisker. */
  readonly spread: number
  /** The samples, one dot each. */
  readonly points: readonly number[]
  readonly tone: Tone
  readonly best: boolean
  readonly note?: string | undefined
}

/** Ours, theirs, and what does not compete. */
type Tone = Kind

export interface BarChart {
  readonly title: string
  readonly unit: string
  /** Which end of the axis is good. */
  readonly better: 'lower' | 'higher'
  readonly bars: readonly Bar[]
  /** Below 500 the labels stand above the bars. */
  readonly width: number
}

/** Horizontal bars from zero: bar to the median, whisker for the spread, a dot for each sample. */
export function barChart({ title, unit, better, bars, width }: BarChart): string {
  const narrow = width < 500
  const labels = narrow ? 0 : Math.min(230, 32 + 8.1 * Math.max(0, ...bars.map(({ label }) => label.length)))
  const values = narrow ? 0 : 110
  const plot = width - labels - values - 12
  const rowHeight = narrow ? 40 : 28
  const height = bars.length * rowHeight + 40
  const largest = Math.max(0, ...bars.flatMap(({ value, points }) => [value ?? 0, ...points]))
  const marks = ticks(largest, narrow ? 3 : 6)
  const end = Math.max(largest, marks.at(-1) ?? 1) || 1
  const x = (value: number): number => labels + (value / end) * plot
  const bottom = bars.length * rowHeight + 4

  const grid = marks.map(
    (mark) =>
      `<line class="grid" x1="${at(x(mark))}" x2="${at(x(mark))}" y1="0" y2="${bottom}"/>` +
      `<text class="tick" x="${at(x(mark))}" y="${bottom + 16}" text-anchor="${mark === 0 ? 'start' : mark === end ? 'end' : 'middle'}">${tick(mark)}</text>`,
  )
  const rows = bars.map((bar, index) => {
    const top = index * rowHeight
    const middle = top + (narrow ? 27 : rowHeight / 2)
    const text =
      bar.value === undefined
        ? (bar.note ?? 'not measured')
        : figure(bar.value, bar.spread, bar.points.length)
    const name = `${bar.best ? '★ ' : ''}${bar.label}`
    const label = narrow
      ? `<text class="label" x="0" y="${top + 14}">${escapeText(name)}</text>`
      : `<text class="label" x="${at(labels - 10)}" y="${at(middle + 4)}" text-anchor="end">${escapeText(name)}</text>`
    const value = `<text class="value" x="${width}" y="${at(narrow ? top + 14 : middle + 4)}" text-anchor="end">${escapeText(text)}</text>`
    return `<g class="${bar.tone}"><title>${escapeText(`${bar.label}: ${text}${bar.value === undefined ? '' : ` ${unit}`}`)}</title>${label}${drawn(bar, x, middle)}${value}</g>`
  })
  const axis = `<text class="tick" x="${at(labels)}" y="${bottom + 32}">${escapeText(unit)}, ${better === 'lower' ? 'shorter' : 'longer'} is better</text>`
  return `<svg class="chart" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img"><title>${escapeText(title)}</title>${grid.join('')}${rows.join('')}${axis}</svg>`
}

function drawn({ value, spread, points }: Bar, x: (value: number) => number, middle: number): string {
  if (value === undefined) return ''
  const bar = `<rect class="bar" x="${at(x(0))}" y="${at(middle - 7)}" width="${at(Math.max(1, x(value) - x(0)))}" height="14" rx="3"/>`
  const dots = points.map(
    (point, index) =>
      `<circle class="dot" cx="${at(x(point))}" cy="${at(middle + (index % 2 === 0 ? -2.5 : 2.5))}" r="2"/>`,
  )
  const [low, high] = [x(Math.max(0, value - spread)), x(value + spread)]
  const whisker =
    spread > 0
      ? `<path class="whisker" d="M${at(low)} ${middle}H${at(high)}M${at(low)} ${middle - 4}v8M${at(high)} ${middle - 4}v8"/>`
      : ''
  return bar + (points.length > 1 ? dots.join('') + whisker : '')
}

interface Spot {
  readonly label: string
  readonly x: number
  readonly y: number
  readonly tone: Tone
}

export interface Scatter {
  readonly title: string
  readonly x: string
  readonly y: string
  readonly spots: readonly Spot[]
  readonly width: number
}

/** Two metrics against each other, both from zero: near the corner is good. */
export function scatter({ title, x: xTitle, y: yTitle, spots, width }: Scatter): string {
  const [left, right, top, bottom] = [48, 16, 26, 42]
  const height = Math.round(Math.max(300, width * 0.5))
  const xMarks = ticks(Math.max(0, ...spots.map((spot) => spot.x)) * 1.12, width < 500 ? 4 : 7)
  const yMarks = ticks(Math.max(0, ...spots.map((spot) => spot.y)) * 1.05, 5)
  const x = (value: number): number => left + (value / (xMarks.at(-1) || 1)) * (width - left - right)
  const y = (value: number): number =>
    height - bottom - (value / (yMarks.at(-1) || 1)) * (height - top - bottom)
  const grid = [
    ...xMarks.map(
      (mark) =>
        `<line class="grid" x1="${at(x(mark))}" x2="${at(x(mark))}" y1="${top}" y2="${height - bottom}"/><text class="tick" x="${at(x(mark))}" y="${height - bottom + 16}" text-anchor="middle">${tick(mark)}</text>`,
    ),
    ...yMarks.map(
      (mark) =>
        `<line class="grid" x1="${left}" x2="${width - right}" y1="${at(y(mark))}" y2="${at(y(mark))}"/><text class="tick" x="${left - 6}" y="${at(y(mark) + 4)}" text-anchor="end">${tick(mark)}</text>`,
    ),
  ]
  // Ours first: where room is scarce the later have to do without a name.
  const inOrder = spots.toSorted((a, b) => Number(b.tone === 'strategy') - Number(a.tone === 'strategy'))
  const places = placed(
    inOrder.map((spot) => ({ spot, x: x(spot.x), y: y(spot.y) })),
    width - right,
    height - bottom,
  )
  const drawn = places.map(({ spot, x, y, labelX, labelY, anchor }) => {
    const text = escapeText(`${spot.label}: ${number(spot.x)} ${xTitle}, ${number(spot.y)} ${yTitle}`)
    const line = `<line class="leader" x1="${at(x)}" y1="${at(y)}" x2="${at(labelX)}" y2="${at((labelY ?? 0) - 4)}"/>`
    const name = `<text class="label" x="${at(labelX)}" y="${at(labelY ?? 0)}" text-anchor="${anchor}">${escapeText(spot.label)}</text>`
    return `<g class="${spot.tone}"><title>${text}</title>${labelY !== undefined && Math.abs(labelY - 4 - y) > 6 ? line : ''}<circle class="spot" cx="${at(x)}" cy="${at(y)}" r="5"/>${labelY === undefined ? '' : name}</g>`
  })
  return `<svg class="chart" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img"><title>${escapeText(title)}</title>${grid.join('')}<text class="tick" x="${left}" y="14">↑ ${escapeText(yTitle)}</text><text class="tick" x="${width - right}" y="${height - 6}" text-anchor="end">${escapeText(xTitle)} →</text>${drawn.join('')}</svg>`
}

interface Placed {
  readonly spot: Spot
  readonly x: number
  readonly y: number
  readonly labelX: number
  /** Undefined where there is no room: the name is then in the title only. */
  readonly labelY: number | undefined
  readonly anchor: 'start' | 'end'
}

/** In steps of 6 pixels. A name farther from its spot than that is no help. */
const farthest = 8

/** A label stands beside its spot, or as near to that as the others leave room. */
function placed(
  spots: readonly { spot: Spot; x: number; y: number }[],
  right: number,
  bottom: number,
): Placed[] {
  const taken: { from: number; to: number; y: number }[] = spots.map(({ x, y }) => ({
    from: x - 6,
    to: x + 6,
    y: y + 4,
  }))
  const lineHeight = 15
  return spots.map(({ spot, x, y }) => {
    const length = spot.label.length * 7.4
    const anchor = x + 10 + length > right ? 'end' : 'start'
    const labelX = anchor === 'start' ? x + 10 : x - 10
    const from = anchor === 'start' ? labelX : labelX - length
    const free = (labelY: number): boolean =>
      labelY > 12 &&
      labelY < bottom &&
      taken.every(
        (other) => other.to < from || other.from > from + length || Math.abs(other.y - labelY) >= lineHeight,
      )
    const shifts = Array.from(
      { length: 2 * farthest },
      (_, step) => (step % 2 === 0 ? -1 : 1) * Math.ceil(step / 2) * 6,
    )
    const shift = shifts.find((one) => free(y + 4 + one))
    const labelY = shift === undefined ? undefined : y + 4 + shift
    if (labelY !== undefined) taken.push({ from, to: from + length, y: labelY })
    return { spot, x, y, labelX, labelY, anchor }
  })
}

/** Round numbers from zero to just beyond the largest value, about as many as asked for. */
export function ticks(largest: number, about: number): number[] {
  if (!(largest > 0)) return [0]
  const rough = largest / about
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 2.5, 5, 10].find((one) => one * power >= rough * 0.999) ?? 10) * power
  const count = Math.ceil(largest / step - 1e-9)
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)))
}

const figure = (value: number, spread: number, samples: number): string =>
  `${number(value)}${samples > 1 ? ` ± ${deviation(value, spread)}` : ''}`

/** Coordinates need no more than a tenth of a pixel. */
const at = (value: number): string => Number(value.toFixed(1)).toString()
