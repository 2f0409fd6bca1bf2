/** The load generator's process: takes a job, warms the target up, waits for the word, does the job, reports. */

import { echo } from './echo.ts'
import { events } from './events.ts'
import { Problems } from './exchange.ts'
import { idle } from './idle.ts'
import type { Job, Order, Outcome, Report } from './job.ts'
import { requests } from './requests.ts'
import { download, stall } from './sink.ts'
import { slow } from './slow.ts'
import { upload } from './source.ts'

const say = (report: Report): void => void process.send?.(report)

async function order(expected: Order['do']): Promise<Order> {
  const { promise, resolve } = Promise.withResolvers<Order>()
  process.once('message', (message) => resolve(message as Order))
  const received = await promise
  if (received.do !== expected) throw new Error(`expected ${expected}, was told ${received.do}`)
  return received
}

const warmUp = (url: URL, job: Job): Promise<Outcome> => {
  switch (job.kind) {
    case 'download':
    case 'slow':
    case 'stall': {
      const { chunk } = job as { chunk?: number }
      const bytes = Math.ceil(job.warmUp / job.streams)
      const streams = job.kind === 'download' ? job.streams : 1
      return download(url, {
        kind: 'download',
        streams,
        bytes,
        warmUp: 0,
        ...(chunk !== undefined && { chunk }),
      })
    }
    case 'upload':
      return upload(url, { bytes: job.warmUp })
    case 'requests':
      return requests(url, job, job.warmUp)
    case 'idle':
      return requests(url, { ...job, kind: 'requests', connections: 1, amount: job.warmUp })
    case 'events':
      return events(url, { ...job, streams: 1 }, 5)
    case 'echo':
      return echo(url, job, job.warmUp, 1_000)
  }
}

/** Everything stands still, to be looked at, until there is the word to go on. */
const held = async (): Promise<void> => {
  const next = order('go')
  say({ at: 'held' })
  await next
}

const perform = (url: URL, job: Job): Promise<Outcome> => {
  switch (job.kind) {
    case 'download':
      return download(url, job)
    case 'stall':
      return stall(url, job, held)
    case 'slow':
      return slow(url, job)
    case 'upload':
      return upload(url, job)
    case 'requests':
      return requests(url, job)
    case 'idle':
      return idle(url, job, held)
    case 'events':
      return events(url, job)
    case 'echo':
      return echo(url, job)
  }
}

// The parent decides when this ends; a Ctrl-C goes to it as well.
process.on('SIGINT', () => {})
process.on('disconnect', () => process.exit(1))

const prepared = await order('prepare')
if (prepared.do !== 'prepare') throw new Error('unreachable')
const url = new URL(prepared.url)
const { problems } = await warmUp(url, prepared.job)
const go = order('go')
say({ at: 'ready', problems })
await go
const outcome: Outcome = await perform(url, prepared.job).catch((error: unknown) => {
  const broken = new Problems()
  broken.add(`the load generator failed: ${error}`)
  return { seconds: 0, bytes: 0, exchanges: 0, problems: broken.counts, values: {} }
})
// Stays until the parent has read off what this process has used.
process.channel?.ref()
say({ at: 'done', outcome })
