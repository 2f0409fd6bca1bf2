/** How many cases passed, failed and were skipped, as every report counts them. */

import type { Result } from '../run.ts'

export interface Counts {
  readonly ran: number
  readonly passed: number
  /** By level. A crash counts at the level of its case. */
  readonly failed: Readonly<Record<Result['level'], number>>
  readonly skipped: number
  readonly faults: number
}

export function count(results: readonly Result[]): Counts {
  const number = (matches: (result: Result) => boolean): number => results.filter(matches).length
  const failed = (level: Result['level']): number =>
    number((one) => (one.verdict === 'fail' || one.verdict === 'crash') && one.level === level)
  const skipped = number(({ verdict }) => verdict === 'skipped')
  return {
    ran: results.length - skipped,
    passed: number(({ verdict }) => verdict === 'pass'),
    failed: { MUST: failed('MUST'), SHOULD: failed('SHOULD'), MAY: failed('MAY') },
    skipped,
    faults: number(({ verdict }) => verdict === 'harness failed'),
  }
}

/** `TRLR` of `TRLR-06`. */
export const chapterOf = ({ id }: { readonly id: string }): string => id.split('-')[0] ?? id

export const chaptersOf = (results: readonly { readonly id: string }[]): string[] => [
  ...new Set(results.map(chapterOf)),
]
