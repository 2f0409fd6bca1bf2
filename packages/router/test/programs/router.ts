/** Pipe-proxy behind routes, as the program that it is without them. */

import { runProgram } from '@relayrace/gateway/strategy'
import { createPipeProxy } from '@relayrace/pipe-proxy'
import { createRouter } from '../../src/index.ts'

await runProgram(
  'router',
  ({ upstream, ...options }) =>
    createPipeProxy({
      ...options,
      upstream: createRouter([
        { path: '/api/app1/', upstream: 'http://127.0.0.1:1', replace: '/' },
        { path: '/api/app2/', upstream: 'http://127.0.0.1:1', replace: '/' },
        { path: '/', upstream },
      ]).upstream,
    }),
  new URL('../../package.json', import.meta.url),
)
