/** What a report says of a run that was ended early. */

import type { Report } from '../run.ts'

/** Undefined when everything was judged. */
export function stopped(reports: readonly Report[]): string | undefined {
  const names = reports.filter(({ complete }) => !complete).map(({ subject }) => subject)
  if (names.length === 0) return undefined
  return `Incomplete: the run was stopped before every case was judged on ${names.join(', ')}.`
}
