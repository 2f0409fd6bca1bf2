/** A scenario is a question, a load, what must come back, and what counts as wrong. */

import type { Way } from '@relayrace/fixtures/target'
import type { Job } from '../load/job.ts'
import type { Outcome } from '../load/module.ts'
import type { ScenarioRecord } from '../report/results.ts'

export interface Scenario<Amounts extends Scale = Scale> extends Omit<ScenarioRecord, 'load'> {
  /** Asked only when it is named: presets leave it out. */
  readonly byName?: true
  /** The target is started in the timed window, and is asked at once: nothing warms it up. */
  readonly cold?: true
  /** How targets are started for it; who cannot be started so is not asked. */
  readonly way?: Way
  /** How much of everything there is in each preset. `size` is what `--size` changes, and `warmUp` is never more. */
  readonly scales: Readonly<Record<ScaleName, Amounts>>
  /** What the load generator does, in words. */
  load(scale: Amounts): string
  job(scale: Amounts): Job
  /** The metrics of a sample in which nothing went wrong. Null where this platform cannot measure one. */
  values(sample: Measured): Readonly<Record<string, number | null>>
}

/** Sizes are bytes. */
export type Scale = Readonly<Record<string, number>>

export type ScaleName = 'smoke' | 'quick' | 'full'

/** How much of a scenario is measured. */
export function scaleOf({ scales }: Scenario, name: ScaleName, size?: number): Scale {
  const scale = scales[name]
  if (size === undefined || scale.size === undefined) return scale
  return { ...scale, size, ...(scale.warmUp !== undefined && { warmUp: Math.min(scale.warmUp, size) }) }
}

export interface Measured {
  readonly outcome: Outcome
  /** Of the target's processes, in the timed window. Undefined without a process or without /proc. */
  readonly used: Used | undefined
  /** Only where all stand still for a while. */
  readonly held: Held | undefined
  /** Descriptors that the target has more than before, when all clients have left. Only where all stand still. */
  readonly left?: number | undefined
  /** When the target's process was started, in milliseconds of `process.hrtime`. */
  readonly spawnedAt?: number | undefined
}

export interface Used {
  /** Processor seconds. */
  readonly user: number
  readonly system: number
  readonly cpu: number
  /** Bytes. */
  readonly peak: number
  /** At the end of the window. */
  readonly resident: number
  /** The part of it that is no file. */
  readonly anonymous: number
  readonly voluntarySwitches: number
  readonly involuntarySwitches: number
}

/** What has grown, in bytes, from before the clients came to when all stood still. */
export interface Held {
  /** In the target's processes. */
  readonly process: number | null
  /** In all TCP buffers of this machine. */
  readonly kernel: number | null
  /** What the origin has handed to its kernel. */
  readonly pulled: number
}

export const KiB = 1024
export const MiB: number = 1024 ** 2
export const GiB: number = 1024 ** 3

export const size = (bytes: number): string => {
  if (bytes >= GiB) return `${trim(bytes / GiB)} GiB`
  if (bytes >= MiB) return `${trim(bytes / MiB)} MiB`
  return bytes >= KiB ? `${trim(bytes / KiB)} KiB` : `${bytes} B`
}

const trim = (value: number): string => Number(value.toPrecision(3)).toString()

/** What each of so many has of a total in bytes, in KiB; null where that was not measured. */
export const kibEach =
  (count: number) =>
  (total: number | null | undefined): number | null =>
    total === null || total === undefined ? null : total / count / KiB
