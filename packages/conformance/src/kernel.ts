/** What the kernel tells about a program without asking it. Linux only; elsewhere everything is undefined. */

import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'

/** Resident memory in bytes. */
export async function residentMemory(pid: number | undefined): Promise<number | undefined> {
  const status = await read(`/proc/${pid}/status`)
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(status ?? '')?.[1]
  return kib === undefined ? undefined : Number(kib) * 1024
}

export async function openDescriptors(pid: number | undefined): Promise<number | undefined> {
  return readdir(`/proc/${pid}/fd`).then(
    (names) => names.length,
    () => undefined,
  )
}

/** Runs an action while a program stands still, so that it hears of all that happened at once. */
export async function frozen<Value>(pid: number | undefined, action: () => Promise<Value>): Promise<Value> {
  if (pid === undefined || process.platform !== 'linux') return action()
  process.kill(pid, 'SIGSTOP')
  try {
    for (let tries = 0; tries < 100 && !(await isStopped(pid)); tries++) await pause(5)
    return await action()
  } finally {
    process.kill(pid, 'SIGCONT')
  }
}

const isStopped = async (pid: number): Promise<boolean> =>
  /^State:\s+T/m.test((await read(`/proc/${pid}/status`)) ?? '')

/** Of TCP, as the kernel numbers them (include/net/tcp_states.h). */
const states: Readonly<Record<string, string>> = {
  '01': 'ESTABLISHED',
  '04': 'FIN_WAIT1',
  '05': 'FIN_WAIT2',
  '08': 'CLOSE_WAIT',
  '09': 'LAST_ACK',
}
const listening = '0A'

/**
 * The states of the accepted connections on a local port that some program still holds. Those only the kernel remembers
 * have no inode.
 */
export async function heldConnections(port: number): Promise<string[] | undefined> {
  const tables = await Promise.all([read('/proc/net/tcp'), read('/proc/net/tcp6')])
  if (tables[0] === undefined) return undefined
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return tables
    .flatMap((table) => (table ?? '').split('\n').slice(1))
    .map((row) => row.trim().split(/\s+/))
    .filter((row) => row[1]?.endsWith(local) && row[3] !== listening && row[9] !== '0')
    .map(([, , , state = '']) => states[state] ?? `state ${state}`)
}

const read = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined)
