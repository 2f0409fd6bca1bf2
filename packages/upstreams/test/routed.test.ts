/** Several sets behind a router, with one transport. */

import { createRouter } from '@relayrace/router'
import { strategies } from '@relayrace/strategies'
import { describe, expect, test } from 'vitest'
import { createUpstreams } from '../src/index.ts'
import { answering, busy, get, origin, refusing, stage } from './stage.ts'

describe.each(strategies)('C4 on %s', (_, create) => {
  test('each route has endpoints of its own: they are asked in turn, and others instead when one fails', async () => {
    const [one, two] = [await answering('one'), await answering('two')]
    const bad = await origin((exchange) => exchange.send(busy))
    const users = createUpstreams([bad.url, one.url], { name: 'users', sticky: { secret: 'a' } })
    const files = createUpstreams([refusing, two.url], { name: 'files' })
    const router = createRouter([
      {
        path: '/users/',
        upstream: users.upstream,
        replace: '/',
        modifyResponse: ({ fields }) => fields.set('X-Route', 'users'),
      },
      { path: '/files/', upstream: files.upstream },
    ])
    const { upstream } = router
    const { ask } = await stage(create, [], {}, { upstream, transport: users.transport })
    const user = await ask(get('/users/1?a=b'))
    expect([user.text, user.get('x-route'), user.has('set-cookie')]).toEqual(['one', 'users', true])
    expect([bad, one].map(({ requests }) => requests[0]?.target)).toEqual(['/1?a=b', '/1?a=b'])
    expect((await ask(get('/files/'))).text).toBe('two')
    expect((await ask(get('/'))).status).toBe(404)
    const counts = [users, files].map((set) =>
      set.state().endpoints.map(({ inFlight, completed, failed }) => [inFlight, completed, failed]),
    )
    expect(counts).toEqual([
      [
        [0, 0, 1],
        [0, 1, 0],
      ],
      [
        [0, 0, 1],
        [0, 1, 0],
      ],
    ])
  })
})
