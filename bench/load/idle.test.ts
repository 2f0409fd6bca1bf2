import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { expect, test } from 'vitest'
import { head, serve } from './broken.ts'
import { idle } from './idle.ts'

const job = { kind: 'idle', connections: 20, bytes: 1024, warmUp: 0 } as const

test('asks twice on each connection, and waits in between', async () => {
  await using origin = await startBulkOrigin()
  let waited = 0
  const outcome = await idle(origin.url, job, async () => {
    waited++
  })
  expect({ ...outcome, seconds: 0, waited }).toEqual({
    seconds: 0,
    bytes: 40 * 1024,
    exchanges: 40,
    problems: {},
    values: {},
    waited: 1,
  })
})

test('notices a connection that is not kept', async () => {
  await using server = await serve((socket) => {
    socket.end(`${head(1024)}${'x'.repeat(1024)}`)
  })
  const { problems } = await idle(server.url, { ...job, connections: 1 }, async () => {})
  expect(problems).toEqual({ 'wrong bytes': 1, 'the connection was not kept': 1 })
})
