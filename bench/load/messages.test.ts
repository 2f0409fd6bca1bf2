import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { expect, onTestFinished, test } from 'vitest'
import { type Messages, messages } from './messages.ts'

const job: Messages = { kind: 'messages', connections: 2, amount: 10, bytes: 100, warmUp: 1 }

test('each message comes back, and all are open while they are looked at', async () => {
  await using origin = await startBulkOrigin()
  let looked = 0
  const outcome = await messages(origin.url, job, async () => {
    looked++
  })
  expect(outcome).toMatchObject({ bytes: 1000, exchanges: 2, problems: {}, values: { messages: 10 } })
  expect([looked, outcome.values.tripMedian]).toEqual([1, expect.any(Number)])
})

/** Answers the handshake, and each message by `answer`. */
async function server(answer: (message: Buffer, socket: Socket) => void): Promise<URL> {
  const listening = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (head) => {
      const [, key = ''] = /sec-websocket-key: (.*)\r\n/i.exec(head.toString()) ?? []
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`)
      socket.on('data', (frame: Buffer) => answer(frame.subarray(6), socket))
    })
  })
  onTestFinished(() => void listening.close())
  await once(listening.listen(0, '127.0.0.1'), 'listening')
  return new URL(`http://127.0.0.1:${(listening.address() as { port: number }).port}`)
}

const framed = (message: Buffer): Buffer => Buffer.concat([Buffer.from([0x82, message.length]), message])

test.each<[string, (message: Buffer, socket: Socket) => void]>([
  ['wrong bytes', (message, socket) => socket.write(framed(message.fill(0)))],
  ['wrong framing', (message, socket) => socket.write(message)],
  ['closed between messages', (_, socket) => socket.end()],
])('%s', async (problem, answer) => {
  const outcome = await messages(await server(answer), job)
  expect(outcome).toMatchObject({ exchanges: 0, problems: { [problem]: 2 } })
})
