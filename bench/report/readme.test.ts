import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { documents } from './documents.ts'
import { exampleResults } from './example.ts'
import { begin, end, newestResults, readmeSection, sectionIn, withTable } from './readme.ts'

test.each(documents)(
  'the table in $file is what the newest results in $from give',
  ({ file, from, section }) => {
    const kept = newestResults(from)
    const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
    // `npm run bench -- --readme` writes it anew.
    expect(sectionIn(text)).toBe(kept && section(kept))
  },
)

const often = (value: number): number[] => Array.from({ length: 8 }, () => value)
const results = exampleResults({
  ours: often(1),
  theirs: often(2),
  other: often(1),
  direct: often(0.3),
})

test('a row says who is best, how ours are, and what the base is', () => {
  const section = readmeSection({ results, folder: 'bench/results/x' })
  expect(section.split('\n').slice(0, 6)).toEqual([
    '**Processor time for a GiB that is downloaded through it: ours 1.00 s and theirs 2.00 s.**',
    '',
    '|  | best | **ours** | theirs |',
    '| --- | ---: | ---: | ---: |',
    '| CPU for a large download, s/GiB | ours 1.00, and 1 more | **1.00** | 2.00 |',
    '',
  ])
  expect(section).toContain('(bench/results/x/report.md)')
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
