/** Runs cases against one target, several at a time, and gathers what came out. */

import type { Capability, Target } from '@relayrace/fixtures/target'
import { type DeliveryName, deliveryNames, patiently } from '@relayrace/fixtures/wire'
import type { Case, Level, Run, Setup } from './case.ts'
import { cases as allCases } from './cases/index.ts'
import { NotStarted, type Outcome, openSession, type Session } from './session.ts'

export interface RunOptions {
  /** All when absent. */
  readonly cases?: readonly Case[]
  /** Only ids that begin with one of these: `['FRAME', 'TRLR-0']`. */
  readonly only?: readonly string[]
  /** How many sessions at a time, each with a target and an origin of its own. 4 when absent. */
  readonly lanes?: number
  /** For the random splits: the same seed gives the same bytes. 1 by default. */
  readonly seed?: number
  /** Known failures by id, with their reasons. They are not run once more when they fail by time alone. */
  readonly deviations?: Readonly<Record<string, string>>
  /** Told of each result as it is known. */
  readonly onResult?: (result: Result) => void
  /** Ends the run early: what was not judged by then is missing from the report, which is not `complete`. */
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
  /** What it failed with before, by time alone, until it was run once more by itself. The verdict is that of the second run. */
  readonly retried?: string
  /** Both sides of the wire: of the run that failed, or of the first delivery when all pass; of each variant. */
  readonly transcript: string
}

export interface VariantResult {
  readonly name: string
  readonly verdict: Verdict
  readonly why: string
}

export interface Report {
  readonly subject: string
  readonly version?: string
  readonly seed: number
  readonly duration: number
  /** Every case has been judged that was to be: nobody has ended the run early. */
  readonly complete: boolean
  /** In the order of the cases. */
  readonly results: readonly Result[]
  /** Every MUST that failed without a declared deviation, every death, and every fault of the harness. */
  readonly failures: readonly Result[]
  /** Declared deviations that pass. */
  readonly overcome: readonly Result[]
}

const usualLimit = 30_000
const usualLanes = 4

