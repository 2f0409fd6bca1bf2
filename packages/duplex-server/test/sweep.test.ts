import { afterEach, expect, test, vi } from 'vitest'
import { Sweep } from '../src/sweep.ts'

afterEach(() => void vi.useRealTimers())

test('looks at its members, and has no timer without any', () => {
  vi.useFakeTimers()
  const sweep = new Sweep([1_000])
  expect(vi.getTimerCount()).toBe(0)
  const [one, other] = [{ check: vi.fn() }, { check: vi.fn() }]
  sweep.add(one)
  sweep.add(other)
  expect(vi.getTimerCount()).toBe(1)
  vi.advanceTimersByTime(100)
  expect([one.check.mock.calls.length, other.check.mock.calls.length]).toEqual([1, 1])
  sweep.delete(one)
  expect(vi.getTimerCount()).toBe(1)
  sweep.delete(other)
  expect(vi.getTimerCount()).toBe(0)
})
