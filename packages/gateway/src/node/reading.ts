/**
 * Plain sockets of node:http that all read into the same buffer.
 *
 * Node reads 64 KiB at a time, into memory that it allocates for every piece and leaves to the garbage collector. A socket
 * made with `onread` reads into what it is given, as much as fits. Node's HTTP parser makes strings of heads and copies
 * content, in every version there is, so nobody needs the buffer for longer than the call: one serves all, and can be
 * large.
 */

import type { IncomingMessage, Server } from 'node:http'
import net, { type NetConnectOpts, type OnReadOpts, type Socket } from 'node:net'
import { largeShared, provenAfter } from './buffers.ts'
import { intercept } from './intercept.ts'
import { detectResets } from './resets.ts'
import { takeOver } from './take-over.ts'

/** A piece of content is as large as the read it came with: small, until the stream has shown that its receiver reads. */
const small = Buffer.allocUnsafeSlow(64 * 1024)

/** Too little for memory of its own, in bytes. */
const short = 4 * 1024

/** How a socket reads. */
interface Reads {
  readonly onread: OnReadOpts
  /** What has been read for the current message, in bytes. */
  bytes: number
  /** Somebody beside the parser has. */
  listened: boolean
  /** Told of each piece before the parser. */
  seen: ((piece: Buffer) => void) | undefined
  /** Where the pieces go. */
  deliver: (piece: Buffer) => boolean
}

const reads = new WeakMap<Socket, Reads>()

function readingInto(): Reads {
  let current = small
  const mine: Reads = {
    onread: {
      buffer() {
        current = mine.bytes > provenAfter ? largeShared() : small
        return current
      },
      callback(count) {
        mine.bytes += count
        return mine.deliver(current.subarray(0, count))
      },
    },
    bytes: 0,
    listened: false,
    seen: undefined,
    deliver: () => true,
  }
  return mine
}

/** For a parser, which listens for `data`. */
function register(socket: Socket, mine: Reads): Socket {
  mine.deliver = (piece) => {
    mine.seen?.(piece)
    socket.emit('data', piece)
    return true
  }
  reads.set(socket, mine)
  return socket
}

/** Makes a connection as `net.connect` does, on which an HTTP parser of Node listens for `data`. */
export function connectReading(options: NetConnectOpts): Socket {
  const mine = readingInto()
  return register(detectResets(net.connect({ ...options, onread: mine.onread } as NetConnectOpts)), mine)
}

/**
 * `onread` for a client that takes pieces off the stream and keeps them, one response at a time: each is a copy, as large
 * as the read.
 */
export function readingCopies(socket: () => Socket): OnReadOpts {
  const mine = readingInto()
  mine.deliver = (piece) => {
    // A response begins with a read, because its request has been written only after the one before had ended.
    if (beginsResponse(piece)) mine.bytes = piece.length
    return socket().push(copyOf(piece))
  }
  return mine.onread
}

/** Looks for `HTTP`. */
function beginsResponse(piece: Buffer): boolean {
  return piece.length > 4 && piece.readUInt32BE(0) === 0x48545450
}

/** With memory of its own, that can be freed, unless it is short: then it shares some. */
function copyOf(piece: Buffer): Buffer {
  if (piece.length < short) return Buffer.from(piece)
  const copy = Buffer.allocUnsafeSlow(piece.length)
  copy.set(piece)
  return copy
}

/**
 * Has `seen` told of each piece before the parser, which costs less than to listen beside it.
 * @returns false for a socket that reads as Node has it.
 */
export function watchReading(socket: Socket, seen: (piece: Buffer) => void): boolean {
  const mine = reads.get(socket)
  if (mine === undefined) return false
  mine.seen = seen
  return true
}

/**
 * Lets a server's connections read as those to upstreams do. To be called before anybody else listens for them.
 * @param hold Told of each, with what makes the server's parser read it.
 */
export function acceptReading(
  server: Server,
  hold: (socket: Socket, parse: (socket: Socket) => void) => void,
): void {
  intercept(server, 'connection', (accepted, parse) => {
    const mine = readingInto()
    const taken = takeOver(accepted)?.(mine.onread)
    const socket = taken === undefined ? accepted : register(taken, mine)
    hold(socket, parse)
    parse(socket)
  })
}

/** To be called when the head of an answer has come: its stream has yet to show that its client reads. */
export function beginsAnswer({ socket }: IncomingMessage): void {
  const mine = reads.get(socket)
  if (mine !== undefined) mine.bytes = 0
}

const ignore = (): void => {}

/** The same for a request whose content is wanted. */
export function beginsRequest({ socket }: IncomingMessage): void {
  const mine = reads.get(socket)
  if (mine === undefined) return
  mine.bytes = 0
  // A server's parser reads past the socket, into a buffer of its own, until somebody else listens for what comes.
  if (!mine.listened) socket.on('data', ignore).off('data', ignore)
  mine.listened = true
}

/** From here on the socket is a stream like any other, whose pieces are for keeping. */
export function becomesStream(socket: Socket): void {
  const mine = reads.get(socket)
  if (mine !== undefined) mine.deliver = (piece) => socket.push(Buffer.from(piece))
}

/** Whether a piece of content lies in a buffer that is read into again: a parser that does that is not known here. */
export function isBorrowed({ buffer }: Uint8Array): boolean {
  return buffer === small.buffer || buffer === largeShared().buffer
}

export function unknownParser(): Error {
  return new Error('This version of Node is not supported: its parser keeps what it read')
}
