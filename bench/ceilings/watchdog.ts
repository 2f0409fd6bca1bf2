/** Limits without control groups: reads every few milliseconds what the processes hold, and kills at the limit. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { canMeasure, processTree, readProc, usage } from '@relayrace/fixtures/proc'
import type { Candidate, Group } from './provider.ts'

const every = 20

export const watchdog: Candidate = {
  name: 'watchdog',
  async open() {
    if (!canMeasure) throw new Error('memory is read from /proc, which only Linux has')
    return {
      name: 'watchdog',
      counts: `the resident memory that is no file (RssAnon) of all processes of the target, read every ${every} ms: a peak between two readings is not seen, and at the limit it is killed, never slowed. TCP buffers are not counted`,
      tcpIsCounted: false,
      group: async (limit) => watched(limit),
    }
  },
}

function watched(limit: number | undefined): Group {
  const folder = mkdtempSync(path.join(tmpdir(), 'relayrace-ceiling-'))
  const pidFile = path.join(folder, 'pid')
  let root: { readonly pid: number; readonly since: string } | undefined
  let peak = 0
  let killed = 0

  const pids = (): number[] => {
    root ??= readRoot(pidFile)
    // A number is given anew when its process has ended; that one is not ours.
    return root === undefined || startOf(root.pid) !== root.since ? [] : processTree(root.pid)
  }
  const end = (): void => {
    for (const pid of pids()) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It was faster.
      }
    }
  }
  const timer = setInterval(() => {
    const [first] = pids()
    const held = first === undefined ? 0 : (usage(first)?.anonymous ?? 0)
    peak = Math.max(peak, held)
    if (limit === undefined || held <= limit) return
    killed++
    end()
  }, every)
  return {
    prefix: ['sh', '-c', 'echo $$ > "$0" && exec "$@"', pidFile],
    pids,
    killed: () => killed,
    // It kills, and is in the way of nothing else.
    hits: () => killed,
    peak: () => peak,
    tcp: () => null,
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      end()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function readRoot(file: string): { pid: number; since: string } | undefined {
  const pid = Number((readProc(file) ?? '').trim())
  const since = startOf(pid)
  return since === undefined ? undefined : { pid, since }
}

/** In ticks since the machine started. */
const startOf = (pid: number): string | undefined =>
  readProc(`/proc/${pid}/stat`)?.split(') ').at(-1)?.split(' ')[19]
