import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo, NetConnectOpts, Socket } from 'node:net'
import net from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import {
  acceptReading,
  becomesStream,
  beginsRequest,
  isBorrowed,
  readingCopies,
} from '../src/node/reading.ts'

const MiB = 1024 * 1024
/** More than a stream has to move before it reads in large pieces. */
const much = 24 * MiB

async function serving(server: Server): Promise<number> {
  acceptReading(server, () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

interface Upload {
  readonly hash: string
  readonly largest: number
  readonly borrowed: boolean
}

async function received(incoming: IncomingMessage): Promise<Upload> {
  beginsRequest(incoming)
  const hash = createHash('sha1')
  let largest = 0
  let borrowed = false
  for await (const piece of incoming as AsyncIterable<Buffer>) {
    hash.update(piece)
    largest = Math.max(largest, piece.length)
    borrowed ||= isBorrowed(piece)
  }
  return { hash: hash.digest('hex'), largest, borrowed }
}

async function upload(port: number, body: Buffer): Promise<string> {
  const asked = request({ host: '127.0.0.1', port, method: 'POST' })
  asked.end(body)
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  return text(answer)
}

const sha1 = (body: Buffer): string => createHash('sha1').update(body).digest('hex')

test('uploads that share the buffer are read in large pieces, and do not mix', async () => {
  const port = await serving(
    createServer(async (incoming, response) => response.end(JSON.stringify(await received(incoming)))),
  )
  const bodies = [1, 2, 3].map((value) => Buffer.alloc(much, `${value} and so on;`))
  const answers = await Promise.all(bodies.map((body) => upload(port, body)))
  const uploads = answers.map((answer): Upload => JSON.parse(answer))
  expect(uploads.map(({ hash }) => hash)).toEqual(bodies.map(sha1))
  for (const { largest, borrowed } of uploads) {
    expect(largest).toBeGreaterThan(64 * 1024)
    expect(borrowed).toBe(false)
  }
})

test('a connection after an upload can change its protocol, and what came early is kept', async () => {
  const server = createServer(async (incoming, response) => {
    await received(incoming)
    response.end('ok')
  })
  const upgraded = Promise.withResolvers<[Socket, Buffer]>()
  server.on('upgrade', (_, socket, head) => {
    becomesStream(socket as Socket)
    upgraded.resolve([socket as Socket, Buffer.from(head)])
  })
  const client = net.connect(await serving(server), '127.0.0.1')
  onTestFinished(() => void client.destroy())
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody')
  await once(client, 'data')
  client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhead,')
  const [socket, head] = await upgraded.promise
  client.write('early,')
  await once(socket, 'readable')
  // Its reader is late, and another connection overwrites the buffer meanwhile.
  await upload((server.address() as AddressInfo).port, Buffer.alloc(MiB, 'x'))
  socket.write('go on')
  await once(client, 'data')
  client.end('late')
  expect(head.toString() + (await text(socket))).toBe('head,early,late')
})

test('the server counts its connections', async () => {
  const server = createServer((_, response) => response.end('ok'))
  const port = await serving(server)
  const count = (): Promise<number> =>
    new Promise((resolve) => server.getConnections((_, connections) => resolve(connections)))
  const client = net.connect(port, '127.0.0.1')
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(client, 'data')
  expect(await count()).toBe(1)
  const gone = new Promise<void>((resolve) => server.close(() => resolve()))
  client.destroy()
  await gone
  expect(await count()).toBe(0)
})

test('a client that keeps the pieces gets copies, and small ones again with each response', async () => {
  const response = Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), Buffer.alloc(much, 'and so on;')])
  const server = net.createServer((served) => served.on('data', () => served.write(response)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const socket: Socket = net.connect({ port, onread: readingCopies(() => socket) } as NetConnectOpts)
  onTestFinished(() => void socket.destroy())

  for (const _ of [1, 2]) {
    socket.write('next')
    const pieces: Buffer[] = []
    let missing = response.length
    const all = Promise.withResolvers<void>()
    socket.removeAllListeners('data').on('data', (piece: Buffer) => {
      pieces.push(piece)
      missing -= piece.length
      if (missing === 0) all.resolve()
    })
    socket.resume()
    await all.promise
    expect(Buffer.concat(pieces).equals(response)).toBe(true)
    // The first piece says that a response begins, and comes as the ones before it did.
    const growth = pieces.findIndex(({ length }, i) => i > 0 && length > 64 * 1024)
    const before = pieces.slice(0, growth).reduce((sum, { length }) => sum + length, 0)
    expect(growth).toBeGreaterThan(0)
    expect(before).toBeGreaterThan(16 * MiB)
  }
})
