import { gzipSync } from 'node:zlib'
import { slice } from '@relayrace/fixtures/payloads'
import { expect, test } from 'vitest'
import { serve } from './broken.ts'
import { unpack } from './unpack.ts'

const bytes = 200_000
const text = Buffer.from(slice(0, bytes, 1, 'text'))
const flipped = Buffer.from(text)
flipped[bytes - 1] = 'X'.charCodeAt(0)

/** What the client finds when it gets this. */
async function found(body: Buffer, encoding = 'gzip') {
  await using server = await serve((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: ${encoding}\r\nContent-Length: ${body.length}\r\n\r\n`)
    socket.write(body)
  })
  return await unpack(server.url, { bytes })
}

test('a text that comes packed is unpacked and compared', async () => {
  const packed = gzipSync(text)
  expect(await found(packed)).toMatchObject({ bytes, problems: {}, values: { packed: packed.length } })
  expect(packed.length).toBeLessThan(bytes / 2)
})

test.each([
  ['not packed', text, 'identity'],
  ['cannot be unpacked', text, 'gzip'],
  ['wrong bytes', gzipSync(flipped), 'gzip'],
  ['wrong length', gzipSync(text.subarray(0, 1000)), 'gzip'],
])('%s is an error', async (problem, body, encoding) => {
  expect((await found(body, encoding)).problems).toEqual({ [problem]: 1 })
})
