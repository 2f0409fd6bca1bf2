/** Connections that were accepted, counted until they are closed: TLS handshakes and tunnels too. */

import type { Server, Socket } from 'node:net'
import { intercept } from './intercept.ts'

export class Admission {
  /** Nobody is let in any more. */
  closed = false
  readonly #most: number
  readonly #sockets = new Set<Socket>()

  /** @param most Of all servers together. */
  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#sockets.size
  }

  /** Whether there is room for it. If not, it is closed. */
  admit(socket: Socket): boolean {
    if (socket.destroyed || this.closed || this.#sockets.size >= this.#most) {
      // One that is gone already never says so again, except for why, which no longer matters.
      socket.on('error', ignore)
      socket.destroy()
      return false
    }
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    return true
  }

  /** What the server does with a connection so far, it does from now on with those that are let in. */
  guard(server: Server): void {
    intercept(server, 'connection', (socket, goOn) => {
      if (this.admit(socket)) goOn(socket)
    })
  }

  /** Breaks off what is left. Of TLS that is what lies below it, so a handshake that nobody goes on with ends too. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

const ignore = (): void => {}
