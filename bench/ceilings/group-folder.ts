/** A folder of a control group file system: making, filling, emptying and removing it. */

import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { readProc } from '@relayrace/fixtures/proc'

const prefix = 'relayrace-ceiling-'

export interface GroupFolder extends AsyncDisposable {
  readonly prefix: readonly string[]
  pids(): number[]
  read(file: string): string | undefined
  /** @throws when the kernel will not have it. */
  write(file: string, value: string): void
}

let count = 0
const present = new Set<string>()

// A second Ctrl-C leaves no time for anything else.
process.on('exit', () => {
  for (const folder of present) {
    end(folder)
    remove(folder)
  }
})

/** @throws when it cannot be made. */
export function makeGroup(parent: string): GroupFolder {
  const folder = path.join(parent, `${prefix}${process.pid}-${++count}`)
  mkdirSync(folder)
  present.add(folder)
  return {
    prefix: ['sh', '-c', 'echo $$ > "$0" && exec "$@"', path.join(folder, 'cgroup.procs')],
    pids: () => pidsOf(folder),
    read: (file) => readProc(path.join(folder, file)),
    write: (file, value) => writeFileSync(path.join(folder, file), value),
    async [Symbol.asyncDispose]() {
      // What was killed is there until the kernel has taken it apart.
      for (let tries = 0; tries < 200; tries++) {
        end(folder)
        if (remove(folder)) break
        await wait(10)
      }
      present.delete(folder)
    },
  }
}

/** Removes what a run has left that was itself killed: only empty groups of processes that are no more. */
export function removeLeftOvers(parent: string): void {
  for (const name of list(parent)) {
    const [, pid] = /^relayrace-ceiling-(\d+)-\d+$/.exec(name) ?? []
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) remove(path.join(parent, name))
  }
}

const pidsOf = (folder: string): number[] =>
  (readProc(path.join(folder, 'cgroup.procs')) ?? '').split('\n').filter(Boolean).map(Number)

/** Only what was started in the group is in it. */
function end(folder: string): void {
  for (const pid of pidsOf(folder)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It was faster.
    }
  }
}

function remove(folder: string): boolean {
  try {
    rmdirSync(folder)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
