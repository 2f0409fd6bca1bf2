/** Reads and writes at once: on a connection taken from `node:http`, or with `--duplex` on a server that is made for it. */

import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { createDuplexServer, hijack } from '@relayrace/duplex-server'

const where = { port: Number(process.env.PORT ?? 8080), host: '127.0.0.1' }

if (process.argv[2] === '--duplex') {
  const server = createDuplexServer(async (request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain' })
    for await (const piece of request) await response.write(piece)
    response.end()
  })
  console.log(`echo at ${(await server.listen(where)).url}`)
} else {
  const server = http.createServer(async (request, response) => {
    const { socket, content } = hijack(request, response)
    socket.on('error', () => socket.destroy())
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n')
    for await (const piece of content) if (!socket.write(piece)) await once(socket, 'drain')
    socket.end()
  })
  await once(server.listen(where), 'listening')
  console.log(`echo at http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
}
