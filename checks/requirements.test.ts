/** docs/requirements.md is what the tests say, and what it names is there and can fail. */

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { document, show, write } from './requirements/document.ts'
import { exceptions, groups } from './requirements/table.ts'
import { testsOf } from './requirements/tests.ts'

const requirements = groups.flatMap((group) => group.requirements)
const letters = requirements.map(({ letter }) => letter)

test('every letter is there once, in order', () => {
  expect(letters).toEqual([...new Set(letters)].toSorted())
  const counts = Map.groupBy(letters, ([group]) => group)
  expect([...counts].map(([group, found]) => `${group}${found.length}`)).toEqual([
    'A9',
    'B8',
    'C6',
    'D3',
    'E5',
    'F4',
    'G5',
    'H8',
  ])
})

test('the document is what the tests say (npm run requirements)', () => {
  expect(readFileSync(document, 'utf8') === write(), 'npm run requirements').toBe(true)
})

describe.each(requirements.map((requirement) => [requirement.letter, show(requirement)] as const))(
  '%s',
  (_, { requirement, proofs, gone, unshown }) => {
    test('names what is there', () => {
      expect(gone).toEqual([])
    })

    test('names no test that asserts nothing', () => {
      const idle = proofs.flatMap(({ test }) => (test && !test.asserts ? [`${test.file}: ${test.name}`] : []))
      expect(idle).toEqual([])
    })

    test('says where nothing shows it, and only there', () => {
      expect(Object.keys(requirement.not ?? {}).toSorted()).toEqual(unshown.toSorted())
      if (proofs.length === 0) expect(requirement.missing).toMatch(/\w/)
    })
  },
)

test.each(exceptions)('the exception $test is there', ({ test: name }) => {
  const named = requirements.flatMap((requirement) => show(requirement).proofs.map(({ text }) => text))
  expect(named.some((text) => text.startsWith(name))).toBe(true)
})

describe('a test asserts', () => {
  test.each([
    ['by itself', "test('a', () => { expect(1).toBe(1) })", true],
    ['by a function of its file', "const f = () => expect(1).toBe(1)\ntest('a', () => f())", true],
    ['nothing', "test('a', async () => { await 1 })", false],
    ['nothing, though others do', "const f = () => expect(1)\ntest('a', () => {})", false],
    ['in each of a table', "test.each([1])('a', () => { expect(1).toBe(1) })", true],
  ])('%s', (_, source, asserts) => {
    expect(testsOf('a.test.ts', source)).toMatchObject([{ name: 'a', asserts }])
  })
})
