import type { Program } from '@relayrace/fixtures/target'
import type { Client, Exchange } from '@relayrace/fixtures/wire'
import { expect, test } from 'vitest'
import { aClient, anOrigin, answer, get, startExample } from '../test/start.ts'

interface Asked extends Exchange {
  readonly client: Client
  readonly running: Program
}

async function ask(env: Record<string, string> = {}): Promise<Asked> {
  const origin = await anOrigin()
  const running = await startExample('download', [new URL('/files/a.txt?b', origin.url).href], env)
  const client = await aClient(running.url)
  client.send(get('/'))
  return Object.assign(await origin.request(), { client, running })
}

test('H2 the file is the one that it was told, whatever is asked for', async () => {
  expect((await ask()).message.target).toBe('/files/a.txt?b')
})

test('H2 only the fields that are meant to pass do', async () => {
  const { client, send } = await ask()
  send(answer('hello', 'Content-Type: text/plain', 'ETag: "a"', 'Set-Cookie: a=b', 'Server: s'))
  const { fields } = await client.response()
  const names = fields.map(([name]) => name.toLowerCase())
  expect(names).toEqual(expect.arrayContaining(['content-length', 'content-type', 'etag']))
  expect(names.filter((name) => ['set-cookie', 'server'].includes(name))).toEqual([])
})

test('H2 what is copied is told while it runs, and at the end', async () => {
  const { client, running, send } = await ask({ INTERVAL: '10' })
  const whole = answer('hello')
  send(whole.slice(0, -3))
  await expect.poll(running.stdout).toMatch(/^2 bytes so far$/m)
  send(whole.slice(-3))
  expect((await client.response()).text).toBe('hello')
  await expect.poll(running.stdout).toMatch(/^copied: 5 bytes in \d+ ms$/m)
})

test('H2 an upstream that answers other than 200 is an error in words of our own', async () => {
  const { client, running, send } = await ask()
  send('HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\nsecret')
  const { status, text } = await client.response()
  expect([status, text]).toEqual([502, 'It is not to be had.\n'])
  await expect.poll(running.stdout).toMatch(/^http_protocol_error: 0 bytes/m)
})

test('H2 one that takes too long is 504', async () => {
  const origin = await anOrigin()
  const client = await aClient((await startExample('download', [origin.url.href], { DEADLINE: '50' })).url)
  client.send(get('/'))
  const { status, text } = await client.response()
  expect([status, text]).toEqual([504, 'It takes too long.\n'])
})

test('H2 a client that leaves is told apart', async () => {
  const { client, running, send } = await ask()
  send(answer('hello').slice(0, -3))
  await client.responding()
  client.close()
  await expect.poll(running.stdout).toMatch(/^the client left: 2 bytes/m)
})
