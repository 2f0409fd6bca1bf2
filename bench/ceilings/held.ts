/** What a target holds at rest and at most while it does a job without a limit. It is watched, so it is not timed. */

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { readProc } from '@relayrace/fixtures/proc'
import { machineState } from '../measure/machine.ts'
import type { Group } from './provider.ts'
import type { Amounts, HeldRecord, TrialRecord } from './results.ts'
import { type Asked, type Setting, tryLimit } from './trial.ts'

const every = 100
/** What a program does when it has just started is over by then. */
const settling = 1_000
const probe = fileURLToPath(new URL('memory-probe.ts', import.meta.url))

export interface Held {
  readonly trial: TrialRecord
  readonly held: HeldRecord
}

export async function holds(
  asked: Pick<Asked, 'target' | 'job' | 'patience'>,
  setting: Setting,
): Promise<Held> {
  const folder = await mkdtemp(path.join(tmpdir(), 'relayrace-memory-'))
  const file = path.join(folder, 'memory.json')
  let rest = nothing
  let peak = nothing
  let timer: NodeJS.Timeout | undefined
  try {
    const trial = await tryLimit(
      {
        ...asked,
        limit: undefined,
        env: {
          RELAYRACE_MEMORY: file,
          NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import ${probe}`.trim(),
        },
        async started(group) {
          await wait(settling, undefined, { signal: setting.signal }).catch(() => undefined)
          rest = { ...amountsOf(group), ...(await readProbe(file, 'now')) }
          peak = rest
          timer = setInterval(() => {
            peak = larger(peak, amountsOf(group))
          }, every)
        },
      },
      setting,
    )
    return { trial, held: { rest, peak: larger(peak, { ...nothing, ...(await readProbe(file, 'most')) }) } }
  } finally {
    clearInterval(timer)
    await rm(folder, { recursive: true, force: true })
  }
}

const nothing: Amounts = { rss: null, pss: null, heap: null, external: null, tcp: null, tcpOfMachine: null }

function amountsOf(group: Group): Amounts {
  const each = group.pids().map(rollUp)
  const sum = (name: 'Rss' | 'Pss'): number | null =>
    each.length === 0 ? null : each.reduce((total, text) => total + kibibytes(text, name) * 1024, 0)
  return {
    ...nothing,
    rss: sum('Rss'),
    pss: sum('Pss'),
    tcp: group.tcp(),
    tcpOfMachine: machineState().tcpBytes,
  }
}

const kibibytes = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0)

const rollUp = (pid: number): string => readProc(`/proc/${pid}/smaps_rollup`) ?? ''

async function readProbe(file: string, which: 'now' | 'most'): Promise<Partial<Amounts>> {
  try {
    return (JSON.parse(await readFile(file, 'utf8')) as Record<typeof which, Partial<Amounts>>)[which]
  } catch {
    return {} // It is no program for Node.js.
  }
}

function larger(one: Amounts, other: Amounts): Amounts {
  const of = (key: keyof Amounts): number | null => {
    const [a, b] = [one[key], other[key]]
    return a === null || b === null ? (a ?? b) : Math.max(a, b)
  }
  return {
    rss: of('rss'),
    pss: of('pss'),
    heap: of('heap'),
    external: of('external'),
    tcp: of('tcp'),
    tcpOfMachine: of('tcpOfMachine'),
  }
}
