/**
 * Requests that come whether the ones before have been answered or not: an open loop. Each is due at a whole millisecond,
 * and its latency counts from then, however late it was sent.
 */

import { build, type Histogram } from 'hdr-histogram-js'
import { Problems } from './exchange.ts'
import { KeptConnection } from './kept.ts'
import type { LoadModule, Outcome } from './module.ts'
import { saturate } from './saturate.ts'

export interface Arrivals {
  readonly kind: 'arrivals'
  readonly connections: number
  /** Requests that do not count. */
  readonly warmUp: number
  /** Requests in a closed loop, after the warm-up, whose rate is what `shares` are of. */
  readonly search: number
  readonly shares: readonly number[]
  /** Of each share. */
  readonly seconds: number
  readonly bytes: number
}

/** Milliseconds. */
interface Answered {
  readonly latencies: Histogram
  /** How late requests were sent by this side. */
  readonly lateness: Histogram
  readonly right: number
}

/** Requests at a constant rate, over connections that are kept; those that find none free wait, and that counts. */
export async function arrive(
  url: URL,
  job: Pick<Arrivals, 'connections' | 'bytes' | 'seconds'>,
  rate: number,
  problems: Problems,
): Promise<Answered> {
  const latencies = build({ numberOfSignificantValueDigits: 3 })
  const lateness = build({ numberOfSignificantValueDigits: 3 })
  const amount = Math.max(1, Math.round(rate * job.seconds))
  const { promise: over, resolve } = Promise.withResolvers<void>()
  const waiting: number[] = []
  const free: Client[] = []
  const clients = new Set<Client>()
  let [arrived, answered, right] = [0, 0, 0]

  const newClient = (): Client => {
    const client: Client = {
      due: 0,
      connection: new KeptConnection(url, job.bytes, (problem) => {
        problems.add(problem)
        if (problem === undefined) {
          right++
          latencies.recordValue(microseconds(performance.now() - client.due))
        }
        if (++answered === amount) return resolve()
        if (problem !== undefined) client.connection.leave()
        free.push(client)
        serve()
      }),
    }
    clients.add(client)
    return client
  }
  const serve = (): void => {
    while (waiting.length > 0 && free.length > 0) {
      let client = free.pop() as Client
      if (client.connection.ended) {
        client.connection.leave()
        clients.delete(client)
        client = newClient()
      }
      client.due = waiting.shift() as number
      lateness.recordValue(microseconds(performance.now() - client.due))
      client.connection.ask()
    }
  }
  for (let count = 0; count < job.connections; count++) free.push(newClient())

  const started = performance.now()
  const timer = setInterval(() => {
    const whole = Math.floor(performance.now() - started)
    for (; arrived < amount; arrived++) {
      const due = Math.ceil((arrived / rate) * 1000)
      if (due > whole) break
      waiting.push(started + due)
    }
    serve()
  }, 1)
  await over
  clearInterval(timer)
  for (const { connection } of clients) connection.leave()
  return { latencies, lateness, right }
}

interface Client {
  readonly connection: KeptConnection
  due: number
}

const microseconds = (milliseconds: number): number => Math.max(1, Math.round(milliseconds * 1000))

export async function arrivals(url: URL, job: Arrivals, most: number): Promise<Outcome> {
  const problems = new Problems()
  const values: Record<string, number> = { most }
  const started = performance.now()
  let exchanges = 0
  for (const share of job.shares) {
    const { latencies, lateness, right } = await arrive(url, job, most * share, problems)
    exchanges += right
    const percent = Math.round(share * 100)
    for (const [name, q] of Object.entries({ median: 50, p99: 99, p999: 99.9 })) {
      values[`${name}At${percent}`] = latencies.getValueAtPercentile(q) / 1000
    }
    values[`lateAt${percent}`] = lateness.getValueAtPercentile(50) / 1000
  }
  const seconds = (performance.now() - started) / 1000
  return { seconds, bytes: exchanges * job.bytes, exchanges, problems: problems.counts, values }
}

export const arrivalsLoad: LoadModule<Arrivals> = {
  kind: 'arrivals',
  async warmUp(url, job) {
    const warm = await saturate(url, job, job.warmUp)
    return Object.keys(warm.problems).length > 0 ? warm : saturate(url, job, job.search)
  },
  perform: (url, job, _held, { exchanges, seconds }) => arrivals(url, job, exchanges / seconds),
}
