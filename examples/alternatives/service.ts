/**
 * The separate program. It listens where PORT or SOCKET says, or takes the connections that it is handed. With UPSTREAM it
 * relays to there, so that suite and bench can look through it.
 */

import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { createPipeProxy } from '@relayrace/pipe-proxy'

const { UPSTREAM, SOCKET, PORT } = process.env

const gateway = createPipeProxy({
  upstream:
    UPSTREAM ?? (({ request }) => ({ status: 200, body: `${request.target} in process ${process.pid}\n` })),
})

if (process.send === undefined) await gateway.listen(SOCKET ? { path: SOCKET } : { port: Number(PORT) })
else {
  const server = createServer(gateway.handle)
    .on('checkContinue', gateway.handle)
    .on('upgrade', gateway.upgrade)
  process.on('message', ({ read }: { read: Uint8Array }, socket: Socket | undefined) => {
    if (socket === undefined) return // It was gone before it could be handed over.
    socket.allowHalfOpen = true
    server.emit('connection', socket)
    socket.unshift(read)
  })
  process.once('disconnect', () => gateway.close())
}
process.once('SIGTERM', () => gateway.close())
