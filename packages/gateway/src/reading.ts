/**
 * Upstream sockets of node:http that all read into the same buffer.
 *
 * Node allocates 64 KiB for every read and leaves them to the garbage collector. A socket made with `onread` reads into
 * what it is given, as much as fits. Node's HTTP parser makes strings of heads and copies content, in every version
 * there is, so nobody needs the buffer for longer than the call: one serves all, and can be large.
 */

import type { IncomingMessage } from 'node:http'
import net, { type NetConnectOpts, type Socket } from 'node:net'
import { largeSize, provenAfter } from './buffers.ts'

/** A piece of content is as large as the read it came with: small, until the stream has shown that its client reads. */
const small = Buffer.allocUnsafeSlow(64 * 1024)
const large = Buffer.allocUnsafeSlow(largeSize)

/** What has been read for the current answer, in bytes. */
const moved = new WeakMap<Socket, { bytes: number }>()

/** Makes a connection as `net.connect` does, on which an HTTP parser of Node listens for `data`. */
export function connectReading(options: NetConnectOpts): Socket {
  const read = { bytes: 0 }
  let current = small
  const socket = net.connect({
    ...options,
    onread: {
      buffer() {
        current = read.bytes > provenAfter ? large : small
        return current
      },
      callback(count: number) {
        read.bytes += count
        socket.emit('data', current.subarray(0, count))
        return true
      },
    },
  } as NetConnectOpts)
  moved.set(socket, read)
  return socket
}

/** To be called when the head of an answer has come: its stream has yet to show that its client reads. */
export function beginsAnswer({ socket }: IncomingMessage): void {
  const read = moved.get(socket)
  if (read !== undefined) read.bytes = 0
}

/** Whether a piece of content lies in a buffer that is read into again: a parser that does that is not known here. */
export function isBorrowed({ buffer }: Uint8Array): boolean {
  return buffer === small.buffer || buffer === large.buffer
}
