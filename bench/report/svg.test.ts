import { describe, expect, test } from 'vitest'
import { type Bar, barChart, scatter, ticks } from './svg.ts'

const bar = (label: string, value: number | undefined, changes: Partial<Bar> = {}): Bar => ({
  label,
  value,
  spread: 0,
  points: value === undefined ? [] : [value],
  tone: 'peer',
  best: false,
  ...changes,
})

const chart = (bars: readonly Bar[], width = 800): string =>
  barChart({ title: 'A title', unit: 's', better: 'lower', bars, width })

const widths = (svg: string): number[] =>
  [...svg.matchAll(/<rect class="bar"[^>]* width="([\d.]+)"/g)].map(([, width]) => Number(width))

describe('ticks', () => {
  test.each([
    [10, 5, [0, 2, 4, 6, 8, 10]],
    [0.9, 4, [0, 0.25, 0.5, 0.75, 1]],
    [1.01, 5, [0, 0.25, 0.5, 0.75, 1, 1.25]],
    [416_004, 3, [0, 200_000, 400_000, 600_000]],
    [0, 5, [0]],
  ])('up to %d, about %d', (largest, about, expected) => {
    expect(ticks(largest, about)).toEqual(expected)
  })
})

describe.each([340, 1000])('a bar chart %i wide', (width) => {
  test('has bars as long as their values', () => {
    const [one, two, four] = widths(chart([bar('a', 1), bar('b', 2), bar('c', 4)], width))
    expect((two as number) / (one as number)).toBeCloseTo(2, 1)
    expect((four as number) / (one as number)).toBeCloseTo(4, 1)
  })

  test('stays inside its box', () => {
    const svg = chart([bar('a', 7), bar('a-very-long-name-of-a-proxy', 9.99)], width)
    for (const [, x] of svg.matchAll(/ (?:x|x1|x2|cx)="([-\d.]+)"/g)) {
      expect(Number(x)).toBeGreaterThanOrEqual(0)
      expect(Number(x)).toBeLessThanOrEqual(width)
    }
  })
})

test('a chart and each of its bars say in words what they show', () => {
  const svg = chart([bar('a', 1.5, { points: [1, 2], spread: 0.5 })])
  expect(svg).toContain('role="img"><title>A title</title>')
  expect(svg).toContain('<title>a: 1.50 ± 0.50 s</title>')
})

test('what has no value has no bar, and the reason in its place', () => {
  const svg = chart([bar('a', undefined, { note: 'error' }), bar('b', 1)])
  expect(widths(svg)).toHaveLength(1)
  expect(svg).toContain('<title>a: error</title>')
})

test('each sample is a dot', () => {
  expect(chart([bar('a', 2, { points: [1, 2, 3] })]).match(/class="dot"/g)).toHaveLength(3)
})

test('names cannot be markup', () => {
  const svg = chart([bar('<script>&"', 1)])
  expect(svg).not.toContain('<script>')
  expect(svg).toContain('&lt;script&gt;&amp;&quot;')
})

test('a scatter without room for all names keeps those of ours', () => {
  const peers = Array.from({ length: 40 }, (_, index) => ({
    label: `peer-${index}`,
    x: 1,
    y: 1,
    tone: 'peer' as const,
  }))
  const spots = [...peers, { label: 'ours', x: 1, y: 1, tone: 'strategy' as const }]
  const svg = scatter({ title: 'T', x: 's', y: 'MiB', spots, width: 340 })
  expect(svg.match(/<circle/g)).toHaveLength(41)
  const labels = [...svg.matchAll(/class="label"[^>]*>([^<]+)</g)].map(([, label]) => label)
  expect(labels).toContain('ours')
  expect(labels.length).toBeLessThan(10)
  expect(svg).toContain('<title>peer-39: ')
})

test('a scatter places every spot and keeps labels apart', () => {
  const spots = ['a', 'b', 'c', 'd'].map((label) => ({ label, x: 1, y: 1, tone: 'peer' as const }))
  const svg = scatter({ title: 'T', x: 's', y: 'MiB', spots, width: 600 })
  expect(svg.match(/<circle/g)).toHaveLength(4)
  const heights = [...svg.matchAll(/class="label" x="[\d.]+" y="([\d.]+)"/g)]
    .map(([, y]) => Number(y))
    .toSorted((a, b) => a - b)
  expect(heights).toHaveLength(4)
  for (const [index, y] of heights.slice(1).entries())
    expect(y - (heights[index] as number)).toBeGreaterThanOrEqual(14.9)
})
