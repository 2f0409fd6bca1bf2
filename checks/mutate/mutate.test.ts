import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { mutations } from '../mutations/index.ts'
import { type Mutation, tests } from '../mutations/mutation.ts'
import { root } from '../workspace.ts'
import { type Fate, mutate } from './mutate.ts'

const seenBy = tests('packages/gateway', 'test/fields.test.ts')
const file = 'packages/gateway/src/contract/fields.ts'
const examples: readonly [Fate, Mutation][] = [
  ['killed', { file, old: "  'keep-alive',\n  'proxy-authenticate',\n", new: '', breaks: 'fields', seenBy }],
  ['survived', { file, old: '/** In whatever case. */', new: '/** Any case. */', breaks: 'nothing', seenBy }],
  ['gone', { file, old: 'no such text', new: '', breaks: 'nothing', seenBy }],
  ['gone', { file, old: 'const', new: 'let', breaks: 'all of it', seenBy }],
  ['unfit', { file, old: 'class FieldNames', new: 'clash FieldNames', breaks: 'syntax', seenBy }],
  [
    'unfit',
    {
      file,
      old: '/** In whatever case. */',
      new: '',
      breaks: 'tests that are gone',
      seenBy: { ...seenBy, name: 'no such test' },
    },
  ],
]

test('a mutation that nothing sees is told, and one whose text is gone', { timeout: 120_000 }, async () => {
  const judged = await mutate({ root, mutations: examples.map(([, mutation]) => mutation) })
  expect(judged.map(({ fate, why }) => [fate, why])).toEqual(
    examples.map(([fate]) => [fate, expect.any(String)]),
  )
})

test('when the time is over, no other is begun', async () => {
  const [, gone] = examples.filter(([fate]) => fate === 'gone')
  const mutation = gone?.[1] as Mutation
  const judged = await mutate({ root, mutations: [mutation, mutation], within: -1 })
  expect(judged).toEqual([])
})

test('each mutation changes something, and is there once', () => {
  expect(mutations.filter((one) => one.old === one.new)).toEqual([])
  const keys = mutations.map(({ file, old, new: changed }) => JSON.stringify([file, old, changed]))
  expect(new Set(keys).size).toBe(keys.length)
})

test('the text that each mutation changes stands once where it is said to stand', () => {
  const times = ({ file, old }: Mutation): number =>
    readFileSync(path.join(root, file), 'utf8').split(old).length - 1
  expect(mutations.filter((one) => times(one) !== 1).map(({ file, old }) => ({ file, old }))).toEqual([])
})
