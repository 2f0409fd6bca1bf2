import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { slice } from '@relayrace/fixtures/payloads'
import { expect, test } from 'vitest'
import { head, serve } from './broken.ts'
import { startLoad } from './drive.ts'
import { first } from './first.ts'

const job = { kind: 'first', bytes: 1000, warmUp: 2 } as const
const right = Buffer.concat([Buffer.from(head(1000)), slice(0, 1000, 1)])
const now = (): number => Number(process.hrtime.bigint()) / 1e6

test('the first answer has a time on the clock that all processes share, and another one follows', async () => {
  await using server = await serve((socket) => socket.write(right))
  const before = now()
  let looked = 0
  const { exchanges, problems, values } = await first(server.url, job, async () => {
    looked = now()
  })
  expect({ exchanges, problems }).toEqual({ exchanges: 2, problems: {} })
  expect(values.answeredAt).toBeGreaterThan(before)
  expect(values.answeredAt).toBeLessThan(looked)
})

test('a server that answers once and never again is an error', async () => {
  await using server = await serve((socket, nth) => (nth === 0 ? socket.write(right) : socket.destroy()))
  const { problems } = await first(server.url, job, async () => {})
  expect(problems).toEqual({ 'afterwards: no response': 1 })
})

test('who warms up and who is asked may be two', async () => {
  await using origin = await startBulkOrigin()
  let asked = 0
  await using target = await serve((socket) => {
    asked++
    socket.write(right)
  })
  await using load = startLoad()
  expect(await load.prepare(job, origin.url)).toEqual({})
  const { exchanges, problems } = await load.go(async () => {}, target.url)
  expect({ asked, exchanges, problems }).toEqual({ asked: 2, exchanges: 2, problems: {} })
})
