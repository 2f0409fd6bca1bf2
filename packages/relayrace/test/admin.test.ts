/** The port for operators, asked by others. */

import { connect } from '@relayrace/fixtures/wire'
import { expect, onTestFinished, test } from 'vitest'
import { startAdmin } from '../src/admin.ts'

test.each([
  ['127.0.0.1', 200],
  ['127.0.0.1:9901', 200],
  ['[::1]:9901', 200],
  ['localhost:9901', 200],
  ['a.localhost', 200],
  ['', 200],
  ['page.example', 403],
  ['page.example:9901', 403],
  ['localhost.page.example', 403],
  ['127.0.0.1.page.example', 403],
])('on loopback, asked as %j, it answers %i: no page reads it by a name of its own', async (host, status) => {
  const admin = await startAdmin({}, { metrics: async () => ['', 'text/plain'], state: () => ({}) })
  onTestFinished(() => admin.close())
  const client = await connect(admin.url)
  onTestFinished(() => client.close())
  client.send(`GET /upstreams HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  expect((await client.response()).status).toBe(status)
})
