import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { expect, onTestFinished, test } from 'vitest'
import { aClient, get, startExample } from '../test/start.ts'

async function start(by: string, env: Record<string, string> = {}) {
  const running = await startExample('alternatives', ['--by', by], env)
  return { running, client: await aClient(running.url) }
}

test.each(['tcp', 'unix', 'messages', 'hand-off'])('C6 %s: another process answers', async (by) => {
  const { running, client } = await start(by)
  client.send(get('/a?b'))
  const { text } = await client.response()
  expect(text).toMatch(/^\/a\?b in process \d+\n$/)
  expect(text).not.toContain(`process ${running.pid}\n`)
})

test.each([302, 307, 308])(
  'C6 redirect-%i: another process is where the client is sent to',
  async (status) => {
    const { running, client } = await start(`redirect-${status}`)
    client.send(get('//a.example/b?c'))
    const sent = await client.response()
    const to = new URL(sent.get('location') ?? '')
    expect([sent.status, to.hostname, to.pathname + to.search]).toEqual([
      status,
      '127.0.0.1',
      '//a.example/b?c',
    ])
    const text = await (await fetch(to)).text()
    expect(text).toMatch(/^\/\/a\.example\/b\?c in process \d+\n$/)
    expect(text).not.toContain(`process ${running.pid}\n`)
  },
)

test('C6 hand-off: nothing is lost of what comes with the head', async () => {
  const origin = await startBulkOrigin()
  onTestFinished(() => origin[Symbol.asyncDispose]())
  const { client } = await start('hand-off', { UPSTREAM: origin.url.href })
  const content = 'x'.repeat(2 ** 20)
  client.send(`PUT /upload HTTP/1.1\r\nHost: a\r\nContent-Length: ${content.length}\r\n\r\n${content}`)
  expect(JSON.parse((await client.response()).text)).toMatchObject({ bytes: content.length })
})

test('C6 messages: more than is held whole is refused', async () => {
  const { client } = await start('messages')
  client.send('PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
  client.send(`1000001\r\n${'x'.repeat(0x1000001)}\r\n`)
  expect((await client.response()).status).toBe(413)
})
