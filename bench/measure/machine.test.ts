import { expect, test } from 'vitest'
import { machineState, machineWindow, objections } from './machine.ts'

const quiet = { load1: 0.1, busyShare: 0.01, stealShare: 0, pressureShare: 0 }

test('a quiet machine raises no objection', () => {
  expect(objections(quiet)).toEqual([])
})

test('each kind of noise is named with its limit', () => {
  const noisy = { load1: 3, busyShare: 0.5, stealShare: 0.02, pressureShare: 0.3 }
  expect(objections(noisy)).toEqual([
    expect.stringMatching(/busy 50\.0 % .*limit 5\.0 %/),
    expect.stringMatching(/takes the processors away 2\.0 %/),
    expect.stringMatching(/wait for a processor 30\.0 %/),
  ])
})

test('what cannot be measured is no objection', () => {
  expect(objections({ load1: 0, busyShare: null, stealShare: null, pressureShare: null })).toEqual([])
})

test('shares lie between nothing and all', () => {
  const before = machineState()
  for (const end = performance.now() + 60; performance.now() < end; );
  const { busyShare } = machineWindow(before, machineState())
  if (process.platform !== 'linux') return expect(busyShare).toBeNull()
  expect(busyShare).toBeGreaterThan(0)
  expect(busyShare).toBeLessThanOrEqual(1)
})
