import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { slice } from '@relayrace/fixtures/payloads'
import { expect, test } from 'vitest'
import { head, serve } from './broken.ts'
import { leave } from './leave.ts'
import { slow } from './slow.ts'
import { beside, both } from './together.ts'

const MiB = 2 ** 20
const leaving = {
  kind: 'leave',
  clients: 20,
  atATime: 4,
  bytes: 64 * MiB,
  after: [0, 1, 65_536],
  warmUp: MiB,
} as const
const few = { kind: 'beside', stalled: { streams: 1, bytes: 64 * MiB, after: 65_536 }, streams: 2 } as const

test('clients leave after what they have read, and all is looked at when they have', async () => {
  await using origin = await startBulkOrigin()
  let looked = 0
  const { bytes, exchanges, problems } = await leave(origin.url, leaving, async () => void looked++)
  expect({ looked, exchanges, problems }).toEqual({ looked: 1, exchanges: 20, problems: {} })
  expect(bytes).toBeGreaterThanOrEqual(6 * 65_536)
  expect(bytes).toBeLessThan(20 * 4 * MiB)
})

test('a server that serves nobody after the storm is an error', async () => {
  const body = Buffer.concat([Buffer.from(head(64 * MiB)), slice(0, 100_000, 1)])
  await using server = await serve((socket, nth) => (nth < 20 ? socket.write(body) : socket.destroy()))
  const { problems } = await leave(server.url, leaving, async () => {})
  expect(problems).toEqual({ 'afterwards: no response': 1 })
})

test('fast readers are measured beside a stalled one', async () => {
  await using origin = await startBulkOrigin()
  const outcome = await beside(origin.url, { ...few, bytes: MiB, warmUp: 0 })
  expect(outcome).toMatchObject({ bytes: 2 * MiB, exchanges: 2, problems: {} })
})

test('a stalled one that is cut off is an error beside others that are right', async () => {
  const right = Buffer.concat([Buffer.from(head(1000)), slice(0, 1000, 1)])
  await using server = await serve((socket, nth) => {
    if (nth > 0) return void socket.write(right)
    socket.write(head(64 * MiB))
    socket.end(slice(0, 70_000, 1))
  })
  const { problems } = await beside(server.url, { ...few, streams: 1, bytes: 1000, warmUp: 0 })
  expect(problems).toEqual({ 'stalled: truncated': 1 })
})

test('both directions are counted together', async () => {
  await using origin = await startBulkOrigin()
  const outcome = await both(origin.url, { bytes: MiB })
  expect(outcome).toMatchObject({ bytes: 2 * MiB, exchanges: 2, problems: {} })
  expect(outcome.values.unevenness).toBeGreaterThanOrEqual(1)
})

test('slow readers are looked at while they read', async () => {
  await using origin = await startBulkOrigin()
  let looked = 0
  const job = { kind: 'slow', streams: 2, bytes: 64 * MiB, rate: 65_536, seconds: 0.1, warmUp: 0 } as const
  const { exchanges, problems } = await slow(origin.url, job, undefined, async () => void looked++)
  expect({ looked, exchanges, problems }).toEqual({ looked: 1, exchanges: 2, problems: {} })
})
