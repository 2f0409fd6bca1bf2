/** The first client of a target that has just been started: asks once, sees it at rest, and asks once more. */

import { Problems } from './exchange.ts'
import type { LoadModule, Outcome } from './module.ts'
import { bytesPath, receive } from './sink.ts'

export interface First {
  readonly kind: 'first'
  /** Of each response. */
  readonly bytes: number
  /** Requests that warm up the client; whom it asks then is not the target. */
  readonly warmUp: number
}

const seed = 1
const ask = (url: URL, bytes: number) => receive(url, { path: bytesPath(bytes, seed), bytes, seed })

/** `held` is awaited when the first answer has come. `answeredAt` is when it began, in milliseconds of `process.hrtime`. */
export async function first(url: URL, { bytes }: First, held: () => Promise<void>): Promise<Outcome> {
  const problems = new Problems()
  const answer = await ask(url, bytes)
  const ago = performance.now() - (answer.startedAt + answer.firstByte)
  const answeredAt = Number(process.hrtime.bigint()) / 1e6 - ago
  problems.add(answer.problem)
  await held()
  const again = await ask(url, bytes)
  problems.add(again.problem && `afterwards: ${again.problem}`)
  const right = [answer, again].filter(({ problem }) => problem === undefined).length
  return {
    seconds: (answer.endedAt - answer.startedAt) / 1000,
    bytes: right * bytes,
    exchanges: right,
    problems: problems.counts,
    values: { answeredAt },
  }
}

export const firstAnswers: LoadModule<First> = {
  kind: 'first',
  async warmUp(url, { bytes, warmUp }) {
    const problems = new Problems()
    for (let count = 0; count < warmUp; count++) problems.add((await ask(url, bytes)).problem)
    return { seconds: 0, bytes: 0, exchanges: warmUp, problems: problems.counts, values: {} }
  },
  perform: first,
}
