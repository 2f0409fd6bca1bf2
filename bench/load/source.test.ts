import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { expect, test } from 'vitest'
import { serve } from './broken.ts'
import { echo } from './echo.ts'
import { events } from './events.ts'
import { upload } from './source.ts'

const says = (answer: string): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`

test('the origin gets an upload whole', async () => {
  await using origin = await startBulkOrigin()
  expect(await upload(origin.url, { bytes: 5_000_000 })).toMatchObject({
    bytes: 5_000_000,
    exchanges: 1,
    problems: {},
  })
})

test.each([
  ['wrong length', '{"bytes":4,"intact":true}'],
  ['wrong bytes', '{"bytes":5,"intact":false}'],
  ['wrong answer', 'thank you'],
])('says "%s" when the origin answers %s', async (problem, answer) => {
  await using server = await serve((socket) => socket.write(says(answer)))
  expect(await upload(server.url, { bytes: 5 })).toMatchObject({ bytes: 0, problems: { [problem]: 1 } })
})

test('an early refusal ends an upload and is an error', async () => {
  await using server = await serve((socket) =>
    socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n'),
  )
  expect((await upload(server.url, { bytes: 500_000_000 })).problems).toEqual({ 'status 413': 1 })
})

test('events are timed one by one', async () => {
  await using origin = await startBulkOrigin()
  const job = { kind: 'events', streams: 2, count: 5, interval: 2 } as const
  const { problems, values } = await events(origin.url, job)
  expect(problems).toEqual({})
  expect(values.events).toBe(10)
  expect(values.delayMedian).toBeGreaterThan(0)
})

test('a missing event is an error', async () => {
  const lines = [0, 2].map((index) => `data: {"index":${index},"sentAt":0}\n\n`).join('')
  await using server = await serve((socket) => socket.write(says(lines)))
  expect((await events(server.url, { kind: 'events', streams: 1, count: 2, interval: 2 })).problems).toEqual({
    'wrong order': 1,
  })
})

test('each turn of an echo is waited for', async () => {
  await using origin = await startBulkOrigin()
  const outcome = await echo(origin.url, { kind: 'echo', trips: 7, bytes: 1024, warmUp: 0 })
  expect(outcome).toMatchObject({ exchanges: 7, bytes: 7 * 1024, problems: {} })
})

test('a server that echoes something else is an error', async () => {
  await using server = await serve((socket) => socket.write(says('x'.repeat(1024))))
  expect((await echo(server.url, { kind: 'echo', trips: 1, bytes: 1024, warmUp: 0 })).problems).toEqual({
    'wrong bytes': 1,
  })
})
