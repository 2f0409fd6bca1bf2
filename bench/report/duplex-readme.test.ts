/** The README of duplex-server says what it costs beside others: so the newest results must say. */

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { newestResults } from './readme.ts'
import { summarize } from './summary.ts'

const readme = readFileSync(new URL('../../packages/duplex-server/README.md', import.meta.url), 'utf8')
const others = ['nginx', 'go-reverseproxy', 'http-proxy-3']
const kept = newestResults()

const rows = [...readme.matchAll(/^\| `([\w-]+)` ((?:\| \d\.\d\d )+)\|$/gm)].map(
  ([, name = '', figures = '']) => ({
    name,
    figures: figures.match(/[\d.]+/g) ?? [],
  }),
)

test('the README has the table', () => {
  expect(rows.map(({ name }) => name)).toContain('download')
})

test.skipIf(kept === undefined).each(rows)('the multiples of $name', ({ name, figures }) => {
  const scenario = kept && summarize(kept.results).scenarios.find(({ record }) => record.name === name)
  const figure = (target: string): number => {
    const row = scenario?.rows.find((one) => one.target.name === target)
    return row?.cells.get(scenario?.headline.id ?? '')?.median ?? Number.NaN
  }
  expect(figures).toEqual(others.map((other) => (figure('duplex-server') / figure(other)).toFixed(2)))
})
