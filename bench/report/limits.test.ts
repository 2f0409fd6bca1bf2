import { expect, test } from 'vitest'
import { isMachineBound } from './limits.ts'
import type { SampleRecord } from './results.ts'

/** Of ten seconds on two processors. */
const sample = (target: number, load: number, origin: number): SampleRecord => ({
  ...{ scenario: 'workers-2', target: 'a', round: 1, position: 0, startedAt: '', seconds: 10 },
  ...{ problems: {}, values: {}, cpu: { target, load, origin } },
  machine: { load1: 0, busyShare: null, stealShare: null, pressureShare: null },
})

test.each([
  ['all processors were busy, in part with client and origin', sample(12, 4, 3), true],
  ['a processor was free', sample(8, 4, 3), false],
  ['the target had them nearly alone', sample(18.5, 1, 0.5), false],
])('%s: bound by the machine is %s', (_, taken, bound) => {
  expect(isMachineBound(taken, 2)).toBe(bound)
})
