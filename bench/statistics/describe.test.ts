import { seeded } from '@relayrace/fixtures/random'
import { expect, test } from 'vitest'
import { bootstrap, describe, median, pairedRatio, quantile } from './describe.ts'
import vectors from './vectors.json' with { type: 'json' }

test('quantiles are those of R and NumPy (type 7)', () => {
  expect(quantile([1, 2, 3, 4], 0.25)).toBe(1.75)
  expect(quantile([15, 20, 35, 40, 50], 0.4)).toBeCloseTo(29, 12)
  expect(quantile([3, 1, 2], 1)).toBe(3)
})

test.each(vectors.describe)('$samples are described as $quantiles', ({ samples, quantiles, mad }) => {
  for (const [share, value] of quantiles as [number, number][]) {
    expect(quantile(samples, share)).toBeCloseTo(value, 9)
  }
  expect(describe(samples).mad).toBeCloseTo(mad, 9)
})

test('the median of an even count lies between the middle two', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5)
})

test('the median absolute deviation is the textbook one', () => {
  expect(describe([1, 1, 2, 2, 4, 6, 9])).toEqual({ count: 7, median: 2, mad: 1, min: 1, max: 9 })
})

test('one wild sample moves neither the median nor the spread by much', () => {
  const { median, mad, max } = describe([10, 11, 12, 13, 1000])
  expect({ median, mad, max }).toEqual({ median: 12, mad: 1, max: 1000 })
})

test('of nothing there is no median', () => {
  expect(describe([]).median).toBeNaN()
})

test('a bootstrap interval is repeated by its seed', () => {
  const samples = [3, 5, 4, 8, 6, 7, 5]
  expect(bootstrap(samples, seeded(7))).toEqual(bootstrap(samples, seeded(7)))
})

test('a bootstrap interval covers the true median about as often as it says', () => {
  const random = seeded(42)
  const covers = Array.from({ length: 300 }, () => {
    const samples = Array.from({ length: 15 }, random)
    const { low, high } = bootstrap(samples, random, 400)
    return low <= 0.5 && high >= 0.5
  })
  const share = covers.filter(Boolean).length / covers.length
  expect(share).toBeGreaterThan(0.88)
  expect(share).toBeLessThan(0.99)
})

test('a bootstrap interval leaves out 2.5 % on either side', () => {
  // Of nine with two zeros, 3.0 % of all resamples have the median 0 (binomial, five or more of nine at 2/9).
  const mostlyOne = [0, 0, 1, 1, 1, 1, 1, 1, 1]
  expect(bootstrap(mostlyOne)).toEqual({ low: 0, high: 1 })
  expect(bootstrap(mostlyOne.map((one) => 1 - one))).toEqual({ low: 0, high: 1 })
})

test('ratios are taken pair by pair', () => {
  // The machine was half as fast in the second round: the ratio does not see it.
  const { median } = pairedRatio([
    { value: 1, base: 2 },
    { value: 2, base: 4 },
  ])
  expect(median).toBe(0.5)
})

test('below five pairs there is no interval', () => {
  const pairs = Array.from({ length: 4 }, (_, index) => ({ value: index + 1, base: 1 }))
  expect(pairedRatio(pairs).interval).toBeUndefined()
  expect(pairedRatio([...pairs, { value: 5, base: 1 }]).interval).toBeDefined()
})
