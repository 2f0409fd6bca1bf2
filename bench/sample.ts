/** Takes one sample: a fresh target, a fresh load generator, a warm-up, one timed window, and away with both. */

import { setTimeout as wait } from 'node:timers/promises'
import { bulkStats } from '@relayrace/fixtures/origin'
import {
  canMeasure,
  openDescriptors,
  proportionalSize,
  resetPeaks,
  type Usage,
  usage,
} from '@relayrace/fixtures/proc'
import type { ListedTarget, Program } from '@relayrace/fixtures/target'
import { startLoad } from './load/drive.ts'
import { machineState, machineWindow } from './measure/machine.ts'
import type { Pinning, SampleRecord } from './report/results.ts'
import type { Held, Scale, Scenario, Used } from './scenarios/scenario.ts'
import { isAble, notAsked, startOptions } from './ways.ts'

export interface Setting {
  readonly origin: Program
  readonly scaleOf: (scenario: Scenario) => Scale
  readonly pinning: Pinning | undefined
}

export interface Taken
  extends Pick<SampleRecord, 'startedAt' | 'seconds' | 'problems' | 'values' | 'cpu' | 'machine'> {
  /** What the target has said on standard error, for who looks on: it may name places of this machine. */
  readonly said: string
}

export const heldTo = (processors: string | undefined): string[] =>
  processors === undefined ? [] : ['taskset', '-c', processors]

export async function takeSample(
  target: ListedTarget,
  scenario: Scenario,
  setting: Setting,
  signal: AbortSignal,
): Promise<Taken> {
  const { origin, scaleOf } = setting
  const pinning = scenario.workers === undefined ? setting.pinning : undefined
  const startedAt = new Date().toISOString()
  const machineBefore = machineState()
  let running: Program | undefined
  const failed = (problems: Readonly<Record<string, number>>): Taken => ({
    said: running?.stderr() ?? '',
    startedAt,
    seconds: 0,
    problems,
    values: {},
    cpu: { target: null, load: null, origin: null },
    machine: machineWindow(machineBefore, machineState()),
  })

  if (!isAble(target, scenario)) return failed({ [notAsked]: 1 })
  await using ends = new AsyncDisposableStack()
  const begin = async (): Promise<Program> => {
    try {
      const prefix = heldTo(pinning?.target)
      return ends.use(await target.start(origin.url, { prefix, ...(await startOptions(scenario)) }))
    } catch (error) {
      throw new Error(`did not start: ${reason(error)}`, { cause: error })
    }
  }

  try {
    if (!scenario.cold) running = await begin()
    const load = ends.use(startLoad(heldTo(pinning?.others)))
    const give = (): void => void load[Symbol.asyncDispose]()
    signal.addEventListener('abort', give)
    ends.defer(() => signal.removeEventListener('abort', give))
    const early = await load.prepare(scenario.job(scaleOf(scenario)), (running ?? origin).url)
    if (Object.keys(early).length > 0) return failed(early)

    if (running?.pid !== undefined) resetPeaks(running.pid)
    const others = { load: load.pid, origin: origin.pid }
    const before = look({ target: running?.pid, ...others })
    const descriptorsBefore = openDescriptors(running?.pid)
    const sizeBefore = await sizes(setting, running?.pid)
    const windowStart = machineState()
    if (scenario.cold) running = await begin()
    const { pid, url, stderr, spawnedAt } = running as Program
    let held: Held | undefined
    const outcome = await load.go(
      async () => {
        held = difference(sizeBefore, await settled(setting, pid, signal))
      },
      scenario.cold ? url : undefined,
    )
    const windowEnd = machineState()
    const after = look({ target: pid, ...others })
    const left = held && (await leftBehind(pid, descriptorsBefore))

    if (pid !== undefined && canMeasure && after.target === undefined) return failed({ 'the target died': 1 })
    const good = Object.keys(outcome.problems).length === 0
    const targetBefore = scenario.cold ? unborn : before.target
    const measured = { outcome, held, left, used: used(targetBefore, after.target), spawnedAt }
    return {
      said: stderr(),
      startedAt,
      seconds: outcome.seconds,
      problems: outcome.problems,
      values: good ? scenario.values(measured) : {},
      cpu: {
        target: cpuBetween(targetBefore, after.target),
        load: cpuBetween(before.load, after.load),
        origin: cpuBetween(before.origin, after.origin),
      },
      machine: machineWindow(windowStart, windowEnd),
    }
  } catch (error) {
    return failed({ [reason(error)]: 1 })
  }
}

