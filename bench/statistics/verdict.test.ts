import { seeded } from '@relayrace/fixtures/random'
import { describe, expect, test } from 'vitest'
import vectors from './vectors.json' with { type: 'json' }
import { holm, judge, rankSum, ratioOfMedians, signedRank, smallestP } from './verdict.ts'

describe(`tests on ranks say what ${vectors.source.by} says`, () => {
  test.each(vectors.signedRank)('of the differences $differences', ({ differences, p }) => {
    expect(signedRank(differences)).toBeCloseTo(p, 9)
  })

  test.each(vectors.rankSum)('of $one and $other', ({ one, other, p }) => {
    expect(rankSum(one, other)).toBeCloseTo(p, 9)
  })

  test.each(vectors.holm)('after Holm’s adjustment of $ps', ({ ps, adjusted }) => {
    for (const [i, p] of holm(ps).entries()) expect(p).toBeCloseTo(adjusted[i] as number, 9)
  })
})

describe('tests on ranks say what R says', () => {
  test('signed ranks: depression scores (Hollander and Wolfe 1973, p. 29)', () => {
    const first = [1.83, 0.5, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.3]
    const second = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
    expect(signedRank(first.map((one, i) => one - (second[i] as number)))).toBeCloseTo(0.0390625, 9)
  })

  test('rank sums: permeability (Hollander and Wolfe 1973, p. 69)', () => {
    const one = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
    const other = [1.15, 0.88, 0.9, 0.74, 1.21]
    expect(rankSum(one, other)).toBeCloseTo(0.2544123, 6)
  })

  test('Holm', () => {
    expect(holm([0.01, 0.02, 0.03, 0.04])).toEqual([0.04, 0.06, 0.06, 0.06])
    expect(holm([0.04, 0.001])).toEqual([0.04, 0.002])
  })
})

test('ties are shared, and what does not move says nothing', () => {
  expect(signedRank([0, 0, 0])).toBe(1)
  expect(rankSum([1, 1, 1], [1, 1, 1])).toBe(1)
  // All eight signs of three equal differences: one in eight on each side.
  expect(signedRank([1, 1, 1])).toBe(0.25)
})

test('no fewer samples than that can find anything', () => {
  expect(smallestP(3, 3)).toBeCloseTo(0.1, 9)
  expect(rankSum([1, 2, 3], [4, 5, 6])).toBeCloseTo(smallestP(3, 3), 9)
})

test('a p is as small as it says about as often as it says', () => {
  const random = seeded(5)
  const draw = (): number[] => Array.from({ length: 8 }, random)
  const small = Array.from({ length: 400 }, () => rankSum(draw(), draw())).filter((p) => p < 0.05)
  expect(small.length / 400).toBeLessThan(0.08)
  expect(small.length / 400).toBeGreaterThan(0.015)
})

test('the interval of a ratio has it inside', () => {
  const { ratio, interval } = ratioOfMedians([2, 2.1, 1.9, 2, 2.2], [1, 1.1, 0.9, 1, 1.05])
  expect(ratio).toBe(2)
  expect(interval.low).toBeLessThan(2)
  expect(interval.high).toBeGreaterThan(2)
})

test.each([
  [0.98, 1.02, 0.001, 'equal'],
  [0.8, 0.9, 0.001, 'lower'],
  [1.1, 1.2, 0.001, 'higher'],
  [0.8, 0.9, 0.2, 'inconclusive'],
  [0.8, 1.2, 0.5, 'inconclusive'],
  [0.9, 0.97, 0.001, 'inconclusive'],
] as const)('from %f to %f with p %f is %s', (low, high, p, verdict) => {
  expect(judge({ low, high }, p, 0.05)).toBe(verdict)
})
