/** As many small requests as can be had: each connection asks again as soon as it has its answer. */

import { Problems } from './exchange.ts'
import { KeptConnection } from './kept.ts'
import type { LoadModule, Outcome } from './module.ts'

export interface Saturate {
  readonly kind: 'saturate'
  readonly connections: number
  readonly amount: number
  /** Requests. */
  readonly warmUp: number
  /** Of each response. */
  readonly bytes: number
}

export async function saturate(
  url: URL,
  { connections, bytes }: Pick<Saturate, 'connections' | 'bytes'>,
  amount: number,
): Promise<Outcome> {
  const problems = new Problems()
  const { promise: over, resolve } = Promise.withResolvers<void>()
  const started = performance.now()
  let [asked, answered, right] = [0, 0, 0]

  const work = (): void => {
    if (asked === amount) return
    const connection = new KeptConnection(url, bytes, (problem) => {
      problems.add(problem)
      if (problem === undefined) right++
      if (++answered === amount) return resolve()
      if (asked === amount) return connection.leave()
      if (connection.ended || problem !== undefined) {
        connection.leave()
        // Not at once: one that nobody accepts would fill the stack.
        return void setImmediate(work)
      }
      asked++
      connection.ask()
    })
    asked++
    open.push(connection)
    connection.ask()
  }
  const open: KeptConnection[] = []
  for (let count = 0; count < Math.min(connections, amount); count++) work()
  await over
  const seconds = (performance.now() - started) / 1000
  for (const connection of open) connection.leave()
  return { seconds, bytes: right * bytes, exchanges: right, problems: problems.counts, values: {} }
}

export const saturation: LoadModule<Saturate> = {
  kind: 'saturate',
  warmUp: (url, job) => saturate(url, job, job.warmUp),
  perform: (url, job) => saturate(url, job, job.amount),
}