export async function run(target: Target, options: RunOptions = {}): Promise<Report> {
  const { seed = 1, deviations = {}, only } = options
  const version = await target.version?.()
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

  /** What has failed by time alone, and is to be run once more. */
  const late = new Map<Case, Result>()
  const parts: Part[] = []
  for (const one of chosen) {
    const whole = partsOf(one)
    const pending: Pending = { left: whole.length, outcomes: [], begun: 0 }
    for (const part of whole) parts.push({ ...part, pending })
  }
  const settle = ({ one, pending }: Part, outcomes: readonly VariantOutcome[]): void => {
    pending.outcomes.push(...outcomes)
    pending.left--
    if (pending.left > 0) return
    const result = resultOf(one, pending.outcomes, performance.now() - pending.begun)
    // Nothing is to be learnt of what is known to fail.
    const again =
      pending.retried === undefined && deviations[one.id] === undefined && inVain(result, pending.outcomes)
    if (again) late.set(one, result)
    else report({ ...result, ...(pending.retried === undefined ? {} : { retried: pending.retried }) })
  }
  const queue = parts.filter((part) => {
    const why = notApplicable(part, target)
    if (why !== undefined) settle(part, skip(part, why))
    return why === undefined
  })
  const interrupted = new Promise<undefined>((resolve) => {
    options.signal?.addEventListener('abort', () => resolve(undefined), { once: true })
  })
  const lanes = target.originPort === undefined ? (options.lanes ?? usualLanes) : 1
  const together = queue.filter(({ one }) => !one.alone)
  await Promise.all(Array.from({ length: lanes }, () => lane(together)))
  await lane(queue.filter(({ one }) => one.alone))
  for (const [one, before] of late) {
    if (options.signal?.aborted) report(before)
    else await runAgain(one, before)
  }

  const inOrder = chosen.flatMap(({ id }) => results.get(id) ?? [])
  return {
    subject: target.name,
    ...(version === undefined ? {} : { version }),
    seed,
    duration: performance.now() - begun,
    complete: inOrder.length === chosen.length,
    results: inOrder,
    failures: inOrder.filter(isFailure),
    overcome: inOrder.filter(({ verdict, deviation }) => verdict === 'pass' && deviation !== undefined),
  }

  async function runAgain(one: Case, before: Result): Promise<void> {
    const whole = partsOf(one)
    const pending: Pending = { left: whole.length, outcomes: [], begun: 0, retried: before.why }
    const again = whole.map((part) => ({ ...part, pending }))
    for (const part of again) {
      const why = notApplicable(part, target)
      if (why !== undefined) settle(part, skip(part, why))
    }
    await patiently(() => lane(again.filter((part) => notApplicable(part, target) === undefined)))
    if (!results.has(one.id)) report(before)
  }

  /** Takes parts until none are left, those with its own setup first. */
  async function lane(left: Part[]): Promise<void> {
    let session: Session | undefined
    try {
      while (left.length > 0 && !options.signal?.aborted) {
        const same = session ? left.findIndex(({ setup }) => setup === session?.setup) : -1
        const [next] = left.splice(Math.max(same, 0), 1) as [Part]
        next.pending.begun ||= performance.now()
        try {
          if (session?.setup !== next.setup) {
            await session?.[Symbol.asyncDispose]()
            session = undefined
            session = await openSession(target, next.setup)
          }
          const outcomes = await Promise.race([perform(next, session, seed), interrupted])
          // What ended with the run was ended by whoever ended the run.
          if (outcomes && !options.signal?.aborted) settle(next, outcomes)
        } catch (error) {
          if (options.signal?.aborted) return
          if (!(error instanceof NotStarted) || (next.setup === plain && !session)) {
            left.length = 0
            throw error
          }
          const started = session?.setup === next.setup
          const manner = started ? '' : `it does not start ${next.setup.name}: `
          const why = `${manner}${error.message.slice(-160)}`
          // Who is said to take options is to start with them. Of others nobody knows.
          settle(
            next,
            next.setup !== plain && target.configurable ? all(next, 'crash', why) : skip(next, why),
          )
        }
      }
    } finally {
      await session?.[Symbol.asyncDispose]()
    }
  }
}

/** A MUST that fails without a declared deviation; any death, and any fault of the harness, which nothing excuses. */
export function isFailure({ verdict, level, deviation }: Result): boolean {
  if (verdict === 'harness failed' || verdict === 'crash') return true
  return verdict === 'fail' && level === 'MUST' && deviation === undefined
}

/** The runs of a case that share a setup. */
interface Part {
  readonly one: Case
  readonly setup: Setup
  readonly runs: readonly (readonly [name: string, run: Run])[]
  readonly pending: Pending
}

interface Pending {
  left: number
  readonly outcomes: VariantOutcome[]
  begun: number
  /** Why it is run for the second time. */
  readonly retried?: string
}

interface VariantOutcome {
  /** Empty when the case has no variants. */
  readonly name: string
  readonly verdict: Verdict
  readonly why: string
  readonly transcript: string
  readonly late?: boolean
}

const plain: Setup = { name: 'as usual' }
const optIn: ReadonlySet<Capability> = new Set(['h2', 'log', 'resolver'])
const worstFirst: readonly Verdict[] = ['harness failed', 'crash', 'fail', 'pass']

function partsOf(one: Case): Omit<Part, 'pending'>[] {
  const { run, setup = plain } = one
  if (typeof run === 'function') return [{ one, setup, runs: [['', run]] }]
  const bySetup = new Map<Setup, [string, Run][]>()
  for (const [name, variant] of Object.entries(run)) {
    const own = typeof variant === 'function' ? { setup, run: variant } : variant
    bySetup.set(own.setup, [...(bySetup.get(own.setup) ?? []), [name, own.run]])
  }
  return [...bySetup].map(([shared, runs]) => ({ one, setup: shared, runs }))
}

