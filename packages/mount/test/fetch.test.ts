import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { honoGateway } from '../src/hono.ts'

/** Tells what it is asked for. */
const gateway = {
  fetch: async (request: Request): Promise<Response> =>
    new Response(`${request.method} ${request.url} ${await request.text()}`),
}

test.each([
  [{ prefix: '/api' }, 'http://a/b?c'],
  [{ prefix: '/api', keepPrefix: true }, 'http://a/api/b?c'],
  [{}, 'http://a/api/b?c'],
])('where there is only fetch, Hono asks by that: %j', async (options, url) => {
  const app = new Hono()
  app.all('/api/*', honoGateway(gateway, options))
  const response = await app.request('http://a/api/b?c', { method: 'POST', body: 'content' })
  expect(await response.text()).toBe(`POST ${url} content`)
})

test('what is not below the prefix goes on', async () => {
  const app = new Hono()
  app.use(honoGateway(gateway, { prefix: '/api' }))
  app.get('*', (context) => context.text('page'))
  expect(await (await app.request('http://a/apis')).text()).toBe('page')
})

test('a gateway without fetch says so there', async () => {
  const app = new Hono()
  app.all('*', honoGateway({ handle: () => {}, upgrade: () => {} } as never))
  app.onError((error, context) => context.text(error.message, 500))
  expect(await (await app.request('http://a/')).text()).toBe(
    'Where there is no @hono/node-server it takes a gateway with fetch: createFetchHandler of @relayrace/fetch-proxy/fetch',
  )
})
