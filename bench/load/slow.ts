/** Readers that are slow: each takes no more than its rate for a while, compares every byte, and leaves. */

import { Verifier } from '@relayrace/fixtures/payloads'
import { type Exchange, exchange, Problems } from './exchange.ts'
import type { Outcome, Slow } from './job.ts'
import { bytesPath } from './sink.ts'

/** Milliseconds between two looks at who may read on. */
const step = 50

export async function slow(url: URL, job: Slow): Promise<Outcome> {
  const problems = new Problems()
  const started = performance.now()
  const readers = Array.from({ length: job.streams }, (_, index) => slowReader(url, job, index + 1, started))
  const timer = setInterval(() => {
    for (const reader of readers) reader.readOn()
  }, step)
  const { promise: over, resolve } = Promise.withResolvers<void>()
  const end = setTimeout(resolve, job.seconds * 1000)
  // Who has failed needs no more time.
  await Promise.race([over, Promise.all(readers.map(({ result }) => result))])
  clearInterval(timer)
  clearTimeout(end)
  const seconds = (performance.now() - started) / 1000
  for (const reader of readers) reader.leave()
  const results = await Promise.all(readers.map(({ result }) => result))
  for (const { problem } of results) problems.add(problem)
  const good = results.filter(({ problem }) => problem === undefined)
  return {
    seconds,
    bytes: good.reduce((sum, { bytes }) => sum + bytes, 0),
    exchanges: good.length,
    problems: problems.counts,
    values: {},
  }
}

interface SlowReader {
  readonly result: Promise<{ bytes: number; problem: string | undefined }>
  readOn(): void
  leave(): void
}

function slowReader(url: URL, job: Slow, seed: number, started: number): SlowReader {
  const verifier = new Verifier(seed)
  const due = (): number => ((performance.now() - started) / 1000) * job.rate
  let waiting = false
  const reader: Exchange = exchange(url, {
    path: bytesPath(job.bytes, seed),
    most: Math.max(1024, Math.min(64 * 1024, Math.floor(job.rate / 4))),
    body(slice) {
      verifier.update(slice)
      waiting = verifier.bytes > due()
      return !waiting
    },
  })
  const result = reader.ended.then(({ problem }) => {
    const { bytes, intact } = verifier
    if (problem !== undefined) return { bytes, problem }
    if (!intact) return { bytes, problem: 'wrong bytes' }
    return { bytes, problem: bytes === 0 ? 'did not begin' : undefined }
  })
  return {
    result,
    readOn() {
      if (!waiting || verifier.bytes > due()) return
      waiting = false
      reader.resume()
    },
    leave: () => reader.leave(),
  }
}
