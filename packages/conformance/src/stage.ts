/** What a case gets to work with, for one run. */

import { setTimeout as passing } from 'node:timers/promises'
import { frozen, openDescriptors, residentMemory } from '@relayrace/fixtures/proc'
import { seeded } from '@relayrace/fixtures/random'
import {
  atLimit,
  type Client,
  connect,
  type DeliveryName,
  delivery,
  Late,
  type Origin,
  type Transcript,
} from '@relayrace/fixtures/wire'
import type { Stage } from './case.ts'
import { complete, Failed } from './expect.ts'
import { anotherRequest } from './ledger.ts'

export interface StageOptions {
  readonly origin: Origin
  readonly target: URL
  readonly pid: number | undefined
  readonly record: Transcript
  readonly delivery: DeliveryName
  readonly seed: number
  readonly signal: AbortSignal
  /** What the target has written to standard output, if that can be seen. */
  readonly stdout: () => string
  readonly terminate: () => Promise<void>
}

export interface SetStage extends Stage {
  /** Every client of this run, so that none is left behind. */
  readonly clients: readonly Client[]
  /** Whether a pause of this run took much longer than the case said: what followed was judged at another time. */
  readonly overslept: () => boolean
}

export function setStage(options: StageOptions): SetStage {
  const { origin, target, pid, record, delivery: name, seed, signal, stdout, terminate } = options
  const clients: Client[] = []
  let overslept = false
  const cuts = delivery(name, seeded(seed + 1))
  const stage: SetStage = {
    clients,
    overslept: () => overslept,
    target,
    origin,
    delivery: name,
    random: seeded(seed),
    signal,
    async connect(options = {}) {
      const id = clients.length + 1
      const client = await connect(target, { ...options, id, signal, delivery: cuts, transcript: record })
      clients.push(client)
      return client
    },
    recover: (client) => anotherRequest(origin, client),
    async ask(request, { client, to = 'GET' } = {}) {
      const asking = client ?? (await stage.connect())
      asking.send(request)
      const response = asking.response({ to })
      const over = new AbortController()
      const byItself = response.then(
        () => undefined,
        () => undefined,
      )
      const exchange = await Promise.race([origin.request({ signal: over.signal }), byItself])
      over.abort()
      return { client: asking, exchange, response }
    },
    async exchange(request, response, options) {
      const asked = await stage.ask(request, options)
      const { client, exchange } = asked
      if (!exchange) throw new Failed(`it answered without asking the origin: ${await asked.response}`)
      const arrived = complete(await exchange.done(), 'the request at the origin')
      exchange.send(response)
      return { client, request: arrived, response: await asked.response }
    },
    async pass(ms) {
      const begun = performance.now()
      await passing(ms)
      if (performance.now() - begun > ms + sleepy) overslept = true
    },
    async logged(path) {
      let over = false
      const forget = atLimit(patience, () => {
        over = true
      })
      for (; !over; await passing(10)) {
        const [found, ...more] = linesOf(stdout()).filter((line) => line.target === path)
        if (more.length > 0) throw new Failed(`it logged ${more.length + 1} lines about ${path}`)
        if (!found) continue
        forget()
        return found
      }
      throw new Late(`it logged nothing about ${path} within ${patience} ms`)
    },
    terminate,
    frozen: (action) => frozen(pid, action),
    memory: async () => residentMemory(pid),
    descriptors: async () => openDescriptors(pid),
  }
  return stage
}

/** How late a pause may end, in milliseconds. */
const sleepy = 100

/** How long a line of the log may take. */
const patience = 4000

function linesOf(text: string): Readonly<Record<string, unknown>>[] {
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return []
    try {
      return [JSON.parse(line)]
    } catch {
      return []
    }
  })
}
