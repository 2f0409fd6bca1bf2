/** The example is a program that runs, and keeps what is at home at home. */

import { fileURLToPath } from 'node:url'
import { startProgram } from '@relayrace/fixtures/target'
import { connect, startOrigin } from '@relayrace/fixtures/wire'
import { expect, test } from 'vitest'

test('download: what is at home stays there', async () => {
  await using origin = await startOrigin()
  const example = fileURLToPath(new URL('../examples/download.ts', import.meta.url))
  await using running = await startProgram({ argv: [process.execPath, example] })
  for (const [target, status] of [
    [`/download?url=${encodeURIComponent(origin.url.href)}`, 403],
    [`/download?url=${encodeURIComponent(`http://localhost/`)}`, 403],
    [`/download?url=${encodeURIComponent('http://169.254.169.254/latest/meta-data/')}`, 403],
    ['/download?url=gopher%3A%2F%2Fa.example', 400],
    ['/download', 400],
    ['/elsewhere?url=http%3A%2F%2Fa.example', 400],
  ] as const) {
    const client = await connect(running.url)
    client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`)
    expect((await client.response()).status, target).toBe(status)
    client.close()
  }
  expect(origin.connections).toHaveLength(0)
})
