import { afterEach, expect, test, vi } from 'vitest'
import { InFlight, type Pending } from '../src/exchange/in-flight.ts'

class Exchange implements Pending {
  place = -1
  reason: unknown
  abort(reason: unknown): void {
    this.reason = reason
  }
}

const some = (count: number): Exchange[] => Array.from({ length: count }, () => new Exchange())

afterEach(() => void vi.useRealTimers())

test('counts what is under way, whatever ends first', () => {
  const inFlight = new InFlight<Exchange>()
  const [first, second, third, fourth] = some(4) as [Exchange, Exchange, Exchange, Exchange]
  for (const one of [first, second, third, fourth]) inFlight.add(one)
  inFlight.delete(second)
  inFlight.delete(fourth)
  expect(inFlight.size).toBe(2)
  inFlight.delete(first)
  inFlight.delete(third)
  expect(inFlight.size).toBe(0)
})

test('what has ended already, or never began, ends nothing else', () => {
  const inFlight = new InFlight<Exchange>()
  const [first, second, stranger] = some(3) as [Exchange, Exchange, Exchange]
  inFlight.add(first)
  inFlight.add(second)
  inFlight.delete(stranger)
  inFlight.delete(first)
  inFlight.delete(first)
  expect(inFlight.size).toBe(1)
})

test('aborts what is left after the grace, and what began meanwhile, but not what has ended', async () => {
  const inFlight = new InFlight<Exchange>()
  const [ended, left, late] = some(3) as [Exchange, Exchange, Exchange]
  inFlight.add(ended)
  inFlight.add(left)
  for (const one of [left, late])
    one.abort = (reason) => {
      one.reason = reason
      inFlight.delete(one)
    }
  const drained = inFlight.drained(0, () => 'too late')
  inFlight.add(late)
  inFlight.delete(ended)
  await drained
  expect([ended.reason, left.reason, late.reason]).toEqual([undefined, 'too late', 'too late'])
})

test('has no timer left once all have ended', async () => {
  vi.useFakeTimers()
  const inFlight = new InFlight<Exchange>()
  const [one] = some(1) as [Exchange]
  inFlight.add(one)
  const drained = inFlight.drained(60_000, () => 'too late')
  expect(vi.getTimerCount()).toBe(1)
  inFlight.delete(one)
  await drained
  expect([vi.getTimerCount(), one.reason]).toEqual([0, undefined])
})
