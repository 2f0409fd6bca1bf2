import { once } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { hijack } from '../src/index.ts'

/** What comes of a request, whose response `begin` may have begun. The client sends `behind` afterwards. */
async function hijacked(begin: (response: ServerResponse) => void, behind = ''): Promise<unknown> {
  const server = http.createServer()
  server.listen(0)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const client = net.connect((server.address() as AddressInfo).port)
  onTestFinished(() => void client.destroy())
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const [request, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse]
  request.socket.setTimeout(60_000)
  begin(response)
  try {
    const { socket } = hijack(request, response)
    client.write(behind)
    return socket
  } catch (error) {
    return error
  }
}

test.each<[string, (response: ServerResponse) => void]>([
  ['whose head is out', (response) => response.flushHeaders()],
  ['with content', (response) => response.write('begun')],
  ['that has ended', (response) => response.end('ended')],
])('a response %s is begun: too late', async (_, begin) => {
  expect(String(await hijacked(begin))).toMatch(/too late/)
})

test('no time limit of the server goes on', async () => {
  expect(await hijacked(() => {})).toMatchObject({ timeout: 0 })
})

test('nothing of node:http listens to it any more', async () => {
  const socket = (await hijacked(() => {})) as net.Socket
  for (const event of ['data', 'end', 'drain', 'timeout'])
    expect([event, socket.listenerCount(event)]).toEqual([event, 0])
})

test('what comes waits for whoever listens first', async () => {
  const socket = (await hijacked(() => {}, 'behind')) as net.Socket
  await expect.poll(() => socket.readableLength).toBe(6)
  const [piece] = await once(socket, 'data')
  expect(String(piece)).toBe('behind')
})
