import { get, reply, stageFor } from '@relayrace/promises/stage'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createDispatchProxy } from '../src/index.ts'

test('B4 a connection whose maxAge was over while it was idle is not asked on', async () => {
  const { origin, client, gateway } = await stageFor(createDispatchProxy)({ pool: { maxAge: 60_000 } })
  const ask = async (): Promise<number> => {
    client.send(get('/'))
    const { send, connection } = await origin.request()
    await send(reply('ok'))
    await client.response()
    return connection.id
  }
  expect([await ask(), await ask()]).toEqual([1, 1])
  await expect.poll(() => gateway.pool.idle).toBe(1)
  const now = performance.now.bind(performance)
  const later = vi.spyOn(performance, 'now').mockImplementation(() => now() + 60_000)
  onTestFinished(() => later.mockRestore())
  expect(await ask()).toBe(2)
})

test('F4 an answer is not read ahead while a hook thinks about its head', async () => {
  const MiB = 2 ** 20
  const never = new Promise<undefined>(() => {})
  const { origin, client, ended } = await stageFor(createDispatchProxy)({
    modifyResponse: () => never,
    timeouts: { total: 1_000 },
  })
  client.send(get('/'))
  const { send, connection } = await origin.request()
  void send(`HTTP/1.1 200 OK\r\nContent-Length: ${256 * MiB}\r\n\r\n`)
  let taken = 0
  while (taken < 64 && connection.open && (await send(Buffer.alloc(MiB)))) taken++
  expect((await ended()).error?.phase).toBe('total')
  expect(taken).toBeLessThan(32)
})
