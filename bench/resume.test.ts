import { expect, test } from 'vitest'
import { plan, remaining } from './campaign.ts'
import { listed } from './options.ts'
import { exampleResults } from './report/example.ts'
import { unlike } from './resume.ts'
import { scenarios } from './scenarios/index.ts'

const before = exampleResults({ ours: [1, 2], theirs: [2, 3] })

test('the same machine, source and targets may go on', () => {
  expect(unlike(before, before)).toEqual([])
})

test('whatever has changed since is named', () => {
  const [ours, ...others] = before.targets
  const now = {
    ...before,
    environment: { ...before.environment, commit: 'other' },
    targets: [{ ...(ours as (typeof before.targets)[0]), version: '2' }, ...others],
    base: null,
  }
  expect(unlike(before, now)).toEqual([
    'commit was abc and is other',
    'the version of ours was 1 and is 2',
    'the base was theirs and is null',
  ])
})

test('what has been taken is not taken again, and the order of the rest is that of before', () => {
  const steps = plan(listed({}).slice(0, 3), scenarios.slice(0, 2), 2, 7)
  const taken = steps.slice(0, 5).map(({ round, position, scenario, target }) => ({
    ...(before.samples[0] as (typeof before.samples)[0]),
    ...{ round, position, scenario: scenario.name, target: target.name },
  }))
  expect(remaining(steps, taken)).toEqual(steps.slice(5))
  expect(remaining(steps, [])).toEqual(steps)
})
