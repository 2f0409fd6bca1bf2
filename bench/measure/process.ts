/**
 * What a process and its children have used so far, from /proc. Only Linux has it; elsewhere `canMeasure` is false and
 * nothing is made up.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

export const canMeasure: boolean = process.platform === 'linux'

export interface Usage {
  /** Processor seconds: in its own code, and in the kernel for it. Counted in ticks of 10 ms. */
  readonly user: number
  readonly system: number
  /** User and system together, in nanosecond steps where the scheduler tells. */
  readonly cpu: number
  /** Bytes of physical memory: now, the highest since `resetPeaks`, and the part that is no file. */
  readonly rss: number
  readonly peak: number
  readonly anonymous: number
  readonly voluntarySwitches: number
  readonly involuntarySwitches: number
  readonly processes: number
}

/** The process, then its children and theirs. Empty when it has ended. */
export function processTree(pid: number): number[] {
  const threads = list(`/proc/${pid}/task`)
  const children = threads.flatMap((thread) =>
    words(read(`/proc/${pid}/task/${thread}/children`)).map(Number),
  )
  return threads.length === 0 ? [] : [pid, ...children.flatMap(processTree)]
}

/** Undefined when the process has ended. */
export function usage(pid: number): Usage | undefined {
  const each = processTree(pid).flatMap((one) => usageOfOne(one) ?? [])
  if (each.length === 0) return undefined
  const total = (key: keyof Usage): number => each.reduce((sum, one) => sum + one[key], 0)
  return {
    user: total('user'),
    system: total('system'),
    cpu: total('cpu'),
    rss: total('rss'),
    peak: total('peak'),
    anonymous: total('anonymous'),
    voluntarySwitches: total('voluntarySwitches'),
    involuntarySwitches: total('involuntarySwitches'),
    processes: each.length,
  }
}

/** Proportional set size in bytes: pages shared between the processes count once. Costs a walk of the page tables. */
export function proportionalSize(pid: number): number {
  return processTree(pid).reduce((sum, one) => sum + kibibytes(read(`/proc/${one}/smaps_rollup`), 'Pss'), 0)
}

/** From here on `peak` starts at what is held now. */
export function resetPeaks(pid: number): void {
  for (const one of processTree(pid)) {
    try {
      writeFileSync(`/proc/${one}/clear_refs`, '5')
    } catch {
      // Not ours to reset, or gone: the peak then includes the warm-up, which can only be against the target.
    }
  }
}

const ticksPerSecond = 100

function usageOfOne(pid: number): Usage | undefined {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The name, in brackets, may contain anything; what follows it is fields 3 and on.
  const fields = words(stat.slice(stat.lastIndexOf(')') + 1))
  const user = Number(fields[11]) / ticksPerSecond
  const system = Number(fields[12]) / ticksPerSecond
  const status = read(`/proc/${pid}/status`)
  const threads = list(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}`)
  const scheduled =
    threads.reduce((sum, task) => sum + Number(words(read(`${task}/schedstat`))[0] ?? 0), 0) / 1e9
  const switches = (kind: string): number =>
    threads.reduce((sum, task) => sum + field(read(`${task}/status`), `${kind}_ctxt_switches`), 0)
  return {
    user,
    system,
    // A thread that has ended is missing from the finer count, not from the ticks.
    cpu: scheduled > user + system - 0.02 ? scheduled : user + system,
    rss: kibibytes(status, 'VmRSS'),
    peak: kibibytes(status, 'VmHWM'),
    anonymous: kibibytes(status, 'RssAnon'),
    voluntarySwitches: switches('voluntary'),
    involuntarySwitches: switches('nonvoluntary'),
    processes: 1,
  }
}

const words = (text: string | undefined): string[] => text?.trim().split(/\s+/).filter(Boolean) ?? []

const field = (text: string | undefined, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text ?? '')?.[1] ?? 0)

const kibibytes = (text: string | undefined, name: string): number => field(text, name) * 1024

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
