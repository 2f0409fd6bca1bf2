/**
 * Whether a TLS connection was ended in order. Anybody on the way can forge a FIN, but not the alert `close_notify` that
 * comes before it (RFC 8446 §6.1). Node ends a socket in the same way with and without it.
 */

import { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** A TLS socket as Node makes it: its native half, and that of the TCP connection below. */
interface WithHandles {
  readonly _handle: {
    readonly reading?: boolean
    readonly _parent?: { readStart?(): number; readStop(): number }
  } | null
}

const unended = new WeakSet<Socket>()

/** Begins to watch a connection that `tls.connect` has made, before anything was read from it. */
export function watchCloseNotify<S extends Socket>(socket: S): S {
  socket.push = push
  return socket
}

/** False once a watched connection has ended without `close_notify`, and true for all others. */
export function endedInOrder(socket: Socket): boolean {
  return !unended.has(socket)
}

/** Why a message that ends with such a connection is not complete (RFC 9112 §9.8). */
export function unexpectedEnd(): Error {
  return Object.assign(new Error('The TLS connection ended without close_notify'), { code: 'UNEXPECTED_EOF' })
}

/**
 * Closes a connection so that nobody takes its end for the end of what it carried: by a reset, or over TLS without
 * `close_notify`.
 */
export function breakOff(socket: Socket): void {
  // Node can reset TCP connections only, and throws for others: TLS, or a Unix domain socket, which has no address. One
  // whose end is just being sent would be destroyed and never close; and all that was written comes before that end.
  const { writableEnded, writableFinished, writableLength } = socket
  const ending = writableEnded && !writableFinished && writableLength === 0
  if (ending || socket.remoteAddress === undefined || 'encrypted' in socket) socket.destroy()
  else socket.resetAndDestroy()
}

/** Node calls it with null at the very moment at which it hears of the end, however much is still to be read before it. */
function push(this: Socket, chunk: unknown, encoding?: BufferEncoding): boolean {
  if (chunk === null && endsBelow(this as TLSSocket)) unended.add(this)
  return Socket.prototype.push.call(this, chunk, encoding)
}

/**
 * Whether the end is that of the TCP connection. The alert comes with bytes that are read, so then the TCP connection is
 * being read from, and libuv refuses to start that again (UV_EALREADY). After its end it is not, and could be started.
 *
 * Neither handle is a public interface of Node. Without them every end is in order, as it is for everybody else.
 */
function endsBelow(socket: TLSSocket): boolean {
  const { _handle: tls } = socket as unknown as WithHandles
  const tcp = tls?._parent
  // A connection that is paused has read its last bytes before, and hears of no end of TCP.
  if (tls?.reading !== true || tcp?.readStart === undefined || tcp.readStart() !== 0) return false
  tcp.readStop()
  return true
}
