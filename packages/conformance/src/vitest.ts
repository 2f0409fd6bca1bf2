/** The cases as vitest tests, with their ids as names. */

import type { Target } from '@relayrace/fixtures/target'
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { Case } from './case.ts'
import { cases as allCases } from './cases/index.ts'
import { isFailure, type Result, type RunOptions, run } from './run.ts'

export interface ConformanceOptions extends Omit<RunOptions, 'onResult' | 'signal'> {
  /** What fails a test: every MUST by default. Below it, a shortcoming is a skipped test that says why. */
  readonly level?: 'MUST' | 'SHOULD' | 'MAY'
}

const wholeRun = 600_000

/** Declares one test per case. They run together, several at a time, as soon as the first one is due. */
export function conformance(target: Target, options: ConformanceOptions = {}): void {
  const { level = 'MUST', only, cases = allCases } = options
  const chosen = cases.filter(({ id }) => only?.some((prefix) => id.startsWith(prefix)) ?? true)
  const results = new Map(chosen.map((one) => [one.id, Promise.withResolvers<Result>()]))
  const over = new AbortController()
  let running: Promise<unknown> = Promise.resolve()

  describe(`${target.name}: an intermediary`, () => {
    beforeAll(() => {
      running = run(target, {
        ...options,
        cases: chosen,
        signal: over.signal,
        onResult: (result) => results.get(result.id)?.resolve(result),
      }).catch((error) => {
        for (const { reject } of results.values()) reject(error)
      })
      for (const { promise } of results.values()) promise.catch(() => {})
    })
    afterAll(async () => {
      over.abort()
      await running
    }, wholeRun)

    for (const { id, title } of chosen)
      test(`${id} ${title}`, { timeout: wholeRun }, async ({ skip }) => {
        const result = await (results.get(id) as PromiseWithResolvers<Result>).promise
        if (result.retried !== undefined)
          console.warn(`${id}: ${result.verdict} when run once more by itself; before: ${result.retried}`)
        if (result.verdict === 'pass') {
          if (result.deviation === undefined) return
          throw new Error(`passes, but is declared a deviation: ${result.deviation}`)
        }
        const said = `${result.verdict}: ${result.why}`
        const excused =
          result.deviation !== undefined && (result.verdict === 'fail' || result.verdict === 'skipped')
        if (excused) skip(`known: ${result.deviation} (${said})`)
        if (isFailure(result) || (result.verdict !== 'skipped' && binding(result, level)))
          throw new Error(`${result.level} ${said}\n${result.transcript}`)
        skip(`${result.level} ${said}`)
      })
  })
}

const levels: readonly Case['level'][] = ['MUST', 'SHOULD', 'MAY']

const binding = (result: Result, level: Case['level']): boolean =>
  levels.indexOf(result.level) <= levels.indexOf(level)
