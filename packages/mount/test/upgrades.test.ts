/** What is left of an upgrade that was refused. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { passUpgrades } from '../src/index.ts'

test('an upgrade that was refused leaves no timer once its client has gone', async () => {
  const server = createServer((_, response) => void response.writeHead(401).end())
  passUpgrades(server)
  server.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const set = vi.spyOn(globalThis, 'setTimeout')
  const cleared = vi.spyOn(globalThis, 'clearTimeout')
  onTestFinished(() => void vi.restoreAllMocks())
  const closed = new Promise((resolve) =>
    server.once('connection', (socket) => socket.once('close', resolve)),
  )
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.end('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n').resume()
  await Promise.all([once(client, 'close'), closed])
  const timers = set.mock.calls.flatMap(([, ms], i) => (ms === 5_000 ? [set.mock.results[i]?.value] : []))
  expect(timers).toHaveLength(1)
  expect(cleared.mock.calls.map(([timer]) => timer)).toEqual(expect.arrayContaining(timers))
})
