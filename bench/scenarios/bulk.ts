/** The metrics that all bulk transfers share. */

import type { MetricRecord } from '../report/results.ts'
import { GiB, type Measured, MiB, type ScaleName } from './scenario.ts'

export interface Bulk {
  readonly size: number
  /** Bytes moved, and not counted, before. */
  readonly warmUp: number
  readonly [other: string]: number
}

export const bulkScales: Readonly<Record<ScaleName, Bulk>> = {
  smoke: { size: 64 * MiB, warmUp: 8 * MiB },
  quick: { size: GiB, warmUp: 64 * MiB },
  full: { size: GiB, warmUp: 256 * MiB },
}

const cpuPerGiB: MetricRecord = {
  id: 'cpuPerGiB',
  label: 'CPU',
  unit: 's/GiB',
  better: 'lower',
  about: 'Processor seconds of the proxy, user and system together, to carry one GiB.',
}

const goodput: MetricRecord = {
  id: 'goodput',
  label: 'Goodput',
  unit: 'GiB/s',
  better: 'higher',
  about: 'Verified payload per second of wall time. Client and origin share this machine with the proxy.',
  wallClock: true,
}

export const peakMemory: MetricRecord = {
  id: 'peakMemory',
  label: 'Peak memory',
  unit: 'MiB',
  better: 'lower',
  about: 'The highest resident memory of the proxy in the timed window (VmHWM), all its processes together.',
}

export const firstByte: MetricRecord = {
  id: 'firstByte',
  label: 'First byte',
  unit: 'ms',
  better: 'lower',
  about: 'From the start of the connect to the first byte of the body.',
}

const userPerGiB: MetricRecord = {
  id: 'userPerGiB',
  label: 'of it user',
  unit: 's/GiB',
  better: 'lower',
  about: 'The part of the processor time spent in the program itself. Counted in steps of 10 ms.',
}

const switchesPerGiB: MetricRecord = {
  id: 'switchesPerGiB',
  label: 'Switches',
  unit: '/GiB',
  better: 'lower',
  about: 'How often the proxy slept and was woken while it carried one GiB (voluntary context switches).',
}

export const transferMetrics: readonly MetricRecord[] = [
  cpuPerGiB,
  userPerGiB,
  goodput,
  peakMemory,
  switchesPerGiB,
]

export function transferValues({ outcome, used }: Measured): Record<string, number | null> {
  const moved = outcome.bytes / GiB
  return {
    cpuPerGiB: used ? used.cpu / moved : null,
    userPerGiB: used ? used.user / moved : null,
    goodput: moved / outcome.seconds,
    peakMemory: used ? used.peak / MiB : null,
    switchesPerGiB: used ? used.voluntarySwitches / moved : null,
  }
}
