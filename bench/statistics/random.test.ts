import { expect, test } from 'vitest'
import { randomFrom, shuffled } from './random.ts'

test('the numbers are those of Mulberry32', () => {
  const random = randomFrom(1)
  expect([random(), random(), random()]).toEqual([
    0.6270739405881613, 0.002735721180215478, 0.5274470399599522,
  ])
})

test('a shuffle keeps every item', () => {
  expect(shuffled([1, 2, 3, 4, 5], randomFrom(3)).toSorted()).toEqual([1, 2, 3, 4, 5])
})

test('every order is about as likely as any other', () => {
  const random = randomFrom(5)
  const counts = new Map<string, number>()
  for (let time = 0; time < 6_000; time++) {
    const order = shuffled(['a', 'b', 'c'], random).join('')
    counts.set(order, (counts.get(order) ?? 0) + 1)
  }
  expect(counts.size).toBe(6)
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150)
})
