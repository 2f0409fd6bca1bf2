import { once } from 'node:events'
import http2 from 'node:http2'
import net, { type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { resolveSettings } from '../src/exchange/settings.ts'
import { createHttp2 } from '../src/http/http2.ts'

test('a connection of HTTP/2 that was accepted while the gateway closed is told so, and ends', async () => {
  const front = createHttp2(resolveSettings('x', { upstream: 'http://127.0.0.1:9' }))
  onTestFinished(() => front.destroy())
  const listener = net.createServer((socket) => front.server.emit('connection', socket))
  onTestFinished(() => void listener.close())
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  front.close()
  const client = http2.connect(`http://127.0.0.1:${(listener.address() as AddressInfo).port}`)
  onTestFinished(() => client.destroy())
  const told = once(client, 'goaway')
  const closed = once(client, 'close')
  expect((await told)[0]).toBe(http2.constants.NGHTTP2_NO_ERROR)
  await closed
})
