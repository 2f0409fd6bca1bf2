// Runs the tests of all packages one after another, and ends with one plain line: "N passed, N failed, N skipped".
// The exit code is 1 when anything failed. Arguments go to vitest: npm test -- fields
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { skips } from '../checks/total/skips.ts'
import { total } from '../checks/total/total.ts'

const reports = '{packages/*,fixtures,bench,checks,examples}/.vitest/results.json'

// A package whose run breaks off leaves no report; that of an earlier run must not stand in for it.
for (const file of globSync(reports)) rmSync(file)

let child
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))

// First what some tests install: as a task among the tests it would wait behind them, and its tests until the very end.
let code = await turbo('pack', '--output-logs=errors-only')
// Three at a time: most of them wait for most of their time. What fails by time alone is run once more by itself.
if (code === 0) code = await turbo('test', '--concurrency=3', '--continue', '--', ...process.argv.slice(2))

const chosen = process.argv.length > 2
const read = globSync(reports).map((file) => JSON.parse(readFileSync(file, 'utf8')))
// Where peers may be missing and tests are chosen, others are skipped too.
const { passed, failed, skipped, failures } = total(read, {
  root: path.resolve('.'),
  code,
  ...(process.env.CI && !chosen && { skips }),
})
for (const failure of failures) console.log(failure)
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = failed > 0 ? 1 : 0

/** Resolves to the exit code, or to null when a signal has ended it. */
async function turbo(...args) {
  child = spawn(process.execPath, ['scripts/x.mjs', 'turbo', 'run', ...args], {
    stdio: 'inherit',
    // Hundreds of programs are started, and each would be compiled again.
    env: { NODE_COMPILE_CACHE: path.resolve('.cache/compile'), ...process.env },
  })
  return (await once(child, 'exit'))[0]
}
