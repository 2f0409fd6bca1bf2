import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createFetchHandler } from '../../src/fetch.ts'

const { fetch } = createFetchHandler({ upstream: process.env.UPSTREAM as string })
const app = new Hono()
app.all('*', (context) => fetch(context.req.raw))
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) =>
  console.log(`http://127.0.0.1:${port}`),
)
