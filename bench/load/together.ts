/** Two loads at once: downloads beside readers that have stopped, and a download beside an upload. */

import { Problems } from './exchange.ts'
import type { LoadModule, Outcome } from './module.ts'
import { download, oneStream, stall } from './sink.ts'
import { upload } from './source.ts'

export interface Beside {
  readonly kind: 'beside'
  /** How many have stopped, and after how many bytes of how large a body. */
  readonly stalled: { readonly streams: number; readonly bytes: number; readonly after: number }
  readonly streams: number
  /** Bytes of each stream that is read. */
  readonly bytes: number
  readonly warmUp: number
}

export interface Both {
  readonly kind: 'both'
  /** In each direction. */
  readonly bytes: number
  readonly warmUp: number
}

/** Figures are those of the streams that are read; the stalled ones have to go on afterwards. */
export async function beside(url: URL, job: Beside): Promise<Outcome> {
  const { streams, bytes } = job
  let fast: Outcome | undefined
  const stopped = await stall(url, { kind: 'stall', ...job.stalled, warmUp: 0 }, async () => {
    fast = await download(url, { kind: 'download', streams, bytes, warmUp: 0 })
  })
  if (fast === undefined) return stopped
  return { ...fast, problems: merged({ stalled: stopped, read: fast }) }
}

export async function both(url: URL, job: Pick<Both, 'bytes'>): Promise<Outcome> {
  const [down, up] = await Promise.all([
    download(url, { kind: 'download', streams: 1, bytes: job.bytes, warmUp: 0 }),
    upload(url, job),
  ])
  const [fast, slow] = [Math.min(down.seconds, up.seconds), Math.max(down.seconds, up.seconds)]
  return {
    seconds: slow,
    bytes: down.bytes + up.bytes,
    exchanges: down.exchanges + up.exchanges,
    problems: merged({ download: down, upload: up }),
    values: { down: down.bytes / down.seconds, up: up.bytes / up.seconds, unevenness: slow / fast },
  }
}

function merged(outcomes: Readonly<Record<string, Outcome>>): Readonly<Record<string, number>> {
  const problems = new Problems()
  for (const [which, outcome] of Object.entries(outcomes)) {
    for (const [problem, times] of Object.entries(outcome.problems))
      problems.add(`${which}: ${problem}`, times)
  }
  return problems.counts
}

export const besideStalled: LoadModule<Beside> = {
  kind: 'beside',
  warmUp: oneStream,
  perform: (url, job) => beside(url, job),
  bytes: ({ streams, bytes }) => streams * bytes,
}

export const bothWays: LoadModule<Both> = {
  kind: 'both',
  warmUp: (url, { warmUp }) => both(url, { bytes: warmUp }),
  perform: (url, job) => both(url, job),
  bytes: ({ bytes }) => 2 * bytes,
}
