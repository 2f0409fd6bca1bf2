/** Clients that leave in the middle: some before there is an answer, some in its body. */

import { Verifier } from '@relayrace/fixtures/payloads'
import { exchange, inLanes, Problems } from './exchange.ts'
import type { LoadModule, Outcome } from './module.ts'
import { bytesPath, download, oneStream } from './sink.ts'

export interface Leave {
  readonly kind: 'leave'
  readonly clients: number
  readonly atATime: number
  /** Of each body. */
  readonly bytes: number
  /** Each client leaves after so many bytes, by turns; with 0 as soon as it has asked. */
  readonly after: readonly number[]
  readonly warmUp: number
}

/** `held` is awaited when all have left. Then one asks for a body and gets it. */
export async function leave(url: URL, job: Leave, held: () => Promise<void>): Promise<Outcome> {
  const problems = new Problems()
  const started = performance.now()
  let [left, bytes] = [0, 0]
  const one = async (nth: number): Promise<void> => {
    const taken = await leaveAfter(url, job.bytes, job.after[nth % job.after.length] ?? 0)
    problems.add(taken.problem)
    if (taken.problem === undefined) left++
    bytes += taken.bytes
  }
  await inLanes(job.clients, Array(job.atATime).fill(one))
  const seconds = (performance.now() - started) / 1000
  await held()
  const last = await download(url, { kind: 'download', streams: 1, bytes: job.warmUp, warmUp: 0 })
  for (const [problem, times] of Object.entries(last.problems)) problems.add(`afterwards: ${problem}`, times)
  return { seconds, bytes, exchanges: left, problems: problems.counts, values: {} }
}

async function leaveAfter(
  url: URL,
  bytes: number,
  after: number,
): Promise<{ readonly bytes: number; readonly problem: string | undefined }> {
  const verifier = new Verifier(1)
  const running = exchange(url, {
    path: bytesPath(bytes, 1),
    body(slice) {
      verifier.update(slice)
      if (verifier.bytes < after) return true
      running.leave()
      return false
    },
  })
  if (after === 0) {
    // Behind the request, so that it is on its way.
    running.socket.once('connect', () => running.socket.write('', () => running.leave()))
  }
  const { problem } = await running.ended
  if (problem !== undefined) return { bytes: verifier.bytes, problem }
  return { bytes: verifier.bytes, problem: verifier.intact ? undefined : 'wrong bytes' }
}

export const leavers: LoadModule<Leave> = { kind: 'leave', warmUp: oneStream, perform: leave }
