/** docs/choosing.md says who of ours costs least and most: so the newest results must say. */

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { newestResults } from './readme.ts'
import { summarize } from './summary.ts'

const guide = readFileSync(new URL('../../docs/choosing.md', import.meta.url), 'utf8')
const [, least, most, names = ''] =
  /Of the five ways, `([\w-]+)` costs least and `([\w-]+)` most in (.*?)\./s.exec(guide) ?? []
const claimed = [...names.matchAll(/`([\w-]+)`/g)].map(([, name = '']) => name)
const kept = newestResults()
const summary = kept && summarize(kept.results)

test('the guide makes the claim', () => {
  expect(claimed).toContain('download')
})

test.skipIf(kept === undefined)('the guide leads to the newest results', () => {
  expect(guide).toContain(`](../${kept?.folder}/report.md)`)
})

test.skipIf(kept === undefined).each(claimed)(
  'of ours the guide names the least and the most in %s',
  (name) => {
    const scenario = summary?.scenarios.find(({ record }) => record.name === name)
    const ours = (scenario?.rows ?? []).filter(({ target }) => target.kind === 'strategy')
    const figure = (row: (typeof ours)[number]): number =>
      row.cells.get(scenario?.headline.id ?? '')?.median ?? Number.NaN
    const sorted = ours.toSorted((a, b) => figure(a) - figure(b)).map(({ target }) => target.name)
    expect(sorted).toHaveLength(5)
    expect([sorted.at(0), sorted.at(-1)]).toEqual([least, most])
  },
)
