/** Runs cases against one subject, several at a time, and gathers what came out. */

import { type DeliveryName, deliveryNames } from '@relayrace/fixtures/wire'
import type { Capability, Case, Level, Run, Setup } from './case.ts'
import { cases as allCases } from './cases/index.ts'
import { NotStarted, type Outcome, openSession, type Session } from './session.ts'
import type { Subject } from './subject.ts'

export interface RunOptions {
  /** All when absent. */
  readonly cases?: readonly Case[]
  /** Only ids that begin with one of these: `['FRAME', 'TRLR-0']`. */
  readonly only?: readonly string[]
  /** How many sessions at a time, each with a target and an origin of its own. 4 when absent. */
  readonly lanes?: number
  /** For the random splits. The same seed gives the same bytes. */
  readonly seed?: number
  /** Known failures by id, with their reasons. */
  readonly deviations?: Readonly<Record<string, string>>
  /** Told of each result as it is known. */
  readonly onResult?: (result: Result) => void
  /** Ends the run early: what was not run is missing from the report. */
  readonly signal?: AbortSignal
}

export type Verdict = Outcome['verdict'] | 'skipped'

export interface Result {
  readonly id: string
  readonly rule: string
  readonly level: Level
  readonly title: string
  readonly verdict: Verdict
  /** One line: what came instead, or why it was skipped. Empty for `pass`. */
  readonly why: string
  /** In milliseconds. */
  readonly duration: number
  /** One for each variant, if the case has some. */
  readonly variants?: readonly VariantResult[]
  /** Why the failure was expected. */
  readonly deviation?: string
  /** Both sides of the wire, of the last run of what failed, or of all variants. */
  readonly transcript: string
}

export interface VariantResult {
  readonly name: string
  readonly verdict: Verdict
  readonly why: string
}

export interface Report {
  readonly subject: string
  readonly seed: number
  readonly duration: number
  /** In the order of the cases. */
  readonly results: readonly Result[]
  /** Every MUST that failed without a declared deviation, and every fault of the harness. */
  readonly failures: readonly Result[]
  /** Declared deviations that pass. */
  readonly overcome: readonly Result[]
}

const usualLimit = 30_000
const usualLanes = 4

export async function run(subject: Subject, options: RunOptions = {}): Promise<Report> {
  const { seed = Math.floor(Math.random() * 2 ** 31), deviations = {}, only } = options
  const begun = performance.now()
  const chosen = (options.cases ?? allCases).filter(
    ({ id }) => only === undefined || only.some((prefix) => id.startsWith(prefix)),
  )
  const results = new Map<string, Result>()
  const report = (result: Result): void => {
    const deviation = deviations[result.id]
    const known = deviation === undefined ? result : { ...result, deviation }
    results.set(result.id, known)
    options.onResult?.(known)
  }

  const queue: Case[] = []
  for (const one of chosen) {
    const why = notApplicable(one, subject)
    if (why === undefined) queue.push(one)
    else report(resultOf(one, 'skipped', why))
  }
  const lanes = subject.originPort === undefined ? (options.lanes ?? usualLanes) : 1
  const together = queue.filter(({ alone }) => !alone)
  await Promise.all(Array.from({ length: lanes }, () => lane(together)))
  await lane(queue.filter(({ alone }) => alone))

  const inOrder = chosen.flatMap(({ id }) => results.get(id) ?? [])
  return {
    subject: subject.name,
    seed,
    duration: performance.now() - begun,
    results: inOrder,
    failures: inOrder.filter(isFailure),
    overcome: inOrder.filter(({ verdict, deviation }) => verdict === 'pass' && deviation !== undefined),
  }

  /** Takes cases until none are left, those with its own setup first. */
  async function lane(left: Case[]): Promise<void> {
    let session: Session | undefined
    try {
      while (left.length > 0 && !options.signal?.aborted) {
        const same = session ? left.findIndex(({ setup }) => (setup ?? plain) === session?.setup) : -1
        const [next] = left.splice(Math.max(same, 0), 1) as [Case]
        const setup = next.setup ?? plain
        try {
          if (session?.setup !== setup) {
            await session?.[Symbol.asyncDispose]()
            session = undefined
            session = await openSession(subject, setup)
          }
          report(await judge(next, session, seed))
        } catch (error) {
          if (!(error instanceof NotStarted)) throw error
          if (setup === plain) throw error
          report(resultOf(next, 'skipped', `it does not start ${setup.name}: ${error.message}`))
        }
      }
    } finally {
      await session?.[Symbol.asyncDispose]()
    }
  }
}