function notApplicable({ one, setup }: Part, target: Target): string | undefined {
  if (one.unseen !== undefined) return one.unseen
  for (const need of [...(one.needs ?? []), ...(setup.needs ?? [])]) {
    if (target.lacks?.includes(need)) return `it is declared to lack ${need}`
    if (optIn.has(need) && !target.has?.includes(need)) return `it is not declared to have ${need}`
  }
  if (setup.options && !target.configurable) return `it cannot be started ${setup.name}`
  if (target.originPort !== undefined && setup !== plain) return 'it was started by hand'
  return undefined
}

const fine: readonly Verdict[] = ['pass', 'skipped']

/** It fails, and wherever it does, only the time was over. */
function inVain({ verdict }: Result, outcomes: readonly VariantOutcome[]): boolean {
  return !fine.includes(verdict) && outcomes.every((one) => fine.includes(one.verdict) || one.late === true)
}

function skip(part: Part, why: string): VariantOutcome[] {
  return all(part, 'skipped', why)
}

function all({ runs }: Part, verdict: Verdict, why: string): VariantOutcome[] {
  return runs.map(([name]) => ({ name, verdict, why, transcript: '' }))
}

async function perform({ one, runs }: Part, session: Session, seed: number): Promise<VariantOutcome[]> {
  const outcomes: VariantOutcome[] = []
  for (const [name, run] of runs) {
    const outcome = await inAllDeliveries(one, name, run, session, seed)
    outcomes.push({ ...outcome, name })
    // Each crash costs a restart, and one is enough to know.
    if (outcome.verdict === 'crash') break
  }
  return outcomes
}

/** Stops at the first that does not pass. */
async function inAllDeliveries(
  { id, deliveries = deliveryNames, limit = usualLimit }: Case,
  variant: string,
  run: Run,
  session: Session,
  seed: number,
): Promise<Outcome> {
  let first: Outcome | undefined
  for (const delivery of deliveries) {
    const own = hash(`${seed} ${id} ${variant} ${delivery}`)
    const outcome = await session.perform({ run, delivery, seed: own, limit })
    if (outcome.verdict !== 'pass') return { ...outcome, why: `${manner(delivery)}${outcome.why}` }
    first ??= outcome
  }
  return first ?? { verdict: 'harness failed', why: 'the case has no deliveries', transcript: '' }
}

const manner = (delivery: DeliveryName): string => (delivery === 'coalesced' ? '' : `[${delivery}] `)

/** The worst verdict of its variants. A case is skipped only when all of them are. */
function resultOf(
  { id, rule, level, title }: Case,
  outcomes: readonly VariantOutcome[],
  duration: number,
): Result {
  const verdict = worstFirst.find((each) => outcomes.some((outcome) => outcome.verdict === each)) ?? 'skipped'
  const same = outcomes.filter((outcome) => outcome.verdict === verdict)
  const failed = outcomes.filter((outcome) => outcome.verdict !== 'pass' && outcome.verdict !== 'skipped')
  const [first] = same
  const count = failed.length > 1 ? `${failed.length} of ${outcomes.length} variants, such as ` : ''
  const named = verdict !== 'skipped' && first?.name ? `${count}${first.name}: ` : ''
  return {
    ...{ id, rule, level, title, verdict, duration },
    why: verdict === 'pass' ? '' : `${named}${first?.why}`,
    ...(first?.name ? { variants: outcomes.map(({ name, verdict, why }) => ({ name, verdict, why })) } : {}),
    transcript: (failed.length > 0 ? failed : outcomes)
      .map(({ name, transcript }) => (name ? `--- ${id}/${name}\n${transcript}` : transcript))
      .join('\n'),
  }
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (const char of text) value = Math.imul(value ^ char.charCodeAt(0), 0x01000193)
  return value >>> 0
}
