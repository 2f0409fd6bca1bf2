import { expect, test } from 'vitest'
import { aClient, anOrigin, answer, get, startExample } from '../test/start.ts'

test('H1 a URL and a port are a proxy', async () => {
  const origin = await anOrigin()
  const { url } = await startExample('one-liner', [origin.url.href])
  const client = await aClient(url)
  client.send(get('/a?b'))
  const asked = await origin.request()
  expect([asked.message.target, asked.message.get('host')]).toEqual(['/a?b', origin.url.host])
  asked.send(answer('hello'))
  expect((await client.response()).text).toBe('hello')
})
