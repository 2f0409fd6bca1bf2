import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { slice } from '@relayrace/fixtures/payloads'
import { expect, test } from 'vitest'
import { arrivals, arrive } from './arrivals.ts'
import { head, serve } from './broken.ts'
import { Problems } from './exchange.ts'
import { saturate } from './saturate.ts'

const job = { connections: 2, bytes: 1024 }
const right = Buffer.concat([Buffer.from(head(job.bytes)), slice(0, job.bytes, 1)])

test('counts the right responses', async () => {
  await using origin = await startBulkOrigin()
  expect(await saturate(origin.url, job, 500)).toMatchObject({
    exchanges: 500,
    bytes: 500 * 1024,
    problems: {},
  })
})

test('each response is compared, those like the one before as well', async () => {
  const wrong = Buffer.from(right).fill(0, right.length - 1)
  const refused = Buffer.from(right.toString('latin1').replace('200 OK', '503 No'), 'latin1')
  const short = Buffer.concat([Buffer.from(head(10)), slice(0, 10, 1)])
  await using server = await serve((socket, nth) => {
    if (nth === 3) socket.write(wrong)
    else if (nth === 5) socket.write(refused)
    else socket.write(nth === 7 ? short : right)
  })
  const { problems, exchanges } = await saturate(server.url, job, 20)
  expect(problems).toEqual({ 'wrong bytes': 1, 'status 503': 1, 'wrong length': 1 })
  expect(exchanges).toBe(17)
})

test('a response in pieces is as right as one that comes at once', async () => {
  await using server = await serve((socket, nth) => {
    if (nth % 3 > 0) return void socket.write(right)
    socket.write(right.subarray(0, 30))
    setImmediate(() => socket.write(right.subarray(30)))
  })
  expect((await saturate(server.url, job, 20)).problems).toEqual({})
})

test('a connection that ends is an error, unless it has said so', async () => {
  const closing = Buffer.from(right.toString('latin1').replace('\r\n', '\r\nConnection: close\r\n'), 'latin1')
  await using server = await serve((socket, nth) => {
    if (nth === 5) socket.end(closing)
    else if (nth === 9) socket.destroy()
    else if (nth === 11) socket.end(right.subarray(0, 100))
    else socket.write(right)
  })
  expect((await saturate(server.url, job, 20)).problems).toEqual({ 'no response': 1, truncated: 1 })
})

test('requests come at their rate, and all are answered', async () => {
  await using origin = await startBulkOrigin()
  const problems = new Problems()
  const { latencies, lateness, right } = await arrive(origin.url, { ...job, seconds: 0.2 }, 1000, problems)
  expect(problems.counts).toEqual({})
  expect([right, latencies.totalCount, lateness.totalCount]).toEqual([200, 200, 200])
})

test('a latency counts from when the request was due, not from when it was sent', async () => {
  // One connection, and the first answer is held back until many more requests are due.
  const started = performance.now()
  await using server = await serve((socket, nth) => {
    if (nth > 0) return void socket.write(right)
    const hold = (): void =>
      void (performance.now() - started > 200 ? socket.write(right) : setImmediate(hold))
    hold()
  })
  const one = { connections: 1, bytes: job.bytes, seconds: 0.1 }
  const { latencies } = await arrive(server.url, one, 1000, new Problems())
  expect(latencies.totalCount).toBe(100)
  expect(latencies.getValueAtPercentile(50)).toBeGreaterThan(90_000)
})

test('each share of the most has its percentiles', async () => {
  await using origin = await startBulkOrigin()
  const { values, exchanges } = await arrivals(
    origin.url,
    { kind: 'arrivals', ...job, warmUp: 0, search: 0, shares: [0.25, 0.5], seconds: 0.1 },
    2000,
  )
  expect(exchanges).toBe(50 + 100)
  expect(values.most).toBe(2000)
  expect(values.p99At25).toBeGreaterThanOrEqual(values.medianAt25 as number)
  expect(values.p99At50).toBeGreaterThan(0)
})
