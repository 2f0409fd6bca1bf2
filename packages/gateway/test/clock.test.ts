import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { after, BodyClock } from '../src/exchange/clock.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

interface Watched {
  readonly clock: BodyClock
  readonly expired: boolean[]
}

function watched(limits: { silence: number; drain: number }, held = (): boolean => false): Watched {
  const expired: boolean[] = []
  return { clock: new BodyClock(limits, held, (slow) => void expired.push(slow)), expired }
}

describe('BodyClock', () => {
  test('expires after silence, once', () => {
    const { expired } = watched({ silence: 100, drain: 1_000 })
    vi.advanceTimersByTime(99)
    expect(expired).toEqual([])
    vi.advanceTimersByTime(10_000)
    expect(expired).toEqual([false])
  })

  test('starts anew with every piece', () => {
    const { clock, expired } = watched({ silence: 100, drain: 1_000 })
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(90)
      clock.moved()
    }
    expect(expired).toEqual([])
    vi.advanceTimersByTime(100)
    expect(expired).toEqual([false])
  })

  test('gives a receiver that is waited for its own limit', () => {
    const { expired } = watched({ silence: 100, drain: 1_000 }, () => true)
    vi.advanceTimersByTime(999)
    expect(expired).toEqual([])
    vi.advanceTimersByTime(1)
    expect(expired).toEqual([true])
  })

  test('without limits there is no timer', () => {
    const forever = { silence: Number.POSITIVE_INFINITY, drain: Number.POSITIVE_INFINITY }
    const { clock } = watched(forever)
    expect(vi.getTimerCount()).toBe(0)
    clock.moved()
    clock.stop()
  })

  test('is silent once it is stopped', () => {
    const { clock, expired } = watched({ silence: 100, drain: 100 })
    clock.stop()
    clock.moved()
    vi.advanceTimersByTime(1_000)
    expect(expired).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('after', () => {
  test('calls back once', () => {
    const called = vi.fn()
    after(10, called)
    vi.advanceTimersByTime(100)
    expect(called).toHaveBeenCalledTimes(1)
  })

  test.each([Number.POSITIVE_INFINITY, 2 ** 31])('%d ms is never, not at once', (ms) => {
    const called = vi.fn()
    expect(after(ms, called)).toBeUndefined()
    vi.advanceTimersByTime(100)
    expect(called).not.toHaveBeenCalled()
  })
})
