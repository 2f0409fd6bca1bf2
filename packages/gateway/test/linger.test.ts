import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { endAfterLastResponse, listenOn } from '../src/node/linger.ts'

test('a client that is still sending when the last answer is out is heard to its end', async () => {
  let asked: IncomingMessage | undefined
  const server = http.createServer((request, response) => {
    asked = request
    response.shouldKeepAlive = false
    endAfterLastResponse(request.socket)
    response.end('answer')
    response.once('finish', () => listenOn(request.socket))
  })
  server.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const client = net.connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  })
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n')
  let answer = ''
  client.setEncoding('latin1').on('data', (piece: string) => {
    answer += piece
  })
  await once(client, 'end')
  expect(answer).toMatch(/answer$/)
  client.end('x'.repeat(1_000_000))
  await expect.poll(() => asked?.complete).toBe(true)
})
