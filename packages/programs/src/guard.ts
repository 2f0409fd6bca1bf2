/**
 * Ends what was started when this process ends, however it ends: a shell outlives it for as long as that takes. The shell
 * knows of its end by the pipe between them, which nobody else holds.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Writable } from 'node:stream'

/** Seconds between SIGTERM and SIGKILL for what has been left behind. */
const grace = 5

/** Reads `+PID` and `-PID`, the leaders of process groups; at the end of that ends those groups, and removes `$1`. */
const script = `
trap '' HUP INT QUIT TERM
groups=' '
while read -r line; do
  pid=\${line#?}
  case $line in
    +*) groups="$groups$pid " ;;
    -*) while case $groups in *" $pid "*) ;; *) false ;; esac; do
      groups="\${groups%% $pid *} \${groups#* $pid }"
    done ;;
  esac
done
for pid in $groups; do kill -TERM "-$pid"; done
left=${grace}
while [ $left -gt 0 ]; do
  alive=
  for pid in $groups; do kill -0 "-$pid" && alive=$pid; done
  [ -z "$alive" ] && break
  sleep 1
  left=$((left - 1))
done
for pid in $groups; do kill -KILL "-$pid"; done
rm -rf -- "$1"
`

interface Guard {
  readonly shell: ChildProcess
  readonly pipe: Writable
  /** For sockets: nobody else may look into it, and it goes with the guard. */
  readonly folder: string
}

let guard: Guard | undefined
/** Of process groups that are there, by their leaders. */
const groups = new Set<number>()
/** Who needs the guard: it ends with the last of them. */
let holders = 0

/** Until another one is begun where that could not be done, in ms. */
const pause = 1_000

/** @throws Error when there is no shell, or no descriptor for the pipe to it. */
function begin(folder: string): Guard {
  const shell = spawn('/bin/sh', ['-c', script, 'relayrace-guard', folder], {
    detached: true,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // That it has gone is seen by its exit.
  shell.on('error', () => {})
  // Without descriptors there are no pipes, whatever the types say.
  if (!shell.stdin) throw new Error('The process that ends programs with this one could not be started')
  const pipe: Writable = shell.stdin
  pipe.on('error', () => {})
  // It waits for this process, and not the other way round.
  shell.unref()
  ;(pipe as Writable & { unref?(): void }).unref?.()
  const begun: Guard = { shell, pipe, folder }
  shell.once('exit', () => {
    // Somebody has killed it.
    if (guard === begun) succeed(begun)
  })
  for (const pid of groups) pipe.write(`+${pid}\n`)
  return begun
}

function beginAnew(): Guard {
  const folder = mkdtempSync(path.join(tmpdir(), 'relayrace-'))
  try {
    return begin(folder)
  } catch (error) {
    rmdirSync(folder)
    throw error
  }
}

/** Puts another one in the place of one that has ended, as soon as that can be. */
function succeed(dead: Guard): void {
  if (guard !== dead) return
  try {
    guard = begin(dead.folder)
  } catch {
    setTimeout(() => succeed(dead), pause).unref()
  }
}

export interface Hold {
  readonly folder: string
  /** To be inherited by a child, which writes `+PID` to it before it becomes the program. */
  readonly pipe: Writable
  /** The group is there. Being told twice is no harm. */
  add(pid: number): void
  /** Nothing of the group is left. */
  remove(pid: number): void
  /** Resolves when the guard has ended too, if nobody else needs it. */
  release(): Promise<void>
}

/** Sees to it that there is a guard until it is released. @throws Error when there can be none. */
export function hold(): Hold {
  guard ??= beginAnew()
  holders += 1
  const { folder } = guard
  return {
    folder,
    get pipe() {
      guard ??= begin(folder)
      return guard.pipe
    },
    add(pid) {
      groups.add(pid)
      guard?.pipe.write(`+${pid}\n`)
    },
    remove(pid) {
      if (groups.delete(pid)) guard?.pipe.write(`-${pid}\n`)
    },
    async release() {
      holders -= 1
      if (holders > 0 || guard === undefined) return
      const { shell, pipe } = guard
      guard = undefined
      shell.ref()
      pipe.end()
      if (shell.exitCode === null && shell.signalCode === null) await once(shell, 'exit')
    },
  }
}
