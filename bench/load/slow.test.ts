import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { slice } from '@relayrace/fixtures/payloads'
import { expect, test } from 'vitest'
import { head, serve } from './broken.ts'
import type { Slow } from './slow.ts'
import { slow } from './slow.ts'

const job: Slow = { kind: 'slow', streams: 3, bytes: 64 * 2 ** 20, rate: 65_536, seconds: 1, warmUp: 0 }

test('takes what its rate allows, and no more', async () => {
  await using origin = await startBulkOrigin()
  const { bytes, seconds, exchanges, problems } = await slow(origin.url, job)
  expect(problems).toEqual({})
  expect(exchanges).toBe(3)
  const due = 3 * job.rate * seconds
  expect(bytes).toBeGreaterThan(due * 0.7)
  // Each may be one read ahead.
  expect(bytes).toBeLessThanOrEqual(due + 3 * 16_384)
})

test('counts nothing that came before all had begun', async () => {
  await using server = await serve((socket) => {
    socket.write(head(job.bytes))
    socket.write(slice(0, 1000, 1))
  })
  const outcome = await slow(server.url, { ...job, streams: 1, seconds: 0.1 })
  expect(outcome).toMatchObject({ bytes: 0, exchanges: 1, problems: {} })
})

test('notices who never gets anything', async () => {
  await using server = await serve((socket) => socket.write(head(job.bytes)))
  expect((await slow(server.url, job, 100)).problems).toEqual({ 'silence in the body': 3 })
})

test('notices a wrong byte, and a body that is cut off', async () => {
  const wrong = Buffer.from(slice(0, 1000, 1)).fill(0, 500, 501)
  await using liar = await serve((socket) => socket.write(head(job.bytes)) && socket.write(wrong))
  expect((await slow(liar.url, { ...job, streams: 1 })).problems).toEqual({ 'wrong bytes': 1 })
  await using server = await serve((socket) => {
    socket.write(head(job.bytes))
    socket.end(slice(0, 1000, 1))
  })
  expect((await slow(server.url, { ...job, streams: 1 })).problems).toEqual({ truncated: 1 })
})
