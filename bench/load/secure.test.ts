import { constants } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer as createPlain, type Socket } from 'node:net'
import { createServer, type SecureContextOptions } from 'node:tls'
import { certificates } from '@relayrace/fixtures/certificates'
import { slice } from '@relayrace/fixtures/payloads'
import { expect, test } from 'vitest'
import { head } from './broken.ts'
import { handshakes } from './handshakes.ts'
import { bytesPath, receive } from './sink.ts'

const bytes = 200_000
const asked = { path: bytesPath(bytes, 1), bytes, seed: 1 }

/** What somebody else has to bring, too: a server of TLS that is told how to answer. */
async function secure(answer: (socket: Socket) => void, options: SecureContextOptions = {}) {
  const { cert, key } = (await certificates()).server
  const server = createServer({ cert, key, ...options }, (socket) => {
    socket.on('error', () => {})
    socket.once('data', () => answer(socket))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`),
    [Symbol.asyncDispose]: async () => void server.close(),
  }
}

test('every byte that comes over TLS is compared', async () => {
  await using server = await secure((socket) => {
    socket.write(head(bytes))
    socket.end(slice(0, bytes, 1))
  })
  expect(await receive(server.url, asked)).toMatchObject({ bytes, problem: undefined })
})

test('a wrong byte over TLS is noticed', async () => {
  await using server = await secure((socket) => {
    const wrong = Buffer.from(slice(0, bytes, 1))
    wrong[bytes - 1] = (wrong[bytes - 1] as number) ^ 1
    socket.write(head(bytes))
    socket.end(wrong)
  })
  expect((await receive(server.url, asked)).problem).toBe('wrong bytes')
})

test('who answers a handshake with plain HTTP is an error', async () => {
  const server = createPlain((socket) => void socket.on('error', () => {}).write(head(0)))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`)
  expect((await receive(url, asked)).problem).toBe('TLS went wrong')
  server.close()
})

const few = { kind: 'handshakes', clients: 5, atATime: 2, bytes: 1000, warmUp: 0 } as const
const small = (socket: Socket): void => {
  socket.write(head(1000))
  socket.end(slice(0, 1000, 1))
}

test.each([true, false])('handshakes are counted with their responses, resumed: %s', async (resumed) => {
  await using server = await secure(small)
  const { exchanges, problems } = await handshakes(server.url, { ...few, resumed })
  expect({ exchanges, problems }).toEqual({ exchanges: 5, problems: {} })
})

test('a session that cannot be resumed is an error', async () => {
  await using server = await secure(small, { secureOptions: constants.SSL_OP_NO_TICKET })
  const { problems } = await handshakes(server.url, { ...few, resumed: true })
  expect(problems).toMatchObject({ 'not resumed': 5 })
})

test('a wrong response is no handshake that counts', async () => {
  await using server = await secure((socket) => socket.end(head(0)))
  const { exchanges, problems } = await handshakes(server.url, { ...few, resumed: false })
  expect({ exchanges, problems }).toEqual({ exchanges: 0, problems: { 'wrong bytes': 5 } })
})
