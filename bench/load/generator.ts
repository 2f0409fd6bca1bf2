/** The load generator's process: takes a job, warms the target up, waits for the word, does the job, reports. */

import { Problems } from './exchange.ts'
import { loads } from './index.ts'
import type { Job, Order, Report } from './job.ts'
import type { LoadModule, Outcome } from './module.ts'

const say = (report: Report): void => void process.send?.(report)

async function order(expected: Order['do']): Promise<Order> {
  const { promise, resolve } = Promise.withResolvers<Order>()
  process.once('message', (message) => resolve(message as Order))
  const received = await promise
  if (received.do !== expected) throw new Error(`expected ${expected}, was told ${received.do}`)
  return received
}

/** Everything stands still, to be looked at, until there is the word to go on. */
const held = async (): Promise<void> => {
  const next = order('go')
  say({ at: 'held' })
  await next
}

// The parent decides when this ends; a Ctrl-C goes to it as well.
process.on('SIGINT', () => {})
process.on('disconnect', () => process.exit(1))

const prepared = await order('prepare')
if (prepared.do !== 'prepare') throw new Error('unreachable')
const { job, url: before } = prepared
const load = loads.find(({ kind }) => kind === job.kind) as LoadModule<Job>
const warmed = await load.warmUp(new URL(before), job)
const go = order('go')
say({ at: 'ready', problems: warmed.problems })
const told = await go
const at = (told.do === 'go' ? told.url : undefined) ?? before
const outcome: Outcome = await load.perform(new URL(at), job, held, warmed).catch((error: unknown) => {
  const broken = new Problems()
  broken.add(`the load generator failed: ${error}`)
  return { seconds: 0, bytes: 0, exchanges: 0, problems: broken.counts, values: {} }
})
// Stays until the parent has read off what this process has used.
process.channel?.ref()
say({ at: 'done', outcome })
