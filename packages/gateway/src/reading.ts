/**
 * Upstream sockets of node:http that read into buffers of ours instead of a new one for each read.
 *
 * Node allocates 64 KiB for every read and leaves them to the garbage collector. A socket made with `onread` reads into
 * what it is given, as much as fits; what it has read is handed to Node's parser as if it had come in the usual way.
 * The parser's pieces of content lie in that buffer, so it is not read into again before they are out.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { ServerResponse as PlainResponse } from 'node:http'
import net, { type NetConnectOpts, type Socket } from 'node:net'
import { giveBack, giveUp, leaseLarge, leaseSmall, provenAfter, shared, smallSize } from './buffers.ts'

const readers = new WeakMap<Socket, Reader>()

/** Makes a connection as `net.connect` does. */
export function connectReading(options: NetConnectOpts): Socket {
  const reader = new Reader()
  const onread = { buffer: reader.next, callback: reader.received }
  const socket = net.connect({ ...options, onread } as NetConnectOpts)
  reader.socket = socket
  readers.set(socket, reader)
  socket.once('close', () => reader.close())
  return socket
}

/**
 * The content of that answer goes to that response, until it is complete: a buffer of its own is worth it, and can be
 * read into again once the response has taken what was in it.
 */
export function readFor(answer: IncomingMessage, response: ServerResponse): void {
  readers.get(answer.socket)?.begin(answer, response)
}

/** Whether pieces of that answer's content lie in buffers that are ours to keep. */
export function readsIntoOurs(answer: { readonly socket?: Socket }): boolean {
  return answer.socket !== undefined && readers.has(answer.socket)
}

class Reader {
  socket!: Socket
  #answer: IncomingMessage | undefined
  #response: ServerResponse | undefined
  #current = shared
  #lease: Buffer | undefined
  #moved = 0

  begin(answer: IncomingMessage, response: ServerResponse): void {
    // Whoever has put himself in between, a compressing middleware perhaps, may look at the pieces later.
    if (response.write !== PlainResponse.prototype.write) return
    this.#answer = answer
    this.#response = response
    this.#moved = 0
  }

  readonly received = (count: number): boolean => {
    const bytes = this.#current.subarray(0, count)
    this.#moved += count
    // Others read into the shared buffer next.
    this.socket.emit('data', this.#current === shared ? Buffer.from(bytes) : bytes)
    // node:http holds its writes until the next tick, and the buffer with them.
    this.#response?.socket?.uncork()
    if (this.#answer?.complete === true) this.#done()
    return true
  }

  /** The buffer for the next read. */
  readonly next = (): Buffer => {
    if (this.#answer === undefined) return this.#use(shared)
    const free = this.#answer.readableLength === 0 && this.#response?.writableLength === 0
    if (this.#lease === undefined) return this.#use(this.#own(leaseSmall()))
    if (!free) {
      // Somebody still needs it.
      giveUp(this.#lease)
      return this.#use(this.#own(leaseSmall()))
    }
    if (this.#lease.length === smallSize && this.#moved > provenAfter) {
      const large = leaseLarge()
      if (large !== undefined) {
        giveBack(this.#lease)
        return this.#use(this.#own(large))
      }
    }
    return this.#current
  }

  close(): void {
    if (this.#lease !== undefined) giveUp(this.#lease)
    this.#lease = undefined
  }

  #done(): void {
    const free = this.#answer?.readableLength === 0 && this.#response?.writableLength === 0
    this.#answer = this.#response = undefined
    if (this.#lease === undefined) return
    if (free) giveBack(this.#lease)
    else giveUp(this.#lease)
    this.#lease = undefined
  }

  #own(buffer: Buffer): Buffer {
    this.#lease = buffer
    return buffer
  }

  #use(buffer: Buffer): Buffer {
    this.#current = buffer
    return buffer
  }
}
