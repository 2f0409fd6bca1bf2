/** JUnit's XML, which most CI systems can show. */

import { escapeText as text } from '@relayrace/fixtures/escape'
import { isFailure, type Report, type Result } from '../run.ts'

/** Only what must not fail is a failure; other shortcomings are skipped tests that say why. */
export function junitReport(reports: readonly Report[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${reports.map(suite).join('')}</testsuites>\n`
}

function suite({ subject, duration, results, failures, complete }: Report): string {
  const skipped = results.filter((result) => result.verdict !== 'pass' && !isFailure(result))
  const counts = `tests="${results.length}" failures="${failures.length}" skipped="${skipped.length}"`
  const cases = results.map((result) => testCase(subject, result)).join('')
  const mark = complete
    ? ''
    : '    <properties>\n      <property name="complete" value="false"/>\n    </properties>\n'
  return `  <testsuite name="${text(subject)}" ${counts} time="${seconds(duration)}">\n${mark}${cases}  </testsuite>\n`
}

function testCase(subject: string, result: Result): string {
  const { id, title, duration } = result
  const start = `    <testcase classname="${text(subject)}" name="${text(`${id} ${title}`)}" time="${seconds(duration)}"`
  if (result.verdict === 'pass') return `${start}/>\n`
  const why = text(`${result.level} ${result.verdict}: ${result.why}`)
  const inner = isFailure(result)
    ? `<failure message="${why}">${text(result.transcript)}</failure>`
    : `<skipped message="${why}"/>`
  return `${start}>${inner}</testcase>\n`
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3)
