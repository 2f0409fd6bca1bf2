/** The metrics that all bulk transfers share. */

import { GiB, type Measured, type Metric, MiB } from './scenario.ts'

const cpuPerGiB: Metric = {
  id: 'cpuPerGiB',
  label: 'CPU',
  unit: 's/GiB',
  better: 'lower',
  about: 'Processor seconds of the proxy, user and system together, to carry one GiB.',
}

const goodput: Metric = {
  id: 'goodput',
  label: 'Goodput',
  unit: 'GiB/s',
  better: 'higher',
  about: 'Verified payload per second of wall time. Client and origin share this machine with the proxy.',
}

export const peakMemory: Metric = {
  id: 'peakMemory',
  label: 'Peak memory',
  unit: 'MiB',
  better: 'lower',
  about: 'The highest resident memory of the proxy in the timed window (VmHWM), all its processes together.',
}

export const firstByte: Metric = {
  id: 'firstByte',
  label: 'First byte',
  unit: 'ms',
  better: 'lower',
  about: 'From the start of the connect to the first byte of the body.',
}

const userPerGiB: Metric = {
  id: 'userPerGiB',
  label: 'of it user',
  unit: 's/GiB',
  better: 'lower',
  about: 'The part of the processor time spent in the program itself. Counted in steps of 10 ms.',
}

const switchesPerGiB: Metric = {
  id: 'switchesPerGiB',
  label: 'Switches',
  unit: '/GiB',
  better: 'lower',
  about: 'How often the proxy slept and was woken while it carried one GiB (voluntary context switches).',
}

export const transferMetrics: readonly Metric[] = [cpuPerGiB, userPerGiB, goodput, peakMemory, switchesPerGiB]

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
