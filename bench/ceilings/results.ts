/** The shape of ceilings.json: whoever reads ceilings needs nothing but this file. */

import * as z from 'zod'
import {
  circumstances,
  type Environment,
  type NoiseRecord,
  type Pinning,
  type TargetRecord,
  targetShape,
  type WindowRecord,
  windowShape,
} from '../report/results.ts'

/** Goes up when an older reader would misread a newer file. */
export const schemaName = 'relayrace-ceilings/1'

export interface Ceilings {
  readonly schema: typeof schemaName
  readonly createdAt: string
  readonly finishedAt: string
  /** False when the run was interrupted. */
  readonly complete: boolean
  readonly command: string
  /** The part of its unlimited speed that a target has to keep. */
  readonly share: number
  /** Bytes. */
  readonly resolution: number
  readonly steps: number
  /** Bytes of a large body. */
  readonly size: number
  readonly provider: ProviderRecord & {
    readonly passedOver: readonly { readonly name: string; readonly why: string }[]
  }
  readonly pinning: Pinning | null
  readonly environment: Environment
  readonly noise: NoiseRecord
  readonly targets: readonly TargetRecord[]
  readonly jobs: readonly JobRecord[]
  readonly searches: readonly SearchRecord[]
}

export interface ProviderRecord {
  readonly name: 'cgroup v2' | 'cgroup v1' | 'watchdog'
  /** What a limit counts, in words. */
  readonly counts: string
  readonly tcpIsCounted: boolean
}

export interface JobRecord {
  /** The name on the command line. */
  readonly name: string
  readonly title: string
  readonly question: string
  /** What the clients do, in words. */
  readonly load: string
}

/** The search for one ceiling: of one target, for one job. */
export interface SearchRecord {
  readonly target: string
  readonly job: string
  /** Bytes. Null when there is none, and `how` says why. */
  readonly ceiling: number | null
  /** The largest limit below it that was not enough; 0 when none was. */
  readonly below: number
  readonly how: 'found' | 'coarse' | 'never enough' | 'stopped' | 'fails without a limit'
  /** Bytes per second without a limit: the median of the latest such trials. Null when they failed. */
  readonly unlimited: number | null
  /** From a run of its own that is not timed. Null when it failed. */
  readonly held: HeldRecord | null
  /** In the order in which they were made; none is left out. */
  readonly trials: readonly TrialRecord[]
}

export interface TrialRecord {
  /** Bytes; null is without a limit. */
  readonly limit: number | null
  readonly startedAt: string
  readonly outcome: Outcome
  /** Bytes per second. Null when not all came as it should. */
  readonly speed: number | null
  /** What its speed was compared with: that without a limit, as it was then. Null where nothing was compared. */
  readonly reference: number | null
  /** Of the whole trial, start and warm-up included. */
  readonly seconds: number
  readonly problems: Readonly<Record<string, number>>
  /** How often the kernel, or the watchdog, ended a process of it. */
  readonly killed: number
  /** How often the limit was in the way of something in it. */
  readonly hits: number
  /** The most held of what a limit counts, in bytes. */
  readonly peak: number | null
  readonly machine: WindowRecord
}

/**
 * `enough`: fast enough. `slower`: all came right, but below the share. `killed`: for want of memory. `died`: ended by
 * itself. `errors`: something did not come as it should. `hang`: not done in many times the usual time.
 */
export type Outcome = 'enough' | 'slower' | 'killed' | 'died' | 'errors' | 'hang'

/** What a target holds at rest and at most while it does the job without a limit, in bytes. Null: cannot be known. */
export interface HeldRecord {
  readonly rest: Amounts
  readonly peak: Amounts
}

export interface Amounts {
  /** Resident, and the same with shared pages counted once. */
  readonly rss: number | null
  readonly pss: number | null
  /** Of V8. */
  readonly heap: number | null
  readonly external: number | null
  /** TCP buffers: of the target's sockets, and of the whole machine. */
  readonly tcp: number | null
  readonly tcpOfMachine: number | null
}

const text = z.string()
const count = z.int().nonnegative()
const amount = z.number().nullable()
const amounts = z.strictObject({
  rss: amount,
  pss: amount,
  heap: amount,
  external: amount,
  tcp: amount,
  tcpOfMachine: amount,
})

const schema: z.ZodType<Ceilings> = z.strictObject({
  schema: z.literal(schemaName),
  createdAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  complete: z.boolean(),
  command: text,
  share: z.number(),
  resolution: count,
  steps: count,
  size: count,
  provider: z.strictObject({
    name: z.enum(['cgroup v2', 'cgroup v1', 'watchdog']),
    counts: text,
    tcpIsCounted: z.boolean(),
    passedOver: z.array(z.strictObject({ name: text, why: text })),
  }),
  ...circumstances,
  targets: z.array(targetShape),
  jobs: z.array(z.strictObject({ name: text, title: text, question: text, load: text })),
  searches: z.array(
    z.strictObject({
      target: text,
      job: text,
      ceiling: count.nullable(),
      below: count,
      how: z.enum(['found', 'coarse', 'never enough', 'stopped', 'fails without a limit']),
      unlimited: amount,
      held: z.strictObject({ rest: amounts, peak: amounts }).nullable(),
      trials: z.array(
        z.strictObject({
          limit: count.nullable(),
          startedAt: z.iso.datetime(),
          outcome: z.enum(['enough', 'slower', 'killed', 'died', 'errors', 'hang']),
          speed: amount,
          reference: amount,
          seconds: z.number(),
          problems: z.record(text, count),
          killed: count,
          hits: count,
          peak: amount,
          machine: windowShape,
        }),
      ),
    }),
  ),
})

/** @throws when it is not what `Ceilings` promises. */
export const parseCeilings = (json: string): Ceilings => schema.parse(JSON.parse(json))
