/**
 * Readers that are slow: when all have begun, each takes no more than its rate for a while, compares every byte, and
 * leaves.
 */

import { Verifier } from '@relayrace/fixtures/payloads'
import { type Exchange, exchange, Problems } from './exchange.ts'
import type { LoadModule, Outcome } from './module.ts'
import { bytesPath, oneStream, usualPatience } from './sink.ts'

export interface Slow {
  readonly kind: 'slow'
  readonly streams: number
  readonly bytes: number
  /** Bytes per second that each reader takes at most. */
  readonly rate: number
  /** How long they read, once all have begun, before they leave. */
  readonly seconds: number
  readonly warmUp: number
}

/** Each payload is kept in memory, here and at the origin: one of its own for each of a thousand would be gigabytes. */
const payloads = 8

/** Milliseconds between two looks at who may read on. */
const step = 50

/** `held` is awaited while they read on; what they take meanwhile does not count. */
export async function slow(
  url: URL,
  job: Slow,
  patience: number = usualPatience,
  held: () => Promise<void> = async () => {},
): Promise<Outcome> {
  const problems = new Problems()
  const readers = Array.from({ length: job.streams }, (_, index) =>
    slowReader(url, job, 1 + (index % payloads), patience),
  )
  for (const { begun } of readers) {
    // As long as one after the other begins, the proxy is slow, and no queue is in the way.
    void begun.then(() => {
      for (const reader of readers) reader.waitAnew()
    })
  }
  await Promise.all(readers.map(({ begun }) => begun))

  const started = performance.now()
  const before = readers.reduce((sum, { bytes }) => sum + bytes(), 0)
  const timer = setInterval(() => {
    const due = ((performance.now() - started) / 1000) * job.rate
    for (const reader of readers) reader.readUpTo(due)
  }, step)
  const { promise: over, resolve } = Promise.withResolvers<void>()
  const end = setTimeout(resolve, job.seconds * 1000)
  // When all have failed there is nothing to wait for.
  await Promise.race([over, Promise.all(readers.map(({ result }) => result))])
  clearTimeout(end)
  const seconds = (performance.now() - started) / 1000
  const bytes = readers.reduce((sum, one) => sum + one.bytes(), -before)
  await held()
  clearInterval(timer)
  for (const reader of readers) reader.leave()

  const results = await Promise.all(readers.map(({ result }) => result))
  for (const { problem } of results) problems.add(problem)
  return {
    seconds,
    bytes,
    exchanges: results.filter(({ problem }) => problem === undefined).length,
    problems: problems.counts,
    values: {},
  }
}

interface SlowReader {
  /** Resolves when it has got something, or has failed. */
  readonly begun: Promise<void>
  readonly result: Promise<{ bytes: number; problem: string | undefined }>
  bytes(): number
  /** Patience begins again, if the stream has not begun. */
  waitAnew(): void
  readUpTo(due: number): void
  leave(): void
}

function slowReader(url: URL, job: Slow, seed: number, patience: number): SlowReader {
  const verifier = new Verifier(seed)
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  let due = 0
  let waiting = false
  const reader: Exchange = exchange(url, {
    path: bytesPath(job.bytes, seed),
    patience,
    most: Math.max(1024, Math.min(64 * 1024, Math.floor(job.rate / 4))),
    body(slice) {
      verifier.update(slice)
      begin()
      waiting = verifier.bytes > due
      return !waiting
    },
  })
  const result = reader.ended.then(({ problem }) => {
    begin()
    const { bytes, intact } = verifier
    if (problem !== undefined) return { bytes, problem }
    return { bytes, problem: intact ? undefined : 'wrong bytes' }
  })
  return {
    begun,
    result,
    bytes: () => verifier.bytes,
    waitAnew() {
      if (verifier.bytes === 0) reader.socket.setTimeout(patience)
    },
    readUpTo(now) {
      due = now
      if (!waiting || verifier.bytes > due) return
      waiting = false
      reader.resume()
    },
    leave: () => reader.leave(),
  }
}

export const slowReaders: LoadModule<Slow> = {
  kind: 'slow',
  warmUp: oneStream,
  perform: (url, job, held) => slow(url, job, usualPatience, held),
}
