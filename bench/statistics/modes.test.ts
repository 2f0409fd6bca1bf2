import { seeded } from '@relayrace/fixtures/random'
import { expect, test } from 'vitest'
import { twoModes } from './modes.ts'

test('samples of two kinds are told, with how many there are of each', () => {
  expect(twoModes([1, 1.02, 0.98, 2, 2.05, 1.95, 2.01])).toEqual([
    { count: 3, median: 1 },
    { count: 4, median: 2.005 },
  ])
})

test('one or two that are far off are no kind', () => {
  expect(twoModes([1, 1.02, 0.98, 1.01, 3, 3.01])).toBeUndefined()
})

test('a gap that nobody would care about is none', () => {
  expect(twoModes([1, 1, 1, 1.01, 1.01, 1.01])).toBeUndefined()
})

test.each([6, 10, 30])('%i samples of one kind are hardly ever called two', (size) => {
  const random = seeded(size)
  const bell = (): number => 10 + Array.from({ length: 12 }, random).reduce((sum, one) => sum + one, -6)
  const wrong = Array.from({ length: 1000 }, () => twoModes(Array.from({ length: size }, bell))).filter(
    Boolean,
  )
  expect(wrong.length).toBeLessThan(25)
})
