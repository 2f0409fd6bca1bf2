/**
 * The shape of results.json. Whoever reads results needs nothing but this file and that one; whoever measures takes the
 * types from here.
 */

import { type Kind, kinds } from '@relayrace/fixtures/target'
import * as z from 'zod'

/** Goes up when an older reader would misread a newer file. */
export const schemaName = 'relayrace-bench/1'

export interface Results {
  readonly schema: typeof schemaName
  readonly createdAt: string
  readonly finishedAt: string
  /** False when the run was interrupted: what is there is right, but it is not all. */
  readonly complete: boolean
  /** When it went on after it had been interrupted. */
  readonly resumedAt?: readonly string[] | undefined
  /** As it was typed; it repeats the run. */
  readonly command: string
  readonly preset: string
  readonly seed: number
  readonly rounds: number
  /** The target that ratios refer to; null when it was not measured. */
  readonly base: string | null
  readonly scale: Readonly<Record<string, number>>
  /** Which processors the roles were held to; null when they were not. */
  readonly pinning: Pinning | null
  readonly environment: Environment
  readonly noise: NoiseRecord
  readonly targets: readonly TargetRecord[]
  readonly scenarios: readonly ScenarioRecord[]
  /** What targets are known not to do: a failed sample of theirs is then no error of the run. */
  readonly knownLimits: readonly KnownLimitRecord[]
  /** In the order in which they were taken. None is ever left out. */
  readonly samples: readonly SampleRecord[]
}

/** Lists of processors as `taskset` takes them. */
export interface Pinning {
  readonly target: string
  readonly others: string
}

/** Where numbers come from. Without it a number is a rumour. */
export interface Environment {
  readonly machine: string
  readonly processor: string
  readonly processors: number
  readonly memory: number
  readonly kernel: string
  readonly distribution: string | null
  readonly hypervisor: string | null
  readonly node: string
  readonly v8: string
  readonly libuv: string
  /** Null outside a git checkout. */
  readonly commit: string | null
  readonly dirty: boolean | null
  readonly lockfile: string | null
  /** Limits of the TCP buffers and the like: they decide what a stalled stream can hide in the kernel. */
  readonly sysctls: Readonly<Record<string, string>>
  /** What this platform does not let us measure. */
  readonly notMeasured: readonly string[]
}

export interface NoiseRecord extends WindowRecord {
  /** Why figures from this machine should not have been trusted then. Empty is good. */
  readonly objections: readonly string[]
}

/** The machine during some time: shares of that time, from 0 to 1. */
export interface WindowRecord {
  readonly load1: number
  readonly busyShare: number | null
  readonly stealShare: number | null
  readonly pressureShare: number | null
}

export interface TargetRecord {
  readonly name: string
  readonly kind: Kind
  readonly about: string
  readonly version: string | null
  readonly install: string
  /** Why it was not measured; null when it was. */
  readonly absent: string | null
  /** The target that this is once more, under another name: what lies between the two is chance. */
  readonly again?: string | undefined
  /** Of our own: built and packed as they are installed, or from their sources. */
  readonly runs?: 'packed' | 'source' | undefined
}

export interface ScenarioRecord {
  /** The name on the command line. */
  readonly name: string
  readonly title: string
  readonly question: string
  /** What the load generator does, in words. */
  readonly load: string
  readonly expects: string
  readonly wrong: string
  /** How many processes a target has that was started with several; nobody was then held to a processor. */
  readonly workers?: number | undefined
  /** The metric that answers the question. */
  readonly headline: string
  readonly metrics: readonly MetricRecord[]
}

export interface MetricRecord {
  readonly id: string
  readonly label: string
  readonly unit: string
  readonly better: 'lower' | 'higher'
  /** What the number is, in a sentence. */
  readonly about: string
  /** Where client or origin is the limit it is a figure of theirs, and ranks nobody. */
  readonly wallClock?: boolean | undefined
}

export interface KnownLimitRecord {
  readonly target: string
  readonly scenario: string
  readonly why: string
}

