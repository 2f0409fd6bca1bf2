import { expect, test } from 'vitest'
import { Budget } from '../src/budget.ts'
import { manualClock } from './stage.ts'

/** In which of the next seconds there is a retry left. */
function allowed(budget: Budget, clock: ReturnType<typeof manualClock>, step: number): number[] {
  const seconds: number[] = []
  for (let at = 0; at <= 12_000; at += step) {
    if (budget.allows) seconds.push(at / 1_000)
    clock.advance(step)
  }
  return seconds
}

test.each([500, 1_000, 3_000])('what was taken counts for ten seconds, looked at every %i ms', (step) => {
  const clock = manualClock()
  const budget = new Budget(0, 0.1, clock)
  expect(budget.take()).toBe(true)
  expect(allowed(budget, clock, step).filter((second) => second < 10)).toEqual([])
  expect(budget.allows).toBe(true)
})

test.each([500, 1_000, 3_000])('and so does what was asked, looked at every %i ms', (step) => {
  const clock = manualClock()
  const budget = new Budget(0.5, 0, clock)
  for (let i = 0; i < 2; i++) budget.asked()
  expect(allowed(budget, clock, step)).toEqual(
    Array.from({ length: Math.ceil(10_000 / step) }, (_, i) => (i * step) / 1_000),
  )
})

test('what was given back can be taken again', () => {
  const budget = new Budget(0, 0.1, manualClock())
  expect([budget.take(), budget.take()]).toEqual([true, false])
  budget.giveBack()
  expect(budget.take()).toBe(true)
})
