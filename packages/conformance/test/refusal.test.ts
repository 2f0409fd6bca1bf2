import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { connect } from '@relayrace/fixtures/wire'
import { expect, onTestFinished, test } from 'vitest'
import type { Stage } from '../src/case.ts'
import { type Refusing, refuses } from '../src/refusal.ts'

/** A target that refuses everything, and then ends the connection or does not. */
async function refusing(fields: string, ends: boolean): Promise<Stage> {
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write(`HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n${fields}\r\n`)
      if (ends) socket.end()
    })
    onTestFinished(() => void socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const client = await connect(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), {
    patience: 500,
  })
  onTestFinished(() => client.close())
  const stage: Partial<Stage> = {
    origin: { requests: [] } as unknown as Stage['origin'],
    async ask(request) {
      client.send(request)
      return { client, exchange: undefined, response: client.response() }
    },
  }
  return stage as Stage
}

const request = 'GET / HTTP/1.1\r\nHost : a\r\n\r\n'

test.each<[string, string, Refusing]>([
  ['that says close', 'Connection: close\r\n', {}],
  ['that says Close', 'Connection: Close\r\n', {}],
  ['of what cannot be read on', '', { closes: true }],
])('a refusal %s ends the connection (RFC 9112 §9.6)', async (_, fields, how) => {
  await refuses(await refusing(fields, true), request, how)
  await expect(refuses(await refusing(fields, false), request, how)).rejects.toThrow('was not closed')
})

test('another one need not', async () => {
  await refuses(await refusing('', false), request)
})
