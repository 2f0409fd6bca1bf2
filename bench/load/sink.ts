/** The measuring client of downloads: takes a body as fast as it comes and compares every byte of it. */

import { Verifier } from '@relayrace/fixtures/payloads'
import { median } from '../statistics/describe.ts'
import { type Exchange, exchange, Problems } from './exchange.ts'
import { type LoadModule, type Outcome, silenceLimit } from './module.ts'

export interface Download {
  readonly kind: 'download'
  readonly streams: number
  /** Bytes of each stream. */
  readonly bytes: number
  readonly warmUp: number
  /** Chunks of this size in chunked coding, instead of a Content-Length. */
  readonly chunk?: number
}

export interface Stall {
  readonly kind: 'stall'
  readonly streams: number
  readonly bytes: number
  /** Each reader stops after this many bytes, and reads as many again when it is let go. */
  readonly after: number
  readonly warmUp: number
}

export interface Received {
  readonly bytes: number
  readonly problem: string | undefined
  /** Milliseconds from the request to the first byte of content. */
  readonly firstByte: number
  readonly startedAt: number
  readonly endedAt: number
}

export interface Wanted {
  readonly path: string
  readonly bytes: number
  readonly seed: number
}

/** One download. Its problem names the first thing that is not as it should be. */
export async function receive(url: URL, wanted: Wanted): Promise<Received> {
  const verifier = new Verifier(wanted.seed)
  const running = exchange(url, {
    path: wanted.path,
    body(slice) {
      verifier.update(slice)
      return true
    },
  })
  const { problem, head, firstByteAt, endedAt } = await running.ended
  const length = head?.fields.get('content-length')
  return {
    bytes: verifier.bytes,
    problem: problem ?? wrongWith(verifier, wanted.bytes, length),
    firstByte: (firstByteAt ?? endedAt) - running.startedAt,
    startedAt: running.startedAt,
    endedAt,
  }
}

function wrongWith(verifier: Verifier, bytes: number, length: string | undefined): string | undefined {
  if (!verifier.intact) return 'wrong bytes'
  if (verifier.bytes !== bytes) return 'wrong length'
  if (length !== undefined && Number(length) !== bytes) return 'wrong content-length'
  return undefined
}

export const bytesPath = (bytes: number, seed: number, chunk?: number): string =>
  `/bytes/${bytes}?seed=${seed}${chunk === undefined ? '' : `&chunked=1&chunk=${chunk}`}`

export async function download(url: URL, job: Download): Promise<Outcome> {
  const problems = new Problems()
  const streams = await Promise.all(
    Array.from({ length: job.streams }, (_, index) => {
      const seed = index + 1
      return receive(url, { path: bytesPath(job.bytes, seed, job.chunk), bytes: job.bytes, seed })
    }),
  )
  for (const { problem } of streams) problems.add(problem)
  const good = streams.filter(({ problem }) => problem === undefined)
  const started = Math.min(...streams.map(({ startedAt }) => startedAt))
  const times = streams.map(({ endedAt }) => endedAt - started)
  return {
    seconds: Math.max(...times) / 1000,
    bytes: good.reduce((sum, { bytes }) => sum + bytes, 0),
    exchanges: good.length,
    problems: problems.counts,
    values: {
      firstByte: median(streams.map(({ firstByte }) => firstByte)),
      firstByteWorst: Math.max(...streams.map(({ firstByte }) => firstByte)),
      unevenness: Math.max(...times) / Math.min(...times),
    },
  }
}

/** Readers that stop. `held` is awaited while all stand still; then each reads as much again and leaves. */
export async function stall(
  url: URL,
  job: Stall,
  held: () => Promise<void>,
  patience: number = usualPatience,
): Promise<Outcome> {
  const problems = new Problems()
  const started = performance.now()
  const readers = Array.from({ length: job.streams }, (_, index) =>
    stoppingReader(url, job, index + 1, patience),
  )
  for (const { stopped } of readers) {
    // As long as one after the other begins, the proxy is slow, and no queue is in the way.
    void stopped.then(() => {
      for (const reader of readers) reader.waitAnew()
    })
  }
  await Promise.all(readers.map(({ stopped }) => stopped))
  await held()
  for (const reader of readers) reader.resume()
  const results = await Promise.all(readers.map(({ result }) => result))
  for (const { problem } of results) problems.add(problem)
  return {
    seconds: (performance.now() - started) / 1000,
    bytes: results.reduce((sum, { bytes, problem }) => sum + (problem === undefined ? bytes : 0), 0),
    exchanges: results.filter(({ problem }) => problem === undefined).length,
    problems: problems.counts,
    values: {},
  }
}

/** A proxy that stores what nobody reads is busy with that when the next stream should begin. */
export const usualPatience: number = 3 * silenceLimit

interface StoppingReader {
  /** Resolves when it has stopped reading, or has failed before. */
  readonly stopped: Promise<void>
  readonly result: Promise<{ bytes: number; problem: string | undefined }>
  /** Patience begins again, if the stream has not begun. */
  waitAnew(): void
  resume(): void
}

function stoppingReader(url: URL, job: Stall, seed: number, patience: number): StoppingReader {
  const verifier = new Verifier(seed)
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>()
  let until = job.after
  const reader: Exchange = exchange(url, {
    path: bytesPath(job.bytes, seed),
    patience,
    body(slice) {
      verifier.update(slice)
      if (verifier.bytes < until) return true
      if (until > job.after) reader.leave()
      else {
        reader.socket.setTimeout(0)
        stop()
      }
      return false
    },
  })
  const result = reader.ended.then(({ problem }) => {
    stop()
    if (problem !== undefined) return { bytes: verifier.bytes, problem }
    if (!verifier.intact) return { bytes: verifier.bytes, problem: 'wrong bytes' }
    return { bytes: verifier.bytes, problem: verifier.bytes < until ? 'wrong length' : undefined }
  })
  return {
    stopped,
    result,
    waitAnew() {
      if (verifier.bytes === 0) reader.socket.setTimeout(patience)
    },
    resume() {
      until = verifier.bytes + job.after
      reader.resume()
    },
  }
}

export const downloads: LoadModule<Download> = {
  kind: 'download',
  warmUp: (url, job) => download(url, { ...job, bytes: Math.ceil(job.warmUp / job.streams) }),
  perform: download,
  bytes: ({ streams, bytes }) => streams * bytes,
}

/** One stream that is read is enough to warm up those that are not. */
export const oneStream = (url: URL, { warmUp }: { readonly warmUp: number }): Promise<Outcome> =>
  download(url, { kind: 'download', streams: 1, bytes: warmUp, warmUp: 0 })

export const stalls: LoadModule<Stall> = {
  kind: 'stall',
  warmUp: oneStream,
  perform: (url, job, held) => stall(url, job, held),
}
