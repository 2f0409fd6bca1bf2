/** What `npm test` says in the end, from the reports of all its runs. */

import path from 'node:path'
import type { Skip } from './skips.ts'

/** What vitest writes, as far as it is read here. */
export interface TestReport {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message?: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages?: readonly string[]
    }[]
  }[]
}

export interface Total {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** What went wrong, a line each. */
  readonly failures: readonly string[]
}

export interface TotalOptions {
  readonly root: string
  /** Of the command that ran them all. */
  readonly code: number | null
  /** What is to be skipped, and nothing else. Absent where tests were chosen, or peers may be missing. */
  readonly skips?: readonly Skip[]
}

export function total(reports: readonly TestReport[], { root, code, skips }: TotalOptions): Total {
  const sum = { passed: 0, failed: 0, skipped: 0 }
  const failures: string[] = []
  const skipped: string[] = []
  const complain = (what: string, why = ''): void => {
    const [line = ''] = why.split('\n')
    failures.push(`FAILED ${what}${line && `: ${line.slice(0, 300)}`}`)
  }
  for (const report of reports) {
    sum.passed += report.numPassedTests
    sum.failed += report.numFailedTests
    sum.skipped += report.numPendingTests + report.numTodoTests
    for (const { name, status, message, assertionResults } of report.testResults) {
      const file = path.relative(root, name)
      for (const test of assertionResults) {
        const named = `${file}: ${test.fullName.trim()}`
        if (test.status === 'failed') complain(named, test.failureMessages?.[0])
        else if (test.status !== 'passed') skipped.push(named)
      }
      // A file that could not even be loaded has no tests to count.
      if (status === 'failed' && !assertionResults.some((test) => test.status === 'failed')) {
        sum.failed++
        complain(`${file}: could not be run`, message)
      }
    }
  }
  for (const named of skips ? skipped : []) {
    if (skips?.some(({ test }) => test.test(named))) continue
    sum.failed++
    complain(`${named}: skipped, which is not in checks/total/skips.ts`)
  }
  for (const { test, perhaps } of skips ?? []) {
    if (perhaps || skipped.some((named) => test.test(named))) continue
    sum.failed++
    complain(`checks/total/skips.ts: ${test} is not skipped any more`)
  }
  if (code !== 0 && sum.failed === 0) {
    sum.failed = 1
    failures.push('A run failed without a failed test: see above.')
  }
  if (sum.passed + sum.failed + sum.skipped === 0) {
    sum.failed = 1
    failures.push('No such test.')
  }
  return { ...sum, failures }
}
