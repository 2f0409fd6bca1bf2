import type { Socket } from 'node:net'
import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { slice } from '@relayrace/fixtures/payloads'
import { expect, test } from 'vitest'
import { head, serve } from './broken.ts'
import { bytesPath, download, receive, stall } from './sink.ts'

const bytes = 200_000
const seed = 1
const body = (): Buffer => Buffer.from(slice(0, bytes, seed))

/** What the sink finds wrong with a server. */
async function problemOf(answer: (socket: Socket) => void): Promise<string | undefined> {
  await using server = await serve(answer)
  return (await receive(server.url, { path: bytesPath(bytes, seed), bytes, seed })).problem
}

test('finds nothing wrong with the right bytes', async () => {
  expect(await problemOf((socket) => socket.write(head(bytes)) && socket.write(body()))).toBeUndefined()
})

test('notices a body that ends early', async () => {
  expect(
    await problemOf((socket) => {
      socket.write(head(bytes))
      socket.end(body().subarray(1))
    }),
  ).toBe('truncated')
})

test('notices a connection that is reset in the body', async () => {
  expect(
    await problemOf((socket) => {
      socket.write(head(bytes))
      socket.write(body().subarray(1), () => socket.resetAndDestroy())
    }),
  ).toBe('truncated')
})

test('notices one wrong byte', async () => {
  const wrong = body()
  wrong[bytes - 1] = (wrong[bytes - 1] as number) ^ 1
  expect(await problemOf((socket) => socket.write(head(bytes)) && socket.write(wrong))).toBe('wrong bytes')
})

test('notices two pieces in the wrong order', async () => {
  const half = bytes / 2
  const swapped = Buffer.concat([body().subarray(half), body().subarray(0, half)])
  expect(await problemOf((socket) => socket.write(head(bytes)) && socket.write(swapped))).toBe('wrong bytes')
})

test('notices a shorter body that is sound in itself', async () => {
  expect(await problemOf((socket) => socket.write(head(5)) && socket.write(body().subarray(0, 5)))).toBe(
    'wrong length',
  )
})

test('notices another status', async () => {
  expect(await problemOf((socket) => socket.write(`${head(3, '502 Bad Gateway')}bad`))).toBe('status 502')
})

test('notices a missing last chunk', async () => {
  expect(
    await problemOf((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${bytes.toString(16)}\r\n`)
      socket.write(body())
      socket.end('\r\n')
    }),
  ).toBe('truncated')
})

test('notices a port where nobody listens', async () => {
  const { url } = await (async () => {
    await using server = await serve(() => {})
    return server
  })()
  expect((await receive(url, { path: '/', bytes, seed })).problem).toBe('connect ECONNREFUSED')
})

test('takes parallel streams from the origin, each with bytes of its own', async () => {
  await using origin = await startBulkOrigin()
  const outcome = await download(origin.url, { kind: 'download', streams: 3, bytes: 3_000_000, warmUp: 0 })
  expect(outcome).toMatchObject({ bytes: 9_000_000, exchanges: 3, problems: {} })
})

test('of several downloads those that failed carry nothing', async () => {
  await using server = await serve((socket, _, request) => {
    const seed = Number(/seed=(\d+)/.exec(request)?.[1])
    socket.write(head(bytes))
    socket.write(slice(0, bytes, seed === 2 ? 9 : seed))
  })
  const outcome = await download(server.url, { kind: 'download', streams: 3, bytes, warmUp: 0 })
  expect(outcome).toMatchObject({ bytes: 2 * bytes, exchanges: 2, problems: { 'wrong bytes': 1 } })
})

test('several downloads last until the slowest has come', async () => {
  const first = Promise.withResolvers<void>()
  await using server = await serve(async (socket, _, request) => {
    const seed = Number(/seed=(\d+)/.exec(request)?.[1])
    if (seed === 1) socket.once('close', () => first.resolve())
    else await first.promise
    socket.write(head(bytes))
    socket.write(slice(0, bytes, seed))
  })
  const outcome = await download(server.url, { kind: 'download', streams: 2, bytes, warmUp: 0 })
  expect(outcome.problems).toEqual({})
  // The second has begun only when the first was over.
  expect(outcome.seconds * 1000).toBeGreaterThanOrEqual(outcome.values.firstByteWorst as number)
})

test('a stalled reader takes no more than it asked for until it is let go, and then the right bytes', async () => {
  await using origin = await startBulkOrigin()
  let held = 0
  const job = { kind: 'stall', streams: 4, bytes: 64 * 1024 ** 2, after: 64 * 1024, warmUp: 0 } as const
  const outcome = await stall(origin.url, job, async () => {
    held++
  })
  expect(held).toBe(1)
  expect(outcome).toMatchObject({ exchanges: 4, problems: {} })
  expect(outcome.bytes).toBeGreaterThanOrEqual(4 * 2 * 64 * 1024)
  expect(outcome.bytes).toBeLessThan(4 * 64 * 1024 ** 2)
})

test('streams may begin one after the other, and be late only against the last that began', async () => {
  const bytes = 64 * 1024 ** 2
  await using server = await serve((socket, nth, request) => {
    const seed = Number(/seed=(\d+)/.exec(request)?.[1])
    setTimeout(() => socket.write(head(bytes)) && socket.write(slice(0, 200_000, seed)), nth * 1_000)
  })
  const job = { kind: 'stall', streams: 5, bytes, after: 64 * 1024, warmUp: 0 } as const
  const outcome = await stall(server.url, job, async () => {}, 3_000)
  expect(outcome).toMatchObject({ exchanges: 5, problems: {} })
})

test('a reader that stands still may do so for longer than a stream may take to begin', async () => {
  await using origin = await startBulkOrigin()
  await using silent = await serve(() => {})
  const job = { kind: 'stall', streams: 2, bytes: 64 * 1024 ** 2, after: 64 * 1024, warmUp: 0 } as const
  const patience = 1_000
  const outcome = await stall(
    origin.url,
    job,
    async () => {
      const other = await stall(silent.url, job, async () => {}, patience)
      expect(other.problems).toEqual({ 'no response in time': 2 })
    },
    patience,
  )
  expect(outcome).toMatchObject({ exchanges: 2, problems: {} })
})

test('a stream that never begins is noticed', async () => {
  await using server = await serve(() => {})
  const job = { kind: 'stall', streams: 2, bytes: 1024, after: 64, warmUp: 0 } as const
  const outcome = await stall(server.url, job, async () => {}, 100)
  expect(outcome).toMatchObject({ exchanges: 0, problems: { 'no response in time': 2 } })
})

test('a stream that is cut while it is stalled is noticed', async () => {
  const sockets: Socket[] = []
  await using server = await serve((socket) => {
    sockets.push(socket)
    socket.write(head(64 * 1024 ** 2))
    socket.write(slice(0, 100_000, 1))
  })
  const job = { kind: 'stall', streams: 1, bytes: 64 * 1024 ** 2, after: 64 * 1024, warmUp: 0 } as const
  const outcome = await stall(server.url, job, async () => sockets[0]?.resetAndDestroy() && undefined)
  expect(outcome).toMatchObject({ exchanges: 0, problems: { truncated: 1 } })
})
