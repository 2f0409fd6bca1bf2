/** What Go's ServeMux does: exact paths and subtrees, the redirect to the slash, and a handler that throws. */

import { createPipeProxy } from '@relayrace/pipe-proxy'
import { createRouter } from '@relayrace/router'

const says = (body: string) => () => ({ status: 200, body: `${body}\n` })

const router = createRouter(
  [
    { path: '/foo', upstream: says('/foo and nothing below') },
    { path: '/foo/', upstream: says('what is below /foo/') },
    { path: '/foo/bar/', upstream: says('/foo/bar/ is longer') },
    { path: '/api/', upstream: process.argv[2] ?? 'http://example.com', replace: '/' },
    {
      path: '/throws',
      upstream() {
        throw new Error('a handler has thrown')
      },
    },
  ],
  { log: (error) => console.error(error) },
)
const gateway = createPipeProxy({ upstream: router.upstream })
const { url } = await gateway.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`servemux at ${url}`)
