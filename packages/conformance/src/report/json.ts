/** Everything that is known about a run, for other programs. */

import type { Report } from '../run.ts'

/** Transcripts only of what did not pass. */
export function jsonReport(reports: readonly Report[]): string {
  const brief = reports.map(({ failures, overcome, results, ...report }) => ({
    ...report,
    failures: failures.map(({ id }) => id),
    overcome: overcome.map(({ id }) => id),
    results: results.map(({ transcript, ...result }) =>
      result.verdict === 'pass' || result.verdict === 'skipped' ? result : { ...result, transcript },
    ),
  }))
  return `${JSON.stringify(brief, null, 2)}\n`
}
