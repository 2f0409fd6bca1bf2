/** A WebSocket on a hijacked connection, spoken by the `ws` package. */

import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { hijack } from '@relayrace/duplex-server'
import { WebSocketServer } from 'ws'

const sockets = new WebSocketServer({ noServer: true })

const server = http.createServer((request, response) => {
  if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
    response.writeHead(426, { Upgrade: 'websocket' }).end()
    return
  }
  const { socket } = hijack(request, response)
  sockets.handleUpgrade(request, socket, Buffer.alloc(0), (client) => {
    client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }))
  })
})

server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`websocket-echo http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
})
process.once('SIGTERM', () => server.close())
