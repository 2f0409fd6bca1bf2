/** That the bridge to vitest throws: a run of vitest on cases of which each has its fate. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

test('a failing case fails its test, and so do a crash and a deviation that is none', {
  timeout: 60_000,
}, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'bridge-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const report = path.join(folder, 'report.json')
  const root = fileURLToPath(new URL('..', import.meta.url))
  const vitest = fileURLToPath(new URL('../../../node_modules/vitest/vitest.mjs', import.meta.url))
  const { status } = spawnSync(
    process.execPath,
    [vitest, 'run', '--reporter=json', `--outputFile=${report}`, '--config', 'test/bridged/vitest.config.ts'],
    { cwd: root, env: { ...process.env, VITEST: undefined } },
  )
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
    testResults: { assertionResults: { title: string; status: string }[] }[]
  }
  const fates = testResults.flatMap(({ assertionResults }) =>
    assertionResults.map(({ title, status: fate }) => [title.split(' ')[0], fate]),
  )
  expect(Object.fromEntries(fates)).toEqual({
    'MUST-01': 'failed',
    'SHOULD-01': 'failed',
    'MAY-01': 'skipped',
    'CRASH-01': 'failed',
    'FAULT-01': 'failed',
    'KNOWN-01': 'skipped',
    'OVERCOME-01': 'failed',
    'PASS-01': 'passed',
  })
  expect(status).toBe(1)
})
