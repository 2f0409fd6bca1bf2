/** One trial: a fresh target under a limit, a job, and what came of it in bounded time. */

import { setTimeout as wait } from 'node:timers/promises'
import { bulkStats } from '@relayrace/fixtures/origin'
import type { ListedTarget, Program } from '@relayrace/fixtures/target'
import { type Load, startLoad } from '../load/drive.ts'
import { machineState, machineWindow } from '../measure/machine.ts'
import type { Pinning } from '../report/results.ts'
import { heldTo, reason } from '../sample.ts'
import type { Carried, CeilingJob } from './jobs.ts'
import type { Group, Provider } from './provider.ts'
import type { Outcome, TrialRecord } from './results.ts'

export interface Setting {
  readonly origin: Program
  readonly provider: Provider
  readonly pinning: Pinning | undefined
  /** Bytes of a large body. */
  readonly size: number
  readonly signal: AbortSignal
}

export interface Asked {
  readonly target: ListedTarget
  readonly job: CeilingJob
  /** Bytes; undefined is without. */
  readonly limit: number | undefined
  /** Milliseconds after which it is called a hang. */
  readonly patience: number
  readonly env?: Readonly<Record<string, string>>
  /** Called when the target stands there, before the job begins. */
  readonly started?: (group: Group) => Promise<void>
}

/** Never rejects for what a target does. */
export async function tryLimit(asked: Asked, setting: Setting): Promise<TrialRecord> {
  const { target, limit, env, started } = asked
  const { origin, provider, pinning } = setting
  await emptied(origin)
  const startedAt = new Date().toISOString()
  const machineBefore = machineState()
  const began = performance.now()
  await using group = await provider.group(limit)

  const judged = (carried: Carried, ended: boolean, late: boolean): TrialRecord => {
    const killed = group.killed()
    const good = Object.keys(carried.problems).length === 0 && carried.seconds > 0
    const speed = good && !late ? carried.bytes / carried.seconds : null
    return {
      limit: limit ?? null,
      startedAt,
      outcome: outcomeOf({ speed, killed, ended, late }),
      speed,
      reference: null,
      seconds: (performance.now() - began) / 1000,
      problems: carried.problems,
      killed,
      hits: group.hits(),
      peak: group.peak(),
      machine: machineWindow(machineBefore, machineState()),
    }
  }

  let running: Program
  try {
    running = await target.start(origin.url, {
      prefix: [...group.prefix, ...heldTo(pinning?.target)],
      ...(env !== undefined && { env }),
    })
  } catch (error) {
    return judged(failed(`did not start: ${reason(error)}`), true, false)
  }
  await using _target = running
  let ended = false
  void running.exited.then(() => {
    ended = true
  })
  await started?.(group)
  const { carried, late } = await within(asked, running.url, setting)
  return judged(carried, ended, late)
}

const longestWait = 5_000

/** What the target before has left open at the origin would be in the way of this one, and in its TCP buffers. */
async function emptied(origin: Program): Promise<void> {
  const until = performance.now() + longestWait
  while ((await bulkStats(origin.url)).sockets > 0 && performance.now() < until) await wait(20)
}

const failed = (problem: string): Carried => ({ bytes: 0, seconds: 0, problems: { [problem]: 1 } })

/** Does the job; ends all load generators when it is done, or takes too long, or is not wanted any more. */
async function within(
  { job, patience }: Asked,
  url: URL,
  { pinning, size, signal }: Setting,
): Promise<{ carried: Carried; late: boolean }> {
  const loads: Load[] = []
  const endAll = (): Promise<unknown> => Promise.all(loads.map((load) => load[Symbol.asyncDispose]()))
  let late = false
  const timer = setTimeout(() => {
    late = true
    void endAll()
  }, patience)
  const give = (): void => void endAll()
  signal.addEventListener('abort', give)
  try {
    const carried = await job.run(size, {
      url,
      load() {
        if (late || signal.aborted) throw new Error('too late')
        const load = startLoad(heldTo(pinning?.others))
        loads.push(load)
        return load
      },
    })
    return { carried, late }
  } catch (error) {
    return {
      carried: failed(late ? `not done within ${Math.round(patience / 1000)} s` : reason(error)),
      late,
    }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', give)
    await endAll()
  }
}

interface Seen {
  readonly speed: number | null
  readonly killed: number
  readonly ended: boolean
  readonly late: boolean
}

/** What one trial alone can tell: whether it was fast enough, others show. A process that was killed for want of memory explains whatever else went wrong, also when it was started anew. */
export function outcomeOf({ speed, killed, ended, late }: Seen): Outcome {
  if (killed > 0) return 'killed'
  if (ended) return 'died'
  if (late) return 'hang'
  if (speed === null) return 'errors'
  return 'enough'
}
