import { startOrigin } from '@relayrace/fixtures/wire'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { aClient, answer, get, startShared } from '../test/start.ts'

const origin = await startOrigin()
const { url, ...running } = await startShared('mounted', [origin.url.href])
afterAll(() => running[Symbol.asyncDispose]())
afterAll(() => origin[Symbol.asyncDispose]())
beforeEach(() => origin.reset())

test.each([
  ['the service does not see the prefix', '/proxy/a%2Fb/c?d', '/a%2Fb/c?d'],
  ['files are of any depth', '/download/a/b.txt?c', '/a/b.txt?c'],
])('H3 %s', async (_, target, seen) => {
  const client = await aClient(url)
  client.send(get(target))
  const asked = await origin.request()
  expect(asked.message.target).toBe(seen)
  asked.send(answer('hello'))
  const response = await client.response()
  expect(response.text).toBe('hello')
  expect(response.get('content-disposition')).toBe(target.startsWith('/download') ? 'attachment' : undefined)
})

test.each([
  ['/', 200],
  ['/proxy2/', 404],
  ['/download/', 404],
])('H3 %s is none of the gateways', async (target, status) => {
  const client = await aClient(url)
  client.send(get(target))
  expect([(await client.response()).status, origin.requests.length]).toEqual([status, 0])
})
