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
  const table = await connections()
  if (table === undefined) return undefined
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const held: string[] = []
  // There may be tens of thousands that only the kernel remembers: few rows are worth taking apart.
  for (let at = table.indexOf(`${local} `); at !== -1; at = table.indexOf(`${local} `, at + 1)) {
    const [, own, , state = '', , , , , , inode] = rowAround(table, at)
    if (own?.endsWith(local) && state !== listening && inode !== '0')
      held.push(states[state] ?? `state ${state}`)
  }
  return held
}

function rowAround(table: string, at: number): string[] {
  const end = table.indexOf('\n', at)
  const row = table.slice(table.lastIndexOf('\n', at) + 1, end === -1 ? undefined : end)
  return row.trim().split(/\s+/)
}

let reading: Promise<unknown> = Promise.resolve()
let next: Promise<string | undefined> | undefined

/**
 * All TCP connections of this machine, as they are after the call. The kernel takes long over it, so those who ask while
 * it does wait for the next table together.
 */
function connections(): Promise<string | undefined> {
  next ??= reading.then(async () => {
    next = undefined
    const tables = await Promise.all([read('/proc/net/tcp'), read('/proc/net/tcp6')])
    return tables[0] === undefined ? undefined : tables.join('\n')
  })
  reading = next
  return next
}

const read = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined)
