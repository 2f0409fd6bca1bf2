/** A socket that reads into buffers of ours and never reads what it has nowhere to put. */

import net, { type NetConnectOpts, type Socket } from 'node:net'
import {
  detectResets,
  giveBack,
  giveUp,
  leaseLarge,
  leaseSmall,
  provenAfter,
  shared,
  smallSize,
  takeOver,
} from '@relayrace/gateway/strategy'

/** What happens on a wire. Nothing is called after `closed`. */
export interface WireEvents {
  /** Bytes that are only valid during the call, unless `Wire.own` says otherwise. */
  received(bytes: Buffer): void
  /** The peer has ended its side. */
  ended(): void
  /** Everything written so far has been taken by the kernel. */
  drained(): void
  closed(error: Error | undefined): void
}

const nothing = Buffer.alloc(0)
/** As much of the shared buffer as a small one can take over. */
const common = shared.subarray(0, smallSize)

export class Wire {
  readonly socket: Socket
  /** Who is told. A tunnel takes over from the message reader here. */
  events: WireEvents
  /** More content is coming than fits the shared buffer: read into a buffer of one's own. */
  bulk = false

  #current: Buffer = common
  #lease: Buffer | undefined
  #moved = 0
  #reading = true
  #inCallback = false
  #awaitingDrain = false
  readonly #whenTaken: (() => void)[] = []
  #error: Error | undefined

  private constructor(socket: Socket | ((onread: net.OnReadOpts) => Socket), events: WireEvents) {
    this.events = events
    this.socket =
      typeof socket === 'function'
        ? socket({ buffer: () => this.#nextBuffer() as Buffer, callback: (count) => this.#received(count) })
        : socket
    detectResets(this.socket)
    this.socket.on('end', () => this.events.ended())
    this.socket.on('error', (error: Error) => {
      this.#error = error
      // An alert ends the TLS and not its socket, where Node has it.
      this.socket.destroy()
    })
    this.socket.on('close', () => {
      // Not reading means that a receiver may still be busy with the buffer.
      if (this.#reading) this.#giveBack()
      else this.#giveUp()
      this.events.closed(this.#error)
    })
  }

  /** Takes over an accepted socket on which nothing has been read (`pauseOnConnect`). */
  static accept(accepted: Socket, events: WireEvents): Wire {
    const make = takeOver(accepted)
    return make === undefined ? Wire.flowing(accepted, events) : new Wire(make, events)
  }

  static connect(options: NetConnectOpts, events: WireEvents): Wire {
    return new Wire(
      (onread) => net.connect({ ...options, allowHalfOpen: true, onread } as NetConnectOpts),
      events,
    )
  }

  /** A socket that cannot be told where to read to: it allocates, and hands its pieces over for good. */
  static flowing(socket: Socket, events: WireEvents): Wire {
    const wire = new Wire(socket, events)
    wire.#current = nothing
    socket.on('data', (bytes: Buffer) => wire.events.received(bytes))
    socket.resume()
    return wire
  }

  /**
   * Bytes that stay valid after `received`. What lies in the shared buffer is copied, into the buffer of one's own if more
   * will be read into that: it is not read into before the receiver has taken what it holds (see `pause`).
   */
  own(bytes: Buffer): Buffer {
    if (this.#current !== common) return bytes
    if (!this.bulk || bytes.buffer !== common.buffer) return Buffer.from(bytes)
    this.#lease ??= this.#leaseSmall()
    const at = bytes.byteOffset - common.byteOffset
    this.#lease.set(bytes, at)
    return this.#lease.subarray(at, at + bytes.length)
  }

  /** Whether what was written has all been taken by the kernel. If not, `drained` follows. */
  write(bytes: Buffer | string): boolean {
    if (typeof bytes === 'string') this.socket.write(bytes, 'latin1')
    else this.socket.write(bytes)
    return this.#allTaken()
  }

  /** Like `write`, with one system call for all parts. */
  writeTogether(...parts: (Buffer | string)[]): boolean {
    const { socket } = this
    socket.cork()
    for (const part of parts) {
      if (typeof part === 'string') socket.write(part, 'latin1')
      else socket.write(part)
    }
    socket.uncork()
    return this.#allTaken()
  }

  #allTaken(): boolean {
    const { socket } = this
    if (socket.writableLength === 0) return true
    if (!this.#awaitingDrain) {
      this.#awaitingDrain = true
      // `drain` comes only above a watermark, but a buffer is busy until its last byte is gone: an empty write behind
      // the others tells.
      socket.write(nothing, () => {
        this.#awaitingDrain = false
        for (const callback of this.#whenTaken.splice(0)) callback()
        if (!socket.destroyed) this.events.drained()
      })
    }
    return false
  }

  /** Calls back when everything written so far has been taken, or never will be. */
  whenTaken(callback: () => void): void {
    if (this.#awaitingDrain) this.#whenTaken.push(callback)
    else callback()
  }

  /** Stops reading. Within `received` it takes effect before the buffer is read into again. */
  pause(): void {
    if (!this.#reading) return
    this.#reading = false
    if (!this.#inCallback) this.socket.pause()
  }

  resume(): void {
    if (this.#reading) return
    this.#reading = true
    if (!this.#inCallback) this.socket.resume()
  }

  get paused(): boolean {
    return !this.#reading
  }

  #received(count: number): boolean {
    this.#moved += count
    this.#inCallback = true
    this.events.received(this.#current.subarray(0, count))
    this.#inCallback = false
    return this.#reading
  }

  /** The buffer for the next read; undefined keeps the current one, which a receiver may still be busy with. */
  #nextBuffer(): Buffer | undefined {
    if (!this.#reading) return undefined
    this.#current = this.bulk ? this.#ownBuffer() : common
    if (!this.bulk) this.#giveBack()
    return this.#current
  }

  #ownBuffer(): Buffer {
    this.#lease ??= this.#leaseSmall()
    if (this.#lease.length === smallSize && this.#moved > provenAfter) {
      const large = leaseLarge()
      if (large !== undefined) {
        giveBack(this.#lease)
        this.#lease = large
      }
    }
    return this.#lease
  }

  #leaseSmall(): Buffer {
    this.#moved = 0
    return leaseSmall()
  }

  #giveUp(): void {
    if (this.#lease !== undefined) giveUp(this.#lease)
    this.#lease = undefined
  }

  #giveBack(): void {
    if (this.#lease === undefined) return
    giveBack(this.#lease)
    this.#lease = undefined
  }
}
