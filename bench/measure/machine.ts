/** What the whole machine is doing: who else wants the processor, and how much memory TCP holds. */

import { loadavg } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { readProc } from '@relayrace/fixtures/proc'
import type { NoiseRecord, WindowRecord } from '../report/results.ts'

export interface MachineState {
  readonly at: number
  /** Seconds of all processors, busy and stolen by the host. Null where /proc/stat is not to be had. */
  readonly busy: number | null
  readonly stolen: number | null
  readonly total: number | null
  /** Seconds in which some task had to wait for a processor. Null without pressure stall information. */
  readonly pressure: number | null
  /** Bytes of TCP buffers, of all sockets of this network namespace. */
  readonly tcpBytes: number | null
}

export function machineState(): MachineState {
  const cpu = /^cpu +(.*)$/m
    .exec(readProc('/proc/stat') ?? '')?.[1]
    ?.split(' ')
    .map(Number)
  const seconds = (...indexes: number[]): number | null =>
    cpu ? indexes.reduce((sum, index) => sum + (cpu[index] ?? 0), 0) / 100 : null
  const pressure = /^some .*total=(\d+)/m.exec(readProc('/proc/pressure/cpu') ?? '')?.[1]
  const pages = /^TCP: .* mem (\d+)/m.exec(readProc('/proc/net/sockstat') ?? '')?.[1]
  return {
    at: performance.now() / 1000,
    busy: seconds(0, 1, 2, 5, 6),
    stolen: seconds(7),
    total: seconds(0, 1, 2, 3, 4, 5, 6, 7),
    pressure: pressure === undefined ? null : Number(pressure) / 1e6,
    tcpBytes: pages === undefined ? null : Number(pages) * 4096,
  }
}

export function machineWindow(before: MachineState, after: MachineState): WindowRecord {
  const share = (part: 'busy' | 'stolen'): number | null => {
    const [from, to, start, end] = [before[part], after[part], before.total, after.total]
    if (from === null || to === null || start === null || end === null || end === start) return null
    // Sums of fractions may come out a hair above the whole.
    return Math.min(1, (to - from) / (end - start))
  }
  const pressed =
    before.pressure === null || after.pressure === null ? null : after.pressure - before.pressure
  return {
    load1: loadavg()[0] ?? 0,
    busyShare: share('busy'),
    stealShare: share('stolen'),
    pressureShare: pressed === null ? null : pressed / (after.at - before.at),
  }
}

/** Watches the machine for a while in which we do nothing ourselves. */
export async function listenForNoise(milliseconds: number): Promise<NoiseRecord> {
  const before = machineState()
  await wait(milliseconds)
  const window = machineWindow(before, machineState())
  return { ...window, objections: objections(window) }
}

/** Limits beyond which a run is not fit to be published. */
const noiseLimits = { busyShare: 0.05, stealShare: 0.01, pressureShare: 0.05 } as const

export function objections(window: WindowRecord): string[] {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
  const over = (share: number | null, limit: number, what: string): string[] =>
    share !== null && share > limit ? [`${what} ${percent(share)} of the time (limit ${percent(limit)})`] : []
  return [
    ...over(window.busyShare, noiseLimits.busyShare, 'other programs keep the processors busy'),
    ...over(window.stealShare, noiseLimits.stealShare, 'the host takes the processors away'),
    ...over(window.pressureShare, noiseLimits.pressureShare, 'tasks wait for a processor'),
  ]
}
