import { seed } from '@relayrace/fixtures/seed'
import { expect, test } from 'vitest'
import { differential, describe as told } from './differential.ts'

test('50 000 damaged messages are read as Node reads them, or a rule of the standard says why not', async () => {
  const { inputs, agreed, explained, unexplained } = await differential(50_000, seed)
  expect(unexplained.map(told).join('\n'), `SEED=${seed}`).toBe('')
  expect(inputs).toBe(50_000)
  // Both kinds of answer are there: neither reader refuses, or accepts, everything.
  expect(agreed).toBeGreaterThan(40_000)
  expect(explained.size).toBeGreaterThan(10)
}, 120_000)
