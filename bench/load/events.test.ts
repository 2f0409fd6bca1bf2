import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { expect, test } from 'vitest'
import { serve } from './broken.ts'
import { events } from './events.ts'

const job = { kind: 'events', streams: 1, count: 3, interval: 5 } as const
const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n'
const now = (): number => Number(process.hrtime.bigint()) / 1e6
const event = (index: number, late = 0): string =>
  `data: ${JSON.stringify({ index, sentAt: now() - late })}\n\n`

test('delays are in milliseconds', async () => {
  await using server = await serve((socket) => {
    socket.end(`${head}${event(0, 5_000)}${event(1, 5_000)}${event(2, 5_000)}`)
  })
  const { problems, values, exchanges } = await events(server.url, job)
  expect([problems, exchanges, values.events]).toEqual([{}, 1, 3])
  for (const delay of [values.delayMedian, values.delay99, values.delayWorst]) {
    expect(delay).toBeGreaterThanOrEqual(5_000)
    expect(delay).toBeLessThan(50_000)
  }
})

test('of an origin they are no longer than all of it took', async () => {
  await using origin = await startBulkOrigin()
  const { problems, values, seconds } = await events(origin.url, job)
  expect(problems).toEqual({})
  expect(values.delayWorst).toBeGreaterThanOrEqual(0)
  expect(values.delayWorst).toBeLessThan(seconds * 1000)
})

test.each([
  ['wrong order', () => event(0) + event(2) + event(1)],
  ['wrong length', () => event(0) + event(1)],
])('%s is seen', async (problem, content) => {
  await using server = await serve((socket) => {
    socket.end(`${head}${content()}`)
  })
  const { problems, exchanges } = await events(server.url, job)
  expect([problems, exchanges]).toEqual([{ [problem]: 1 }, 0])
})
