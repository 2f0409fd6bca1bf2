import { expect, test } from 'vitest'
import { exampleResults } from './example.ts'
import { html } from './html.ts'
import { markdown } from './markdown.ts'
import { parseResults } from './results.ts'
import { summarize } from './summary.ts'
import { terminal } from './terminal.ts'

const results = exampleResults({
  ours: [1, 1.1, 0.9],
  theirs: [2, 2.1, 1.9],
  wrong: ['truncated', 1, 1],
  direct: [0.3, 0.3, 0.3],
})
const page = html(summarize(results))

test('the page asks nobody for anything', () => {
  expect(page).not.toMatch(/https?:\/\/|<link(?![^>]*href="data:,")|<img|<iframe|@import|url\(|src=/)
})

test('the page tells question, load, expectation, unit and provenance', () => {
  for (const text of [
    'What does it cost?',
    'One client.',
    'Every byte.',
    'Any other byte.',
    's/GiB',
    'GiB/s',
  ]) {
    expect(page).toContain(text)
  }
  expect(page).toContain('npm run bench -- --seed 7')
  expect(page).toContain('Example &lt;CPU&gt; &amp; Co')
})

test('the page says why a target is missing and what went wrong', () => {
  expect(page).toContain('not installed; get it')
  expect(page).toContain('wrong went wrong in 1 of 3: truncated')
})

test('the page is the same when it is made from the file', () => {
  expect(html(summarize(parseResults(JSON.stringify(results))))).toBe(page)
})

test('every anchor leads somewhere', () => {
  for (const [, id] of page.matchAll(/href="#([^"]+)"/g)) expect(page).toContain(`id="${id}"`)
})

test('the Markdown names the winner and the absent', () => {
  const text = markdown(summarize(results))
  expect(text).toContain('| ours | **1.00 ± 0.10** |')
  expect(text).toContain('- `gone`: not installed; get it')
})

test('the terminal table aligns and marks the best', () => {
  const text = terminal(summarize(results), false)
  const lines = text.split('\n').filter((line) => /^(ours|theirs|direct) {2}/.test(line))
  expect(lines.find((line) => line.startsWith('ours'))).toContain('★ 1.00 ±0.10')
  expect(lines.filter((line) => line.includes('★')).map((line) => line.split(' ')[0])).toEqual(['ours'])
  expect(new Set(lines.map(({ length }) => length)).size).toBe(1)
})
