/** A message over the channel of a child for each request and for each response: both are held whole, and copied. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Answer, Question } from './answering.ts'

/** Nobody would hold a body of any size, several times over. */
const most = 16 * 1024 ** 2

export async function start(port: number): Promise<URL> {
  const service = fork(new URL('answering.ts', import.meta.url), { serialization: 'advanced' })
  const waiting = new Map<number, ServerResponse>()
  let last = 0
  const server = createServer(async (request, response) => {
    const id = ++last
    const pieces: Buffer[] = []
    let bytes = 0
    try {
      for await (const piece of request) {
        bytes += piece.length
        if (bytes > most) return response.writeHead(413).end()
        pieces.push(piece)
      }
    } catch {
      return // The client has left.
    }
    waiting.set(
      id,
      response.once('close', () => waiting.delete(id)),
    )
    const { method = '', url = '', rawHeaders: fields } = request
    const body = Buffer.concat(pieces)
    service.send({ id, method, url, fields, body } satisfies Question)
  })
  service.on('message', ({ id, status, fields, body }: Answer) => {
    waiting.get(id)?.writeHead(status, fields).end(body)
  })
  process.once('SIGTERM', () => {
    server.close()
    server.closeAllConnections()
    service.disconnect()
  })
  service.once('exit', () => server.close())
  await once(server.listen({ port, host: '127.0.0.1', backlog: 4096 }), 'listening')
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
}
