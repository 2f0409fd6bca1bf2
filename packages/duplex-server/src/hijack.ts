/** Takes a connection over from a `node:http` server: the socket, what was buffered, and the duty to end it. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'

export interface Hijacked {
  /**
   * Write the status line, the fields and everything after them here. Each write leaves at once. Who hijacked the
   * connection ends it: `node:http` neither answers nor closes it any more. A head without `Connection: close` promises
   * more than this connection will keep.
   */
  readonly socket: Socket
  /**
   * The request's content, without its framing, with what had arrived already. It can be read while the response is being
   * written. When it has ended, what follows on the connection comes from `socket`.
   */
  readonly content: Readable
}

/**
 * Takes an HTTP/1.1 connection over inside a server's `request` event, before anything was written. (In an `upgrade`
 * event Node has let go of the connection already: use its socket, and unshift its head.)
 *
 * @throws Error when the response was begun, or the request did not come over HTTP/1.1.
 */
export function hijack(request: IncomingMessage, response: ServerResponse): Hijacked {
  const { socket } = request
  if (response.headersSent || response.writableEnded)
    throw new Error('The response was begun: too late to hijack')
  if (request.httpVersionMajor !== 1 || response.socket !== socket) {
    throw new Error('Only an HTTP/1.1 connection can be hijacked')
  }
  response.detachSocket(socket)
  // The server's limits on requests and idle connections are not limits on what happens here.
  socket.setTimeout(0)
  socket.setNoDelay(true)
  const letGo = (): void => {
    // Only a listener for data makes Node hand the bytes to the socket instead of straight to its parser.
    socket.on('data', ignore)
    for (const event of ['data', 'end', 'drain', 'timeout']) socket.removeAllListeners(event)
    // As Node leaves the socket of an upgrade: whoever listens first, in whatever way, starts it.
    Object.assign(socket, { readableFlowing: null })
  }
  if (hasContent(request)) request.once('end', letGo)
  else letGo()
  return { socket, content: request }
}

const ignore = (): void => {}

function hasContent({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
