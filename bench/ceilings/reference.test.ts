import { expect, test } from 'vitest'
import { referenceOf } from './reference.ts'

test('the median of the latest three counts', () => {
  const reference = referenceOf([100, 90, 110], 0.9)
  expect(reference.speed).toBe(100)
  for (const speed of [50, 52]) reference.add(speed)
  expect(reference.speed).toBe(52)
})

test('as many count as it began with', () => {
  const reference = referenceOf([100, 100, 100, 100, 100], 0.9)
  for (const speed of [50, 50]) reference.add(speed)
  expect(reference.speed).toBe(100)
})

test.each([
  [89, true, false],
  [90, false, true],
  [111, false, true],
  [112, true, true],
])('beside 100, %d is in doubt: %s, and fast enough: %s', (speed, doubts, keeps) => {
  const reference = referenceOf([100], 0.9)
  expect([reference.doubts(speed), reference.keeps(speed)]).toEqual([doubts, keeps])
})
