import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { exampleResults } from './example.ts'
import { pickerScript, rowsFor, verdictsOf, versusText } from './picker.ts'
import { summarize } from './summary.ts'

const often = (middle: number): number[] =>
  Array.from({ length: 8 }, (_, i) => middle * (1 + ((i * 7) % 8) / 1000))
const summary = summarize(
  exampleResults({
    ours: often(1),
    theirs: often(2),
    alike: often(1),
    wrong: [...often(3).slice(1), 'truncated'],
  }),
)
const verdicts = verdictsOf(summary)
const verdict = (a: string, b: string) => rowsFor(verdicts, a, b)[0]?.at(-1)

test('any two have a verdict, and it is the opposite the other way round', () => {
  expect([verdict('ours', 'theirs'), verdict('theirs', 'ours')]).toEqual(['better', 'worse'])
  expect([verdict('ours', 'alike'), verdict('alike', 'ours')]).toEqual(['equal', 'equal'])
  expect(verdict('ours', 'ours')).toBe('the same')
})

test('how much it is stands beside it, with its interval', () => {
  expect(rowsFor(verdicts, 'theirs', 'ours')[0]?.[2]).toBe('2.00 × (95 %: 2.00 to 2.00; 8 rounds)')
  expect(rowsFor(verdicts, 'ours', 'theirs')[0]?.[2]).toBe('0.500 × (95 %: 0.500 to 0.500; 8 rounds)')
})

test('of what went wrong there is no verdict, and it is said why', () => {
  expect(verdict('ours', 'wrong')).toBe('no verdict: wrong went wrong: truncated')
  expect(verdict('wrong', 'ours')).toBe('no verdict: wrong went wrong: truncated')
})

test('a terminal is told the same', () => {
  expect(versusText(summary, ['ours', 'theirs'])).toBe(
    'ours beside theirs\n  download, CPU: 0.500 × theirs (95 % interval 0.500 to 0.500, 8 rounds): better',
  )
})

test('the page runs what is tested here', () => {
  const rows: string[][] = []
  const element = () => ({
    append: (...cells: { textContent: string }[]) => rows.push(cells.map((cell) => cell.textContent)),
  })
  const selects = [{ value: 'ours' }, { value: 'theirs', options: verdicts.names, selectedIndex: 0 }]
  const form = { hidden: true, querySelectorAll: () => selects }
  const table = { hidden: true, tBodies: [{ replaceChildren: () => {} }] }
  const part = { querySelector: (what: string) => (what === 'form' ? form : table) }
  const data = { textContent: JSON.stringify(verdicts) }
  const document = {
    querySelector: (what: string) => (what === '#versus' ? part : data),
    createElement: element,
  }
  runInNewContext(pickerScript, { document })
  expect({ form: form.hidden, table: table.hidden }).toEqual({ form: false, table: false })
  expect(rows).toEqual(rowsFor(verdicts, 'ours', 'theirs'))
})
