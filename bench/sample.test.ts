import { expect, test } from 'vitest'
import { used } from './sample.ts'

const usage = {
  ...{ user: 2, system: 1, cpu: 3, rss: 50, peak: 60, anonymous: 40 },
  ...{ voluntarySwitches: 10, involuntarySwitches: 5, processes: 1 },
}

test('what a target used before its window does not count; the peak is reset there', () => {
  const after = {
    ...{ ...usage, user: 2.5, system: 1.25, cpu: 3.75, peak: 70 },
    ...{ voluntarySwitches: 13, involuntarySwitches: 6 },
  }
  expect(used(usage, after)).toEqual({
    ...{ user: 0.5, system: 0.25, cpu: 0.75, peak: 70, resident: 50, anonymous: 40 },
    ...{ voluntarySwitches: 3, involuntarySwitches: 1 },
  })
})

test('of a target that has ended nothing is known', () => {
  expect(used(usage, undefined)).toBeUndefined()
})
