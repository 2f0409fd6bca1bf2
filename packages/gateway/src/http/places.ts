/** The room for upstream connections of one gateway, of whatever kind: who may have one, and which idle ones are kept. */

import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Pool } from '../contract/gateway.ts'
import { type ClientConnection, clientOf } from '../node/bound.ts'

/** A socket, as far as it matters here. */
export interface Connection {
  destroy(): unknown
  once(event: 'close', listener: () => void): unknown
}

/** A connection in use, as far as it matters here. */
export interface Holding {
  /** It is idle or closed. */
  readonly isFree: boolean
  /** Called when it is. */
  onFree: (() => void) | undefined
}

/** Who wants one: an exchange, as far as it matters here. */
export interface Taker {
  /** Absent when nobody knows whose it is. */
  readonly incoming?: IncomingMessage
  /** What holds its connection, one or the other. */
  readonly asked?: ClientRequest | undefined
  holding: Holding | undefined
  enter(phase: 'connect'): void
  onCancel(cancel: (reason: Error) => void): void
}

export class Places {
  readonly #most: number
  readonly #mostIdle: number
  /** By exchanges: with what is idle and belongs to somebody there are never more than may be open. */
  #taken = 0
  readonly #open = new Set<Connection>()
  /** Of nobody in particular, that which has been idle longest first. */
  readonly #idle = new Set<Connection>()
  /** Idle ones of clients that have logged in. */
  readonly #bound = new Map<Connection, ClientConnection>()
  readonly #queue = new Map<() => void, Taker>()

  constructor({ connections, idle }: Pick<Pool, 'connections' | 'idle'>) {
    this.#most = connections
    this.#mostIdle = idle
  }

  get waiting(): number {
    return this.#queue.size
  }

  /**
   * Takes one, which has to be given back by `free`. A promise only when it has to be waited for, which is part of the phase
   * `connect`: it rejects with what ended the exchange meanwhile.
   */
  take(exchange: Taker): Promise<void> | undefined {
    if (this.#hasRoomFor(exchange)) {
      this.#taken++
      return undefined
    }
    exchange.enter('connect')
    return new Promise<void>((resolve, reject) => {
      this.#queue.set(resolve, exchange)
      exchange.onCancel((reason) => {
        this.#queue.delete(resolve)
        reject(reason)
      })
    })
  }

  /** When the connection of the exchange is idle or closed, which may be a moment after the exchange is over. */
  free(exchange: Taker): void {
    const { asked, holding } = exchange
    // It may ask again, for another one.
    exchange.holding = undefined
    if (holding !== undefined) {
      if (holding.isFree) this.#give()
      else holding.onFree = () => this.#give()
    } else if (asked === undefined || asked.closed || !asked.socket || asked.socket.closed) this.#give()
    // node:http frees the socket just after it has told.
    else asked.once('close', () => queueMicrotask(() => this.#give()))
  }

  #give(): void {
    this.#taken--
    this.#callNext()
  }

  #callNext(): void {
    for (const [next, exchange] of this.#queue) {
      if (this.#taken >= this.#most) return
      if (!this.#hasRoomFor(exchange)) continue
      this.#queue.delete(next)
      this.#taken++
      next()
    }
  }

  /** What is idle and another client's is not given up for it. */
  #hasRoomFor({ incoming }: Taker): boolean {
    let others = this.#bound.size
    if (others > 0 && incoming !== undefined) {
      const client = clientOf(incoming)
      for (const owner of this.#bound.values()) if (owner === client) others--
    }
    return this.#taken + others < this.#most
  }

  /** One is being made, perhaps for a client that has logged in. */
  opened<C extends Connection>(connection: C, owner?: ClientConnection): C {
    this.#open.add(connection)
    connection.once('close', () => this.#forget(connection))
    if (this.#open.size > this.#most) this.#drop(this.#longestIdle ?? this.#idleOf(owner))
    return connection
  }

  /** It is idle. @returns whether it is to be kept. */
  idles(connection: Connection, owner?: ClientConnection): boolean {
    if (this.#idle.size + this.#bound.size >= this.#mostIdle) {
      const longest = this.#mostIdle > 0 ? this.#longestIdle : undefined
      if (longest === undefined) return false
      this.#drop(longest)
    }
    if (owner === undefined) this.#idle.add(connection)
    else this.#bound.set(connection, owner)
    return true
  }

  /** It is not idle any more. */
  used(connection: Connection): void {
    this.#idle.delete(connection)
    this.#bound.delete(connection)
  }

  get #longestIdle(): Connection | undefined {
    const [longest] = this.#idle
    return longest
  }

  #idleOf(client: ClientConnection | undefined): Connection | undefined {
    for (const [connection, owner] of this.#bound) if (owner === client) return connection
    return undefined
  }

  #drop(connection: Connection | undefined): void {
    if (connection === undefined) return
    this.#forget(connection)
    connection.destroy()
  }

  #forget(connection: Connection): void {
    this.#open.delete(connection)
    this.#idle.delete(connection)
    if (this.#bound.delete(connection)) this.#callNext()
  }
}
