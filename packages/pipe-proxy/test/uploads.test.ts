import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { createPipeProxy } from '../src/index.ts'

const body = randomBytes(8 * 1024 * 1024)

test('a middleware that looks at an upload keeps what it has seen', async () => {
  const origin = createServer(async (incoming, response) => response.end(await buffer(incoming)))
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  onTestFinished(() => void origin.close())
  const gateway = createPipeProxy({
    upstream: `http://127.0.0.1:${(origin.address() as AddressInfo).port}`,
  })
  onTestFinished(() => gateway.close(0))
  const seen: Buffer[] = []
  let length = 0
  const server = createServer((incoming, response) => {
    void gateway.handle(incoming, response)
    // Later than the gateway, which would miss what came before it.
    setImmediate(() => {
      incoming.on('data', (piece: Buffer) => {
        seen.push(piece)
        length += piece.length
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const asked = request({ port: (server.address() as AddressInfo).port, method: 'POST' })
  asked.end(body)
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  expect((await buffer(answer)).equals(body)).toBe(true)
  expect(length).toBeGreaterThan(0)
  expect(Buffer.concat(seen).equals(body.subarray(-length))).toBe(true)
})
