import { expect, test } from 'vitest'
import { aClient, anOrigin, answer, get, startExample } from '../test/start.ts'

test('H4 credentials are added, and what tells of the client is kept', async () => {
  const origin = await anOrigin()
  const { url } = await startExample('hooks', [origin.url.href], { CREDENTIALS: 'me:too' })
  const client = await aClient(url)
  client.send(get('/', 'Authorization: Bearer mine'))
  const { message } = await origin.request()
  expect([message.all('authorization'), message.get('x-forwarded-for')]).toEqual([
    [`Basic ${btoa('me:too')}`],
    '127.0.0.1',
  ])
})

test('H4 Server goes, CORS and X-Proxied-By come', async () => {
  const origin = await anOrigin()
  const { url } = await startExample('hooks', [origin.url.href])
  const client = await aClient(url)
  client.send(get('/'))
  ;(await origin.request()).send(answer('hello', 'Server: s'))
  const response = await client.response()
  const names = ['server', 'access-control-allow-origin', 'x-proxied-by']
  expect(names.map((name) => response.get(name))).toEqual([undefined, '*', 'relayrace'])
})

test('H4 an error has an answer of our own', async () => {
  const { url } = await startExample('hooks', ['http://127.0.0.1:1'])
  const client = await aClient(url)
  client.send(get('/'))
  const { status, text } = await client.response()
  expect([status, JSON.parse(text)]).toEqual([502, { error: 'connection_refused' }])
})
