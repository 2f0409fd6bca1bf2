/** `--profile`: a target does the job of a scenario under a profiler. Nothing is measured then. */

import { mkdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { processTree } from '@relayrace/fixtures/proc'
import type { ListedTarget, Program } from '@relayrace/fixtures/target'
import { startLoad } from '../load/drive.ts'
import { listed } from '../report/numbers.ts'
import type { Scale, Scenario } from '../scenarios/scenario.ts'
import { isAble, notAsked, startOptions } from '../ways.ts'
import type { Profiler } from './profilers.ts'

export interface Profiling {
  readonly profiler: Profiler
  readonly origin: Program
  readonly scaleOf: (scenario: Scenario) => Scale
  /** Where the profiles go. */
  readonly folder: string
  readonly signal: AbortSignal
}

export interface Profile {
  readonly target: string
  readonly scenario: string
  readonly files: readonly string[]
  /** Why there is none, or why it should not be trusted. */
  readonly problem: string | undefined
}

export async function profile(
  target: ListedTarget,
  scenario: Scenario,
  profiling: Profiling,
): Promise<Profile> {
  const { profiler, folder } = profiling
  const name = `${target.name}-${scenario.name}-${profiler.name}`
  const raw = path.join(folder, `${name}.raw`)
  await mkdir(raw, { recursive: true })
  try {
    const problem = await perform(target, scenario, profiling, raw)
    const files: string[] = []
    for (const [index, file] of (await profiler.results(raw)).entries()) {
      const kept = path.join(folder, `${name}${index > 0 ? `-${index + 1}` : ''}${path.extname(file)}`)
      await rename(file, kept)
      files.push(kept)
    }
    const none = files.length > 0 ? undefined : 'it left no profile: is it a program for Node.js?'
    return { target: target.name, scenario: scenario.name, files, problem: problem ?? none }
  } catch (error) {
    const [problem = ''] = (error as Error).message.split('\n')
    return { target: target.name, scenario: scenario.name, files: [], problem }
  } finally {
    await rm(raw, { recursive: true, force: true })
  }
}

/** What went wrong in it. */
async function perform(
  target: ListedTarget,
  scenario: Scenario,
  { profiler, origin, scaleOf, signal }: Profiling,
  raw: string,
): Promise<string | undefined> {
  if (!isAble(target, scenario)) return notAsked
  const options = { ...profiler.start(raw), ...(await startOptions(scenario)) }
  await using running = await target.start(origin.url, options)
  if (running.pid === undefined) return 'there is no program to look at'
  const { pid } = running
  // A profiler that is ended may leave what it has started.
  using _children = {
    [Symbol.dispose]: () => {
      for (const child of processTree(pid).slice(1)) process.kill(child, 'SIGKILL')
    },
  }
  await using load = startLoad()
  const give = (): void => void load[Symbol.asyncDispose]()
  signal.addEventListener('abort', give)
  using _deaf = { [Symbol.dispose]: () => signal.removeEventListener('abort', give) }

  const early = await load.prepare(scenario.job(scaleOf(scenario)), running.url)
  const { problems } = await load.go(async () => {})
  await end(running, pid)
  const wrong = Object.keys({ ...early, ...problems })
  return wrong.length === 0 ? undefined : listed(wrong)
}

/** What a profiler has seen it writes when the program ends: that may take long. */
const longest = 30_000

/** A profiler that has started the target waits for its end, so the signal goes to the target. */
async function end({ exited }: Program, pid: number): Promise<void> {
  process.kill(processTree(pid).at(-1) ?? pid, 'SIGINT')
  const done = new AbortController()
  const late = wait(longest, undefined, { signal: done.signal }).then(
    () =>
      Promise.reject(
        new Error(`it did not end within ${longest / 1000} s of SIGINT: is it a program for Node.js?`),
      ),
    () => undefined,
  )
  await Promise.race([exited.finally(() => done.abort()), late])
}
