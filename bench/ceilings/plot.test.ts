import { expect, test } from 'vitest'
import { plot } from './plot.ts'
import type { Outcome, SearchRecord, TrialRecord } from './results.ts'
import { columns } from './tables.ts'

const MiB = 1024 ** 2

const trial = (limit: number | null, outcome: Outcome, speed: number | null): TrialRecord => ({
  limit: limit === null ? null : limit * MiB,
  startedAt: '2026-01-01T00:00:00.000Z',
  outcome,
  speed,
  reference: limit === null || speed === null ? null : 100 * MiB,
  seconds: 1,
  problems: {},
  killed: outcome === 'killed' ? 1 : 0,
  hits: 0,
  peak: null,
  machine: { load1: 0, busyShare: null, stealShare: null, pressureShare: null },
})

const nothing = { rss: null, pss: null, heap: null, external: null, tcp: null, tcpOfMachine: null }

const search: SearchRecord = {
  target: 'some-proxy',
  job: 'download',
  ceiling: 30 * MiB,
  below: 28 * MiB,
  how: 'found',
  unlimited: 100 * MiB,
  held: { rest: { ...nothing, rss: 40 * MiB }, peak: { ...nothing, rss: 52.5 * MiB } },
  trials: [
    trial(null, 'enough', 100 * MiB),
    trial(64, 'enough', 200 * MiB),
    trial(8, 'hang', null),
    trial(10, 'errors', null),
    trial(16, 'died', null),
    trial(24, 'killed', null),
    trial(28, 'slower', 50 * MiB),
    trial(30, 'enough', 95 * MiB),
  ],
}

const drawn = (changes: Partial<SearchRecord> = {}): string =>
  plot({ search: { ...search, ...changes }, tone: 'peer', share: 0.9, from: 8 * MiB, to: 64 * MiB })

test('each trial under a limit is there and says in words what it shows', () => {
  const titles = [...drawn().matchAll(/<title>([^<]*)</g)].map(([, title]) => title)
  expect(titles).toEqual([
    'some-proxy: speed against memory limit; ceiling: 30 MiB',
    '64 MiB: enough, 200 %',
    '8 MiB: hung',
    '10 MiB: errors',
    '16 MiB: ended by itself',
    '24 MiB: killed',
    '28 MiB: slower, 50.0 %',
    '30 MiB: enough, 95.0 %',
  ])
})

test('each outcome has a shape of its own', () => {
  const shapes = new Set(
    [
      ...drawn().matchAll(/<g><title>[^<]*<\/title><(\w+) class="(\w+)"(?: d="M[-\d.]+ [-\d.]+([^"]*))?/g),
    ].map(([, element, name, path]) => `${element} ${name} ${path ?? ''}`),
  )
  expect(shapes.size).toBe(6)
})

test('stays inside its box', () => {
  const svg = drawn()
  for (const [, x] of svg.matchAll(/ (?:x|x1|x2|cx)="([-\d.]+)"/g)) {
    expect(Number(x)).toBeGreaterThanOrEqual(0)
    expect(Number(x)).toBeLessThanOrEqual(310)
  }
  for (const [, y] of svg.matchAll(/ (?:y|y1|y2|cy)="([-\d.]+)"/g)) {
    expect(Number(y)).toBeGreaterThanOrEqual(0)
    expect(Number(y)).toBeLessThanOrEqual(190)
  }
})

test('without a ceiling there is no line, and the reason in its place', () => {
  const svg = drawn({ ceiling: null, how: 'never enough' })
  expect(svg).not.toContain('class="ceiling"')
  expect(svg).toContain('>never enough<')
})

test('a row says the ceiling, what happened below it, and what has grown', () => {
  const row = Object.fromEntries(columns.map(({ head, text }) => [head, text(search)]))
  expect(row).toMatchObject({
    Ceiling: '30',
    'Below it': '28: slower',
    Unlimited: '100',
    '+ RSS': '12.5',
    '+ TCP': '–',
  })
})

test('a ceiling found only roughly says so', () => {
  const [ceiling] = columns
  expect(ceiling?.text({ ...search, how: 'coarse' })).toBe('30 (at most)')
  expect(drawn({ how: 'coarse' })).toContain('>≤ 30 MiB<')
})
