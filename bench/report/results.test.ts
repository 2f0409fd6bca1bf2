import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { exampleResults } from './example.ts'
import { jsonSchema, parseResults } from './results.ts'

const good = exampleResults({ ours: [1], theirs: [2] })

test('reads what it wrote', () => {
  expect(parseResults(JSON.stringify(good))).toEqual(good)
})

test.each([
  ['another schema', { ...good, schema: 'relayrace-bench/0' }],
  ['a missing seed', { ...good, seed: undefined }],
  ['a word for a number', { ...good, rounds: 'three' }],
  ['a key that nobody knows', { ...good, extra: 1 }],
  ['a sample of a target that is not described', { ...good, targets: [] }],
])('refuses %s', (_, wrong) => {
  expect(() => parseResults(JSON.stringify(wrong))).toThrow(/not a results file of schema relayrace-bench\/1/)
})

test('the JSON Schema beside it is the one that is in force', () => {
  const kept = readFileSync(new URL('results.schema.json', import.meta.url), 'utf8')
  expect(JSON.parse(kept)).toEqual(jsonSchema())
})
