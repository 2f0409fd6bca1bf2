/** Readers of live event streams: how long after it was sent does an event arrive? */

import type { SentEvent } from '@relayrace/fixtures/origin'
import { quantile } from '../statistics/describe.ts'
import { exchange, Problems } from './exchange.ts'
import type { LoadModule, Outcome } from './module.ts'

export interface Events {
  readonly kind: 'events'
  readonly streams: number
  readonly count: number
  /** Milliseconds between two events of one stream. */
  readonly interval: number
}

export async function events(url: URL, job: Events, count: number = job.count): Promise<Outcome> {
  const problems = new Problems()
  const started = performance.now()
  const streams = await Promise.all(
    Array.from({ length: job.streams }, () => listen(url, job.interval, count)),
  )
  for (const { problem } of streams) problems.add(problem)
  const delays = streams.flatMap((stream) => stream.delays)
  return {
    seconds: (performance.now() - started) / 1000,
    bytes: 0,
    exchanges: streams.filter(({ problem }) => problem === undefined).length,
    problems: problems.counts,
    values: {
      delayMedian: quantile(delays, 0.5),
      delay99: quantile(delays, 0.99),
      delayWorst: quantile(delays, 1),
      events: delays.length,
    },
  }
}

interface Heard {
  readonly problem: string | undefined
  /** Milliseconds between sending and arrival, event by event. */
  readonly delays: readonly number[]
}

async function listen(url: URL, interval: number, count: number): Promise<Heard> {
  const delays: number[] = []
  let inOrder = true
  let text = ''
  const { ended } = exchange(url, {
    path: `/events?interval=${interval}&count=${count}`,
    fields: ['Accept: text/event-stream'],
    body(slice) {
      // The origin's clock is the machine's monotonic one, and so is ours.
      const now = Number(process.hrtime.bigint()) / 1e6
      text += slice.toString('latin1')
      const parts = text.split('\n\n')
      text = parts.pop() ?? ''
      for (const part of parts) {
        const data = part.split('\n').find((line) => line.startsWith('data: '))
        const event = JSON.parse(data?.slice('data: '.length) ?? '{}') as Partial<SentEvent>
        if (event.index !== delays.length) inOrder = false
        delays.push(now - (event.sentAt ?? Number.NaN))
      }
      return true
    },
  })
  const { problem } = await ended
  if (problem !== undefined) return { problem, delays }
  if (!inOrder) return { problem: 'wrong order', delays }
  return { problem: delays.length === count ? undefined : 'wrong length', delays }
}

export const liveEvents: LoadModule<Events> = {
  kind: 'events',
  warmUp: (url, job) => events(url, { ...job, streams: 1 }, 5),
  perform: (url, job) => events(url, job),
}
