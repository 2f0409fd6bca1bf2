import { slice } from '@relayrace/fixtures/payloads'
import { expect, test } from 'vitest'
import { head, serve } from './broken.ts'
import { requests } from './requests.ts'

const job = { kind: 'requests', connections: 2, amount: 20, warmUp: 0, bytes: 1024 } as const
const body = (): Buffer => Buffer.from(slice(0, job.bytes, 1))

test('counts the right responses', async () => {
  await using server = await serve((socket) =>
    socket.write(Buffer.concat([Buffer.from(head(job.bytes)), body()])),
  )
  const outcome = await requests(server.url, job)
  expect(outcome).toMatchObject({ exchanges: 20, bytes: 20 * 1024, problems: {} })
  expect(outcome.values.latencyMedian).toBeGreaterThan(0)
})

test('a body that ends early is an error, which autocannon alone does not see', async () => {
  await using server = await serve((socket, nth) => {
    socket.write(
      Buffer.concat([Buffer.from(head(job.bytes)), body().subarray(0, nth === 5 ? 100 : job.bytes)]),
    )
    if (nth === 5) socket.end()
  })
  const { problems, exchanges } = await requests(server.url, job)
  expect(problems).toEqual({ truncated: 1 })
  expect(exchanges).toBe(19)
})

test('a connection that closes without a response is an error', async () => {
  await using server = await serve((socket, nth) => {
    if (nth === 5) socket.end()
    else socket.write(Buffer.concat([Buffer.from(head(job.bytes)), body()]))
  })
  expect((await requests(server.url, job)).problems).toEqual({ 'no response': 1 })
})

test('a connection that closes as it had announced is none', async () => {
  const closing = `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${job.bytes}\r\n\r\n`
  await using server = await serve((socket, nth) => {
    if (nth === 5) socket.end(Buffer.concat([Buffer.from(closing), body()]))
    else socket.write(Buffer.concat([Buffer.from(head(job.bytes)), body()]))
  })
  const { problems, values } = await requests(server.url, job)
  expect(problems).toEqual({})
  expect(values.reconnects).toBe(1)
})

test('wrong bytes, lengths and statuses are errors', async () => {
  const wrong = body()
  wrong[7] = (wrong[7] as number) ^ 1
  await using server = await serve((socket, nth) => {
    if (nth === 3) socket.write(Buffer.concat([Buffer.from(head(job.bytes)), wrong]))
    else if (nth === 4) socket.write(Buffer.concat([Buffer.from(head(10)), body().subarray(0, 10)]))
    else if (nth === 5) socket.write(`${head(3, '503 Service Unavailable')}bad`)
    else socket.write(Buffer.concat([Buffer.from(head(job.bytes)), body()]))
  })
  const { problems, exchanges } = await requests(server.url, job)
  expect(problems).toEqual({ 'wrong bytes': 1, 'wrong length': 1, 'status 503': 1 })
  expect(exchanges).toBe(17)
})
