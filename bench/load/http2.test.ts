import { once } from 'node:events'
import { createSecureServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { certificates } from '@relayrace/fixtures/certificates'
import { slice } from '@relayrace/fixtures/payloads'
import { expect, test } from 'vitest'
import { http2 } from './http2.ts'

const job = { connections: 2, streams: 3, bytes: 100_000 }
const body = Buffer.from(slice(0, job.bytes, 1))

/** What becomes of six requests when each is answered so. */
async function asked(answer: (stream: ServerHttp2Stream) => void) {
  const { cert, key } = (await certificates()).server
  const server = createSecureServer({ cert, key }).on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {})
    answer(stream)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const { exchanges, problems } = await http2(url, job, 6)
  server.close()
  return { exchanges, problems }
}

test('responses over HTTP/2 are counted when every byte is right', async () => {
  const outcome = await asked((stream) => {
    stream.respond({ ':status': 200 })
    stream.end(body)
  })
  expect(outcome).toEqual({ exchanges: 6, problems: {} })
})

test.each<[string, (stream: ServerHttp2Stream) => void]>([
  ['status 404', (stream) => stream.respond({ ':status': 404 }, { endStream: true })],
  [
    'wrong length',
    (stream) => {
      stream.respond({ ':status': 200 })
      stream.end(body.subarray(1))
    },
  ],
  [
    'wrong bytes',
    (stream) => {
      stream.respond({ ':status': 200 })
      stream.end(Buffer.alloc(job.bytes))
    },
  ],
  [
    'truncated',
    (stream) => {
      stream.respond({ ':status': 200 })
      stream.write(body.subarray(0, 10))
      // When the client has seen it.
      stream.session?.ping(() => stream.close(2))
    },
  ],
  ['no response', (stream) => stream.close(2)],
])('%s is an error', async (problem, answer) => {
  expect(await asked(answer)).toEqual({ exchanges: 0, problems: { [problem]: 6 } })
})

test('a connection that ends is an error, and not waited for', async () => {
  const { exchanges, problems } = await asked((stream) => stream.session?.destroy())
  expect(exchanges).toBe(0)
  expect(Object.values(problems).reduce((sum, one) => sum + one, 0)).toBe(6)
})