/** A MUST that fails without a declared deviation, or a fault of the harness. */
export function isFailure({ verdict, level, deviation }: Result): boolean {
  if (verdict === 'harness failed') return true
  return (verdict === 'fail' || verdict === 'crash') && level === 'MUST' && deviation === undefined
}

const plain: Setup = { name: 'as usual' }
const optIn: ReadonlySet<Capability> = new Set(['h2'])

function notApplicable({ needs = [], setup = plain }: Case, subject: Subject): string | undefined {
  for (const need of needs) {
    if (subject.lacks?.includes(need)) return `it is declared to lack ${need}`
    if (optIn.has(need) && !subject.has?.includes(need)) return `it is not declared to have ${need}`
  }
  if (setup.options && !subject.configurable) return `it cannot be started ${setup.name}`
  if (subject.originPort !== undefined && setup !== plain) return 'it was started by hand'
  return undefined
}

async function judge(one: Case, session: Session, seed: number): Promise<Result> {
  const begun = performance.now()
  const single = typeof one.run === 'function'
  const runs: [string, Run][] = single ? [['', one.run as Run]] : Object.entries(one.run)
  const outcomes: (Outcome & { name: string })[] = []
  for (const [name, run] of runs) {
    outcomes.push({ ...(await inAllDeliveries(one, name, run, session, seed)), name })
    // Each crash costs a restart, and one is enough to know.
    if (outcomes.at(-1)?.verdict === 'crash') break
  }
  const failed = outcomes.filter(({ verdict }) => verdict !== 'pass')
  const worst = worstFirst.find((verdict) => failed.some((outcome) => outcome.verdict === verdict)) ?? 'pass'
  const first = failed.find(({ verdict }) => verdict === worst)
  const count = single || failed.length < 2 ? '' : `${failed.length} of ${runs.length} variants, such as `
  return {
    ...resultOf(one, worst, first ? `${count}${first.name ? `${first.name}: ` : ''}${first.why}` : ''),
    duration: performance.now() - begun,
    ...(single ? {} : { variants: outcomes.map(({ name, verdict, why }) => ({ name, verdict, why })) }),
    transcript: (failed.length > 0 ? failed : outcomes)
      .map(({ name, transcript }) => (name ? `--- ${one.id}/${name}\n${transcript}` : transcript))
      .join('\n'),
  }
}

const worstFirst: readonly Verdict[] = ['harness failed', 'crash', 'fail']

/** Stops at the first that does not pass. */
async function inAllDeliveries(
  one: Case,
  variant: string,
  run: Run,
  session: Session,
  seed: number,
): Promise<Outcome> {
  let last: Outcome | undefined
  for (const delivery of one.deliveries ?? deliveryNames) {
    const own = hash(`${seed} ${one.id} ${variant} ${delivery}`)
    last = await session.perform({ run, delivery, seed: own, limit: one.limit ?? usualLimit })
    if (last.verdict !== 'pass') return { ...last, why: `${manner(delivery)}${last.why}` }
  }
  return last ?? { verdict: 'harness failed', why: 'the case has no deliveries', transcript: '' }
}

const manner = (delivery: DeliveryName): string => (delivery === 'coalesced' ? '' : `[${delivery}] `)

function resultOf({ id, rule, level, title }: Case, verdict: Verdict, why: string): Result {
  return { id, rule, level, title, verdict, why, duration: 0, transcript: '' }
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (const char of text) value = Math.imul(value ^ char.charCodeAt(0), 0x01000193)
  return value >>> 0
}
