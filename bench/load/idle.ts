/** Clients that ask for a little, keep their connection, and ask again later. */

import { Problems } from './exchange.ts'
import { KeptConnection } from './kept.ts'
import type { LoadModule, Outcome } from './module.ts'
import { requests } from './requests.ts'

export interface Idle {
  readonly kind: 'idle'
  readonly connections: number
  /** Of each response. */
  readonly bytes: number
  /** Requests. */
  readonly warmUp: number
}

const notKept = 'the connection was not kept'

/** `held` is awaited while all connections are idle. */
export async function idle(url: URL, job: Idle, held: () => Promise<void>): Promise<Outcome> {
  const problems = new Problems()
  const started = performance.now()
  const clients: KeptClient[] = []
  let good = 0
  const ask = async (client: KeptClient): Promise<void> => {
    const problem = await client.ask()
    problems.add(problem)
    if (problem === undefined) good++
  }
  // One after another: what is measured is what they leave behind, not a burst of them.
  for (let count = 0; count < job.connections; count++) {
    const client = keptClient(url, job.bytes)
    clients.push(client)
    await ask(client)
  }
  await held()
  for (const client of clients) {
    await ask(client)
    client.leave()
  }
  return {
    seconds: (performance.now() - started) / 1000,
    bytes: good * job.bytes,
    exchanges: good,
    problems: problems.counts,
    values: {},
  }
}

interface KeptClient {
  /** Resolves to what was wrong with the response, if anything was. */
  ask(): Promise<string | undefined>
  leave(): void
}

function keptClient(url: URL, bytes: number): KeptClient {
  let resolve: (problem: string | undefined) => void = () => {}
  let asked = 0
  const connection = new KeptConnection(url, bytes, (problem) =>
    resolve(problem === 'no response' && asked > 1 ? notKept : problem),
  )
  return {
    async ask() {
      asked++
      if (connection.ended) return notKept
      const answer = Promise.withResolvers<string | undefined>()
      resolve = answer.resolve
      connection.ask()
      return answer.promise
    },
    leave: () => connection.leave(),
  }
}

export const idleConnections: LoadModule<Idle> = {
  kind: 'idle',
  warmUp: (url, job) => requests(url, { ...job, kind: 'requests', connections: 1, amount: job.warmUp }),
  perform: idle,
}
