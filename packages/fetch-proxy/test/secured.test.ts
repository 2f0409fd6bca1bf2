/** TLS settings of a route, for `fetch(request)`. */

import { certificates } from '@relayrace/fixtures/certificates'
import { type Exchange, startOrigin } from '@relayrace/fixtures/wire'
import type { Choice } from '@relayrace/gateway'
import { expect, test, vi } from 'vitest'
import { createFetchHandler } from '../src/fetch.ts'
import { createFetchProxy } from '../src/index.ts'

const { ca, server, selfSigned } = await certificates()
const asked = (path: string): Request => new Request(`http://here.example${path}`)
const ok = ({ send }: Exchange): Promise<boolean> => send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')

test('hold for fetch(request) of a gateway, and for no other route', async () => {
  await using origin = await startOrigin({ tls: server })
  const routes: Readonly<Record<string, Choice>> = {
    '/right': { to: origin.url, tls: { ca } },
    '/wrong': { to: origin.url, tls: { ca: selfSigned.cert } },
    '/gateway': origin.url,
  }
  await using gateway = createFetchProxy({ upstream: ({ request }) => routes[request.path] as Choice })
  for (let round = 0; round < 2; round++) {
    const answer = gateway.fetch(asked('/right'))
    await ok(await origin.request())
    expect(await (await answer).text()).toBe('ok')
    for (const path of ['/wrong', '/gateway']) expect((await gateway.fetch(asked(path))).status).toBe(502)
  }
})

test("are 500 where the platform's fetch asks, and nobody is asked", async () => {
  await using origin = await startOrigin({ tls: server })
  const handler = createFetchHandler({ upstream: { to: origin.url, tls: { ca } } })
  expect((await handler.fetch(asked('/'))).status).toBe(500)
  expect(origin.connections).toHaveLength(0)
})

test('are in the second argument of a fetch that is given', async () => {
  const tls = { ca }
  const fetch = vi.fn(async () => new Response('ok'))
  const handler = createFetchHandler({ upstream: { to: 'https://127.0.0.1:1', tls }, fetch })
  expect(await (await handler.fetch(asked('/'))).text()).toBe('ok')
  expect(fetch).toHaveBeenCalledWith(expect.anything(), expect.objectContaining({ tls }))
})
