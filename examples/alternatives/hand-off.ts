/** The connection itself is given to the service, with what was read of it: from then on the gateway is not in the way. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

const most = 16_384

export async function start(port: number): Promise<URL> {
  const service = fork(new URL('service.ts', import.meta.url), { serialization: 'advanced' })
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    let read = Buffer.alloc(0)
    open.add(socket.once('close', () => open.delete(socket)))
    socket.setTimeout(60_000, () => socket.destroy())
    socket.on('error', () => socket.destroy()).on('end', () => socket.destroy())
    socket.on('data', function more(piece: Buffer) {
      read = Buffer.concat([read, piece])
      // A gateway of many services would choose one here, by a head that it has only looked at.
      if (!read.includes('\r\n\r\n') && read.length < most) return
      stopReading(socket)
      socket.off('data', more)
      open.delete(socket)
      service.send({ read }, socket)
    })
  })
  process.once('SIGTERM', () => {
    server.close()
    for (const socket of open) socket.destroy()
    service.disconnect()
  })
  service.once('exit', () => server.close())
  await once(server.listen({ port, host: '127.0.0.1', backlog: 4096 }), 'listening')
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
}

/** At once: what is read while the connection is on its way would be lost, and pause() lets one more piece come. */
function stopReading(socket: Socket): void {
  ;(socket as unknown as { _handle: { readStop(): void } })._handle.readStop()
}
