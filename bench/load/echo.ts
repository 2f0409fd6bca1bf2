/** Full duplex: sends a chunk of the request body and waits for it in the response body before it sends the next. */

import { once } from 'node:events'
import { slice, Verifier } from '@relayrace/fixtures/payloads'
import { quantile } from '../statistics/describe.ts'
import { exchange, Problems } from './exchange.ts'
import type { LoadModule, Outcome } from './module.ts'

export interface Echo {
  readonly kind: 'echo'
  readonly trips: number
  readonly bytes: number
  readonly warmUp: number
}

const seed = 1

/** A relay that waits for the end of the request before it answers is not full duplex; no need to wait for long. */
const patience = 3_000

/** A relay that holds each chunk back for a while shows so in a few turns. */
const longest = 4_000

export async function echo(
  url: URL,
  job: Echo,
  count: number = job.trips,
  limit: number = longest,
): Promise<Outcome> {
  const problems = new Problems()
  const verifier = new Verifier(seed)
  const trips: number[] = []
  const started = performance.now()
  let sentAt = 0
  let ended = false

  const running = exchange(url, {
    path: '/echo',
    method: 'POST',
    fields: ['Transfer-Encoding: chunked', 'Content-Type: application/octet-stream'],
    patience,
    body(part) {
      verifier.update(part)
      if (verifier.bytes === (trips.length + 1) * job.bytes) {
        trips.push(performance.now() - sentAt)
        sendNext()
      }
      return true
    },
  })
  const sendNext = (): void => {
    if (trips.length === count || performance.now() - started > limit) {
      ended = true
      running.socket.write('0\r\n\r\n')
      return
    }
    const piece = slice(trips.length * job.bytes, job.bytes, seed)
    sentAt = performance.now()
    running.socket.cork()
    running.socket.write(`${job.bytes.toString(16)}\r\n`)
    running.socket.write(piece)
    running.socket.write('\r\n')
    running.socket.uncork()
  }
  await Promise.race([once(running.socket, 'connect').catch(() => undefined), running.ended])
  if (!running.socket.destroyed) sendNext()

  const { problem } = await running.ended
  const verdict = problem ?? (ended ? wrongWith(verifier, trips.length * job.bytes) : 'wrong length')
  problems.add(verdict)
  return {
    seconds: (performance.now() - started) / 1000,
    bytes: verifier.bytes,
    exchanges: verdict === undefined ? trips.length : 0,
    problems: problems.counts,
    values: { tripMedian: quantile(trips, 0.5), trip99: quantile(trips, 0.99) },
  }
}

function wrongWith(verifier: Verifier, bytes: number): string | undefined {
  if (!verifier.intact) return 'wrong bytes'
  return verifier.bytes === bytes ? undefined : 'wrong length'
}

export const echoes: LoadModule<Echo> = {
  kind: 'echo',
  warmUp: (url, job) => echo(url, job, job.warmUp, 1_000),
  perform: (url, job) => echo(url, job),
}
