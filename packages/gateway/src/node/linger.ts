/** The end of a connection whose client still sends, so that it can read its answer first (RFC 9112 §9.6). */

import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** How long a client that goes on sending after its answer is listened to, so that it can read the answer first, in ms. */
const linger = 5_000

/** Closes our side, and goes on reading for a while: closing altogether would reset the connection. */
export function listenOn(socket: Duplex): void {
  const timer = setTimeout(() => socket.destroy(), linger)
  socket.once('close', () => clearTimeout(timer))
  socket.once('end', () => socket.destroy())
  socket.end()
  socket.resume()
}

/**
 * node:http destroys the connection as soon as the last response on it is out. Here it only ends our side then; whoever
 * calls this calls `listenOn` when the response is out.
 */
export function endAfterLastResponse(socket: Socket): void {
  socket.destroySoon = () => socket.end()
}
