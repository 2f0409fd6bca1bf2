import { startOrigin } from '@relayrace/fixtures/wire'
import { afterAll, expect, test } from 'vitest'
import { aClient, answer, get, startShared } from '../test/start.ts'

const origin = await startOrigin()
const { url, ...running } = await startShared('strategy', [], { UPSTREAM: origin.url.href })
afterAll(() => running[Symbol.asyncDispose]())
afterAll(() => origin[Symbol.asyncDispose]())

test('relays a response while it comes, and an upload with its content', async () => {
  const client = await aClient(url)
  client.send(get('/a/../b?c', 'X-Kept: yes'))
  const download = await origin.request()
  expect([download.message.target, download.message.get('x-kept')]).toEqual(['/a/../b?c', 'yes'])
  download.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegun')
  const incoming = await client.responding()
  await incoming.body(5)
  download.send('ended')
  expect((await incoming.done()).text).toBe('begunended')

  client.send('PUT / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsent\r\n0\r\n\r\n')
  const upload = await origin.request()
  expect(String(await upload.body(4))).toBe('sent')
  upload.send(answer('kept'))
  expect((await client.response()).text).toBe('kept')
})

test('takes the request upstream back when its client leaves', async () => {
  const client = await aClient(url)
  client.send(get('/'))
  const asked = await origin.request()
  asked.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegun')
  await (await client.responding()).body(5)
  client.close()
  expect(await asked.connection.ended()).toMatch(/^(?:fin|reset)$/)
})

test('answers 502 when the upstream hangs up', async () => {
  const client = await aClient(url)
  client.send(get('/'))
  ;(await origin.request()).connection.close()
  const response = await client.response()
  expect([response.status, response.get('proxy-status')]).toEqual([
    502,
    expect.stringMatching(/^request-proxy-\w+; error=connection_terminated$/),
  ])
})