export interface SampleRecord {
  readonly scenario: string
  readonly target: string
  readonly round: number
  /** Its place in the order of its round, from 0. */
  readonly position: number
  readonly startedAt: string
  /** Of the timed window. */
  readonly seconds: number
  /** What went wrong, and how often. Empty is the only good answer; a sample with problems has no values. */
  readonly problems: Readonly<Record<string, number>>
  readonly values: Readonly<Record<string, number | null>>
  /** Processor seconds in the timed window, by role: shows who was the limit. */
  readonly cpu: {
    readonly target: number | null
    readonly load: number | null
    readonly origin: number | null
  }
  readonly machine: WindowRecord
}

const window = {
  load1: z.number(),
  busyShare: z.number().nullable(),
  stealShare: z.number().nullable(),
  pressureShare: z.number().nullable(),
}
export const windowShape: z.ZodType<WindowRecord> = z.strictObject(window)
const text = z.string()
const count = z.int().nonnegative()
const texts = z.record(text, text)

export const targetShape: z.ZodType<TargetRecord> = z.strictObject({
  name: text,
  kind: z.enum(kinds),
  about: text,
  version: text.nullable(),
  install: text,
  absent: text.nullable(),
  again: text.optional(),
  runs: z.enum(['packed', 'source']).optional(),
})

const metric = z.strictObject({
  id: text,
  label: text,
  unit: text,
  better: z.enum(['lower', 'higher']),
  about: text,
  wallClock: z.boolean().optional(),
})

/** Under what circumstances anything was measured: the same in every kind of results. */
export const circumstances: {
  readonly pinning: z.ZodType<Pinning | null>
  readonly environment: z.ZodType<Environment>
  readonly noise: z.ZodType<NoiseRecord>
} = {
  pinning: z.strictObject({ target: text, others: text }).nullable(),
  environment: z.strictObject({
    machine: text,
    processor: text,
    processors: count,
    memory: count,
    kernel: text,
    distribution: text.nullable(),
    hypervisor: text.nullable(),
    node: text,
    v8: text,
    libuv: text,
    commit: text.nullable(),
    dirty: z.boolean().nullable(),
    lockfile: text.nullable(),
    sysctls: texts,
    notMeasured: z.array(text),
  }),
  noise: z.strictObject({ ...window, objections: z.array(text) }),
}

const resultsSchema: z.ZodType<Results> = z
  .strictObject({
    schema: z.literal(schemaName),
    createdAt: z.iso.datetime(),
    finishedAt: z.iso.datetime(),
    complete: z.boolean(),
    resumedAt: z.array(z.iso.datetime()).optional(),
    command: text,
    preset: text,
    seed: count,
    rounds: count,
    base: text.nullable(),
    scale: z.record(text, z.number()),
    ...circumstances,
    targets: z.array(targetShape),
    scenarios: z.array(
      z.strictObject({
        name: text,
        title: text,
        question: text,
        load: text,
        expects: text,
        wrong: text,
        workers: z.number().optional(),
        headline: text,
        metrics: z.array(metric),
      }),
    ),
    knownLimits: z.array(z.strictObject({ target: text, scenario: text, why: text })),
    samples: z.array(
      z.strictObject({
        scenario: text,
        target: text,
        round: count,
        position: count,
        startedAt: z.iso.datetime(),
        seconds: z.number().nonnegative(),
        problems: z.record(text, count),
        values: z.record(text, z.number().nullable()),
        cpu: z.strictObject({
          target: z.number().nullable(),
          load: z.number().nullable(),
          origin: z.number().nullable(),
        }),
        machine: windowShape,
      }),
    ),
  })
  .refine(({ samples, targets, scenarios }) => {
    const known = (list: readonly { name: string }[], name: string): boolean =>
      list.some((one) => one.name === name)
    return samples.every((sample) => known(targets, sample.target) && known(scenarios, sample.scenario))
  }, 'a sample names a target or a scenario that is not described')

/** Throws with every place that is wrong. */
export function parseResults(json: string): Results {
  const parsed = resultsSchema.safeParse(JSON.parse(json))
  if (parsed.success) return parsed.data
  throw new Error(`not a results file of schema ${schemaName}:\n${z.prettifyError(parsed.error)}`)
}

/** The same as a JSON Schema, for readers in other languages. */
export const jsonSchema = (): unknown => z.toJSONSchema(resultsSchema)
