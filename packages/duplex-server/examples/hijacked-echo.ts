/** The same on a connection taken from `node:http`: status line by hand, then both directions at once. */

import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { hijack } from '@relayrace/duplex-server'

const server = http.createServer(async (request, response) => {
  const { socket, content } = hijack(request, response)
  socket.on('error', () => socket.destroy())
  socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n')
  for await (const piece of content) {
    if (!socket.write(piece)) await once(socket, 'drain')
  }
  socket.end()
})

server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`hijacked-echo http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
})
process.once('SIGTERM', () => server.close())
