/** What a target has to stream under a limit. Each says how much it has carried in which time, and what went wrong. */

import type { Load } from '../load/drive.ts'
import { GiB, KiB, MiB, size } from '../scenarios/scenario.ts'
import type { JobRecord } from './results.ts'

export interface CeilingJob extends Omit<JobRecord, 'load'> {
  /** What the clients do, in words. `bytes` is the size of the large body. */
  load(bytes: number): string
  run(bytes: number, client: Client): Promise<Carried>
}

export interface Client {
  readonly url: URL
  /** A load generator: a process of its own, which is ended with the run. */
  load(): Load
}

export interface Carried {
  readonly bytes: number
  readonly seconds: number
  /** Empty is the only good answer. */
  readonly problems: Readonly<Record<string, number>>
}

const warmUp = (bytes: number): number => Math.min(bytes, 64 * MiB)

async function alone(client: Client, job: Parameters<Load['prepare']>[0]): Promise<Carried> {
  const load = client.load()
  const early = await load.prepare(job, client.url)
  if (Object.keys(early).length > 0) return { bytes: 0, seconds: 0, problems: early }
  return load.go(async () => {})
}

const download: CeilingJob = {
  name: 'download',
  title: 'One download',
  question: 'How little memory is enough to relay one large response at full speed?',
  load: (bytes) => `One client asks for ${size(bytes)} and takes it as fast as it comes.`,
  run: (bytes, client) => alone(client, { kind: 'download', streams: 1, bytes, warmUp: warmUp(bytes) }),
}

const upload: CeilingJob = {
  name: 'upload',
  title: 'One upload',
  question: 'How little memory is enough to relay one large request at full speed?',
  load: (bytes) => `One client sends ${size(bytes)} as fast as it is taken.`,
  run: (bytes, client) => alone(client, { kind: 'upload', bytes, warmUp: warmUp(bytes) }),
}

const together = 64

const parallel: CeilingJob = {
  name: `parallel-${together}`,
  title: `${together} downloads at once`,
  question: `How little memory is enough for ${together} large responses at a time?`,
  load: (bytes) =>
    `${together} clients ask for ${size(bytes / together)} each, ${size(bytes)} in all, and take it as fast as it comes.`,
  run: (bytes, client) =>
    alone(client, {
      kind: 'download',
      streams: together,
      bytes: Math.ceil(bytes / together),
      warmUp: warmUp(bytes),
    }),
}

const standing = 200
/** More than both hops hold in the kernel, and little enough for the disk of a proxy that stores what nobody reads. */
const unread = 16 * MiB

const stalled: CeilingJob = {
  name: `stalled-${standing}`,
  title: `One download beside ${standing} that stand still`,
  question: `How little memory is enough to serve one client at full speed while ${standing} have stopped reading?`,
  load: (bytes) =>
    `${standing} clients ask for ${size(unread)} each, read ${size(64 * KiB)} and stop. Then one client asks for ${size(bytes)} and takes it as fast as it comes; its speed counts. Then the others take ${size(64 * KiB)} more and leave.`,
  async run(bytes, client) {
    const stall = { kind: 'stall', streams: standing, bytes: unread, after: 64 * KiB, warmUp: MiB } as const
    const readers = client.load()
    const early = await readers.prepare(stall, client.url)
    if (Object.keys(early).length > 0) return { bytes: 0, seconds: 0, problems: early }
    let carried: Carried | undefined
    const { problems } = await readers.go(async () => {
      carried = await download.run(bytes, client)
    })
    const all = Object.entries(carried?.problems ?? { 'nothing stood still': 1 })
    for (const [problem, times] of Object.entries(problems))
      all.push([`a reader that had stopped: ${problem}`, times])
    return { bytes: carried?.bytes ?? 0, seconds: carried?.seconds ?? 0, problems: Object.fromEntries(all) }
  },
}

const slowly = 1000
/** As much as 1000 sockets may hold without driving the kernel to its limit for all TCP buffers. */
const slowBytes = MiB
const rate = 64 * KiB
const seconds = 10

const slow: CeilingJob = {
  name: `slow-${slowly}`,
  title: `${slowly} slow readers`,
  question: `How little memory is enough to keep ${slowly} slow readers supplied?`,
  load: () =>
    `${slowly} clients ask for ${size(slowBytes)} each. When all have begun they take ${size(rate)} a second at most, for ${seconds} s; then they leave. What they got in that time counts.`,
  run: (_, client) =>
    alone(client, { kind: 'slow', streams: slowly, bytes: slowBytes, rate, seconds, warmUp: MiB }),
}

export const ceilingJobs: readonly CeilingJob[] = [download, upload, parallel, stalled, slow]

export const usualBytes: number = GiB
