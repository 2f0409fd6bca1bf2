import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { exampleResults } from './example.ts'
import { begin, end, newestResults, readmeSection, sectionIn, withTable } from './readme.ts'

const kept = newestResults()

test.skipIf(kept === undefined)(
  'the table in README.md is what the newest results in bench/results give',
  () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
    // `npm run bench -- --readme` writes it anew.
    expect(sectionIn(readme)).toBe(kept && readmeSection(kept))
  },
)

const results = exampleResults({ ours: [1, 1], theirs: [2, 2], direct: [0.3, 0.3] })

test('the table is sorted, marks the best and sets controls apart', () => {
  const section = readmeSection({ results, folder: 'bench/results/x' })
  expect(section.split('\n').slice(0, 5)).toEqual([
    '|  | download: CPU, s/GiB |',
    '| --- | ---: |',
    '| **ours** | **1.00** |',
    '| theirs | 2.00 |',
    '| *direct* | – |',
  ])
  expect(section).toContain('(bench/results/x/report.md)')
  expect(section).toContain(results.command)
})

test('only what stands between the marks is replaced', () => {
  const readme = `# A\n${begin}\nold\n${end}\nB\n`
  const after = withTable(readme, 'new')
  expect(after).toBe(`# A\n${begin}\n\nnew\n\n${end}\nB\n`)
  expect(sectionIn(after ?? '')).toBe('new')
})

test('a README without marks is left alone', () => {
  expect(withTable('# A\n', 'new')).toBeUndefined()
})
