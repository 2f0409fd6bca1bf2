/** Why upstreams are not asked over HTTP/2: decision 12. When this fails, undici has changed, and so may the decision. */

import { once } from 'node:events'
import { constants, createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { certificates } from '@relayrace/fixtures/certificates'
import { Agent, fetch } from 'undici'
import { expect, test } from 'vitest'

test('undici takes a response over HTTP/2 for complete whose stream was reset with CANCEL', async () => {
  const { ca, server: certificate } = await certificates()
  const server = createSecureServer(certificate, (_, response) => {
    response.write('hello', () => response.stream.close(constants.NGHTTP2_CANCEL))
  })
  server.on('stream', (stream) => stream.on('error', () => {}))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const agent = new Agent({ allowH2: true, connect: { ca } })
  const { port } = server.address() as AddressInfo
  const response = await fetch(`https://127.0.0.1:${port}`, { dispatcher: agent })
  expect(await response.text()).toBe('hello')
  await agent.destroy()
  server.close()
})