/** What a process has used that was not there yet. */
const unborn: Usage = {
  ...{ user: 0, system: 0, cpu: 0, rss: 0, peak: 0, anonymous: 0 },
  ...{ voluntarySwitches: 0, involuntarySwitches: 0, processes: 0 },
}

interface Look {
  readonly target: Usage | undefined
  readonly load: Usage | undefined
  readonly origin: Usage | undefined
}

const look = (pids: Readonly<Record<keyof Look, number | undefined>>): Look => {
  const of = (pid: number | undefined): Usage | undefined => (pid === undefined ? undefined : usage(pid))
  return { target: of(pids.target), load: of(pids.load), origin: of(pids.origin) }
}

const cpuBetween = (before: Usage | undefined, after: Usage | undefined): number | null =>
  before && after ? after.cpu - before.cpu : null

/** What a process has used in a window. */
export function used(before: Usage | undefined, after: Usage | undefined): Used | undefined {
  if (!before || !after) return undefined
  return {
    user: after.user - before.user,
    system: after.system - before.system,
    cpu: after.cpu - before.cpu,
    peak: after.peak,
    resident: after.rss,
    anonymous: after.anonymous,
    voluntarySwitches: after.voluntarySwitches - before.voluntarySwitches,
    involuntarySwitches: after.involuntarySwitches - before.involuntarySwitches,
  }
}

interface Sizes {
  readonly process: number | null
  readonly kernel: number | null
  readonly pulled: number
}

async function sizes({ origin }: Setting, pid: number | undefined): Promise<Sizes> {
  return {
    process: pid === undefined || !canMeasure ? null : proportionalSize(pid),
    kernel: machineState().tcpBytes,
    pulled: (await bulkStats(origin.url)).bytesSent,
  }
}

const difference = (before: Sizes, after: Sizes): Held => ({
  process: before.process === null || after.process === null ? null : after.process - before.process,
  kernel: before.kernel === null || after.kernel === null ? null : after.kernel - before.kernel,
  pulled: after.pulled - before.pulled,
})

/** How many descriptors are left of those that came with the clients. Those of a pool stay. */
async function leftBehind(pid: number | undefined, before: number | undefined): Promise<number | undefined> {
  if (pid === undefined || before === undefined || !canMeasure) return undefined
  let left = Number.POSITIVE_INFINITY
  const started = performance.now()
  // One that has gathered a lot on disk takes seconds to give it all up: as long as it does, it leaks nothing.
  for (let fell = started; left > 0; await wait(50)) {
    const now = performance.now()
    if (now - fell > 2_000 || now - started > 30_000) break
    const open = (openDescriptors(pid) ?? before) - before
    if (open < left) fell = now
    left = Math.min(left, open)
  }
  return Math.max(0, left)
}

/** More than this pulled by stalled readers is no buffer but a store, and would fill the disk of who looks on. */
const enough = 4 * 1024 ** 3

/** Waits until nothing grows any more, but not for ever: some proxies store all they can get. */
async function settled(setting: Setting, pid: number | undefined, signal: AbortSignal): Promise<Sizes> {
  const every = 250
  const longest = 8_000
  const steadyFor = 4
  const first = await sizes(setting, pid)
  let last = first
  for (let waited = 0, steady = 0; waited < longest && steady < steadyFor; waited += every) {
    await wait(every, undefined, { signal })
    const now = await sizes(setting, pid)
    const grown = now.pulled - last.pulled + Math.abs((now.process ?? 0) - (last.process ?? 0))
    steady = grown < 256 * 1024 ? steady + 1 : 0
    last = now
    if (now.pulled - first.pulled > enough) break
  }
  return last
}

/** The line of a message that says what is wrong, without the folders of this machine: results are published. */
export function reason(error: unknown): string {
  const lines = String(error instanceof Error ? error.message : error).split('\n')
  const line = lines.find((one) => /\w*Error\b.*: /.test(one)) ?? lines[0] ?? ''
  return line.replaceAll(/(?<=^|[\s'"(])(?:file:\/\/)?\/[^\s'":]*\/(?=[^\s/'":]+)/g, '').trim()
}
