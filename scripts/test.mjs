// Runs the tests of all packages one after another, and ends with one plain line: "N passed, N failed, N skipped".
// The exit code is 1 when anything failed. Arguments go to vitest: npm test -- fields
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'

const reports = '{packages/*,fixtures,bench,checks,examples}/.vitest/results.json'

// A package whose run breaks off leaves no report; that of an earlier run must not stand in for it.
for (const file of globSync(reports)) rmSync(file)

// One at a time: what these tests wait for is late when several packages share a processor.
const turbo = ['turbo', 'run', 'test', '--concurrency=1', '--continue']
const child = spawn(process.execPath, ['scripts/x.mjs', ...turbo, '--', ...process.argv.slice(2)], {
  stdio: 'inherit',
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
const [code] = await once(child, 'exit')

const total = { passed: 0, failed: 0, skipped: 0 }
/** What went wrong, at the end again: a line each. */
const failures = []
for (const file of globSync(reports)) {
  const report = JSON.parse(readFileSync(file, 'utf8'))
  total.passed += report.numPassedTests
  total.failed += report.numFailedTests
  total.skipped += report.numPendingTests + report.numTodoTests
  for (const { name, status, message, assertionResults } of report.testResults) {
    const failed = assertionResults.filter((test) => test.status === 'failed')
    for (const { fullName, failureMessages } of failed) complain(name, fullName, failureMessages[0])
    // A file that could not even be loaded has no tests to count.
    if (status === 'failed' && failed.length === 0) {
      total.failed++
      complain(name, 'could not be run', message)
    }
  }
}

function complain(file, what, why = '') {
  const [line = ''] = why.split('\n')
  failures.push(`FAILED ${path.relative('.', file)}: ${what.trim()}: ${line.slice(0, 300)}`)
}

if (code !== 0 && total.failed === 0) {
  failures.push('A run failed without a failed test: see above.')
  total.failed = 1
}
const none = total.passed + total.failed + total.skipped === 0
if (none) failures.push('No such test.')
for (const failure of failures) console.log(failure)
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exitCode = total.failed > 0 || none ? 1 : 0
