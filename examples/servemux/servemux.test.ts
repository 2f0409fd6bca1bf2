import { startOrigin } from '@relayrace/fixtures/wire'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { aClient, get, startShared } from '../test/start.ts'

const origin = await startOrigin()
const { url, stderr, ...running } = await startShared('servemux', [origin.url.href])
afterAll(() => running[Symbol.asyncDispose]())
afterAll(() => origin[Symbol.asyncDispose]())
beforeEach(() => origin.reset())

test.each([
  ['/foo', 200, '/foo and nothing below\n'],
  ['/foo/', 200, 'what is below /foo/\n'],
  ['/foo/x/y', 200, 'what is below /foo/\n'],
  ['/foo/bar/x', 200, '/foo/bar/ is longer\n'],
  ['/foox', 404, 'Not Found\n'],
])('H6 %s is %i, %j', async (target, status, text) => {
  const client = await aClient(url)
  client.send(get(target))
  const response = await client.response()
  expect([response.status, response.text]).toEqual([status, text])
})

test('H6 /api is redirected to /api/, its query kept', async () => {
  const client = await aClient(url)
  client.send(get('/api?a=b'))
  const response = await client.response()
  const location = new URL(response.get('location') ?? '', new URL('/api?a=b', url))
  expect([response.status, location.pathname + location.search]).toEqual([308, '/api/?a=b'])
})

test('H6 the prefix is stripped', async () => {
  const client = await aClient(url)
  client.send(get('/api/users?a=b'))
  expect((await origin.request()).message.target).toBe('/users?a=b')
})

test('H6 a handler that throws is 500, its stack is logged, and the process lives', async () => {
  const client = await aClient(url)
  for (const [target, status] of [
    ['/throws', 500],
    ['/foo', 200],
  ] as const) {
    client.send(get(target))
    expect((await client.response()).status).toBe(status)
  }
  expect(stderr()).toMatch(/^Error: a handler has thrown\n +at .*servemux\/main\.ts/m)
})
