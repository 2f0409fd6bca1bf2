/** That `npm test` fails when it has to. */

import { expect, test } from 'vitest'
import type { Skip } from './skips.ts'
import { type TestReport, total } from './total.ts'

const report = (...tests: readonly (readonly [name: string, status: string])[]): TestReport => ({
  numPassedTests: tests.filter(([, status]) => status === 'passed').length,
  numFailedTests: tests.filter(([, status]) => status === 'failed').length,
  numPendingTests: tests.filter(([, status]) => status === 'skipped').length,
  numTodoTests: 0,
  testResults: [
    {
      name: '/root/packages/a/test/a.test.ts',
      status: tests.some(([, status]) => status === 'failed') ? 'failed' : 'passed',
      assertionResults: tests.map(([fullName, status]) => ({
        fullName,
        status,
        failureMessages: ['no\nat a'],
      })),
    },
  ],
})

const root = '/root'

test('all that pass are no failure', () => {
  const reports = [report(['one', 'passed']), report(['two', 'passed'])]
  expect(total(reports, { root, code: 0, skips: [] })).toEqual({
    ...{ passed: 2, failed: 0, skipped: 0 },
    failures: [],
  })
})

test('one that fails is, and is named with its reason', () => {
  const reports = [report(['one', 'passed'], ['two', 'failed']), report(['three', 'passed'])]
  expect(total(reports, { root, code: 1 })).toEqual({
    ...{ passed: 2, failed: 1, skipped: 0 },
    failures: ['FAILED packages/a/test/a.test.ts: two: no'],
  })
})

test('a file that cannot be loaded is', () => {
  const broken: TestReport = {
    ...report(),
    testResults: [
      { name: '/root/b.test.ts', status: 'failed', message: 'no such module', assertionResults: [] },
    ],
  }
  expect(total([broken, report(['one', 'passed'])], { root, code: 1 })).toMatchObject({
    failed: 1,
    failures: ['FAILED b.test.ts: could not be run: no such module'],
  })
})

test.each([1, 134, null])('a run that ends with %s without a report is', (code) => {
  expect(total([report(['one', 'passed'])], { root, code })).toMatchObject({
    failed: 1,
    failures: ['A run failed without a failed test: see above.'],
  })
})

test('where there is no test, that is', () => {
  expect(total([], { root, code: 0 })).toMatchObject({ failed: 1, failures: ['No such test.'] })
})

const known: Skip = { test: /^packages\/a\/test\/a.test.ts: known$/, why: 'known' }

test.each<[why: string, skips: readonly Skip[] | undefined, failed: number]>([
  ['with a reason is none', [known], 0],
  ['without a reason is', [], 1],
  ['where nobody asks for reasons is none', undefined, 0],
  ['beside one that has come to run is', [known, { test: /other/, why: 'other' }], 1],
  ['beside one that may run is none', [known, { test: /other/, why: 'other', perhaps: true }], 0],
])('a skip %s', (_, skips, failed) => {
  const reports = [report(['one', 'passed'], ['known', 'skipped'])]
  const options = { root, code: 0, ...(skips && { skips }) }
  expect(total(reports, options)).toMatchObject({ passed: 1, skipped: 1, failed })
})
