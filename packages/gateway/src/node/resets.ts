/**
 * Resets that come together with the last bytes before them. libuv before 1.52, which is in Node 22, reports those as an end
 * in order: what ends with its connection would look whole (RFC 9112 §8). Newer ones report what they are.
 */

import { Socket } from 'node:net'

/** A socket as Node makes it: its native half. It is no public interface; without it an end is what Node says. */
interface WithHandle {
  readonly _handle: { getpeername?(out: object): number } | null
}

/** Makes a socket fail with `ECONNRESET` when it is reset, whatever Node says. To be called before its end has come. */
export function detectResets<S extends Socket>(socket: S): S {
  if (mistakesResets && !('encrypted' in socket)) socket.push = push
  return socket
}

const [major = 0, minor = 0] = (process.versions.uv ?? '').split('.').map(Number)
const mistakesResets = major === 1 && minor < 52

/** Node calls it with null at the very moment at which it hears of the end, however much is still to be read before it. */
function push(this: Socket, chunk: unknown, encoding?: BufferEncoding): boolean {
  if (chunk !== null || !wasReset(this)) return Socket.prototype.push.call(this, chunk, encoding)
  this.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' }))
  return false
}

/** A connection has a peer until it is reset, or both sides have ended it. */
function wasReset(socket: Socket): boolean {
  const { _handle: handle } = socket as unknown as WithHandle
  return !socket.writableEnded && (handle?.getpeername?.({}) ?? 0) !== 0
}
