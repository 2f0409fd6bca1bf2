/** Servers that are wrong in one way each, to see that the load generator notices. For tests only. */

import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

export interface Broken extends AsyncDisposable {
  readonly url: URL
}

/** Answers each request on a connection with what `answer` does. Requests have no body. */
export async function serve(answer: (socket: Socket, nth: number, request: string) => void): Promise<Broken> {
  const sockets = new Set<Socket>()
  let requests = 0
  const server = createServer((socket) => {
    sockets.add(socket)
    let text = ''
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (data) => {
      text += data.toString('latin1')
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        const request = text.slice(0, end)
        text = text.slice(end + 4)
        answer(socket, requests++, request)
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

export const head = (length: number, status = '200 OK'): string =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${length}\r\n\r\n`
