/** Pipe-proxy with all that a team puts before its services: routes, a token, and two endpoints in turn. */

import { createPipeProxy } from '@relayrace/pipe-proxy'
import { createRouter } from '@relayrace/router'
import { apiTokens, hashToken } from '@relayrace/router/middleware'
import { createUpstreams } from '../../src/index.ts'

const upstream = process.env.UPSTREAM
if (!upstream) throw new Error('UPSTREAM=http://host:port is needed')

const token = 'cc0de0f2-4c7c-4f9e-8fd0-6d8d5f1e5a53'
// The same origin under two names, so that there is something to choose.
const set = createUpstreams([upstream, upstream.replace('127.0.0.1', 'localhost')])
const router = createRouter([
  { path: '/api/app1/', upstream: 'http://127.0.0.1:1', replace: '/' },
  { path: '/api/app2/', upstream: 'http://127.0.0.1:1', replace: '/' },
  { path: '/', upstream: set.upstream, middleware: [apiTokens({ bench: hashToken(token) })] },
])
const gateway = createPipeProxy({ upstream: router.upstream, transport: set.transport })
const { url } = await gateway.listen({ port: Number(process.env.PORT ?? 0), backlog: 4096 })
url.password = token
console.log(url.href)
process.once('SIGTERM', () => gateway.close())
