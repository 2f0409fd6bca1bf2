/** The parent's end of the load generator: starts it, tells it when to go, and hears what came of it. */

import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { loads } from './index.ts'
import type { Job, Order, Report } from './job.ts'
import type { LoadModule, Outcome } from './module.ts'

const program = fileURLToPath(new URL('generator.ts', import.meta.url))

export interface Load extends AsyncDisposable {
  readonly pid: number | undefined
  /** Warms the target up. What went wrong in doing so, by name; empty is good. */
  prepare(job: Job, url: URL): Promise<Readonly<Record<string, number>>>
  /** Does the job, at another URL if one is given. `held` is called while all stand still, of loads that do. */
  go(held: () => Promise<void>, url?: URL): Promise<Outcome>
}

/** Two minutes, and as long as it takes to move the bytes at 50 MiB/s. */
function limitOf(job: Job): number {
  const usual = 120_000
  const perByte = 1_000 / (50 * 1024 ** 2)
  const load = loads.find(({ kind }) => kind === job.kind) as LoadModule<Job> | undefined
  return usual + (load?.bytes?.(job) ?? 0) * perByte
}

/** `prefix` goes before the command, such as `['taskset', '-c', '0']`. */
export function startLoad(prefix: readonly string[] = []): Load {
  const [file, ...args] = [...prefix, process.execPath, program] as readonly string[] as [string]
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  let limit = 0
  const tell = (order: Order): void => void child.send(order)
  return {
    pid: child.pid,
    async prepare(job, url) {
      limit = limitOf(job)
      tell({ do: 'prepare', job, url: url.href })
      const report = await hear(child, limit)
      return report.at === 'ready' ? report.problems : { [`unexpected report: ${report.at}`]: 1 }
    },
    async go(held, url) {
      tell({ do: 'go', ...(url && { url: url.href }) })
      let report = await hear(child, limit)
      if (report.at === 'held') {
        await held()
        tell({ do: 'go' })
        report = await hear(child, limit)
      }
      if (report.at !== 'done') throw new Error(`unexpected report: ${report.at}`)
      return report.outcome
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
      const { promise, resolve } = Promise.withResolvers<void>()
      child.once('exit', () => resolve())
      child.kill('SIGKILL')
      await promise
    },
  }
}

function hear(child: ChildProcess, limit: number): Promise<Report> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      clearTimeout(timer)
      child.off('message', heard).off('exit', gone).off('error', reject)
    }
    const heard = (report: unknown): void => {
      settle()
      resolve(report as Report)
    }
    const gone = (code: number | null, signal: string | null): void => {
      settle()
      reject(new Error(`the load generator ended with ${signal ?? code}`))
    }
    const timer = setTimeout(() => {
      settle()
      reject(new Error(`not done within ${limit / 1000} s`))
    }, limit)
    child.once('message', heard).once('exit', gone).once('error', reject)
  })
}
