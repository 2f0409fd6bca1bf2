/** The upstream connections of one gateway: idle ones by endpoint, the freshest first, and a bound on all of them. */

import type { Fields } from '@relayrace/gateway'
import { Bound, type ClientConnection, type Endpoint, type Settings } from '@relayrace/gateway/strategy'
import { Sessions } from './sessions.ts'
import type { Limited, Sweep } from './sweep.ts'
import { type Asker, type Keeper, UpstreamConnection } from './upstream-connection.ts'

export class Pool implements Keeper, Limited {
  readonly sessions: Sessions = new Sessions()
  readonly #settings: Settings
  readonly #sweep: Sweep
  readonly #idle = new Map<string, UpstreamConnection[]>()
  readonly #all = new Set<UpstreamConnection>()
  /** Names of those who have logged in. */
  readonly #bound: Bound<number> = new Bound(
    () => ++this.#owners,
    (owner) => this.#leave(owner),
  )
  #owners = 0
  #tunnels = 0
  readonly #queue = new Set<() => void>()
  /** Idle ones, that which has been idle longest first. */
  readonly #byAge = new Set<UpstreamConnection>()
  #closed = false

  constructor(settings: Settings, sweep: Sweep) {
    this.#settings = settings
    this.#sweep = sweep
  }

  /** Open connections, in use and idle. */
  get size(): number {
    return this.#all.size
  }

  get idleSize(): number {
    return this.#byAge.size
  }

  /**
   * A connection to ask on: an idle one, unless `fresh` is wanted, or a new one. A client that has logged in has its own.
   * @returns undefined when there is no room for one: see `wait`.
   */
  take(
    endpoint: Endpoint,
    asker: Asker,
    { client, fields, fresh }: { client: ClientConnection; fields: Fields; fresh: boolean },
  ): UpstreamConnection | undefined {
    const owner = this.#bound.of(client, fields)
    const key = owner === undefined ? endpoint.address : `${owner} ${endpoint.address}`
    const list = fresh ? undefined : this.#idle.get(key)
    for (let known = list?.pop(); known !== undefined; known = list?.pop()) {
      this.#byAge.delete(known)
      // One that was given up is listed until its socket has closed.
      if (!known.wire.socket.destroyed) return known
    }
    if (this.#isFull && !this.#drop(this.#longestIdle(owner))) return undefined
    const connection = new UpstreamConnection(endpoint, key, this.#settings, asker, this)
    if (this.#all.size === 0) this.#sweep.add(this)
    this.#all.add(connection)
    return connection
  }

  /** Calls back once, when there may be room. @returns how to stop waiting. */
  wait(callback: () => void): () => void {
    this.#queue.add(callback)
    return () => void this.#queue.delete(callback)
  }

  get waiting(): number {
    return this.#queue.size
  }

  /** Tunnels are among them, although they are not in the pool. */
  get #isFull(): boolean {
    return this.#all.size + this.#tunnels >= this.#settings.pool.connections
  }

  /** In a moment: what has come on a connection behind an answer must not be taken for the answer to the next one. */
  #callNext(): void {
    if (this.#queue.size === 0) return
    queueMicrotask(() => {
      const [next] = this.#queue
      if (next === undefined || (this.#isFull && this.#longestIdle(undefined) === undefined)) return
      this.#queue.delete(next)
      next()
    })
  }

  /** One of them may be whose connection this is. Who finds no room waits on, in the same order. */
  #callAll(): void {
    queueMicrotask(() => {
      for (const next of [...this.#queue]) if (this.#queue.delete(next)) next()
    })
  }

  idle(connection: UpstreamConnection): void {
    const { idle, idleTimeout, maxAge, maxRequests } = this.#settings.pool
    const now = performance.now()
    const limit = Math.min(idleTimeout, connection.hint, connection.begun + maxAge - now)
    const fit = !this.#closed && limit > 0 && connection.exchanges < maxRequests
    const room = this.#byAge.size < idle || (idle > 0 && this.#drop(this.#longestIdle(undefined)))
    if (!fit || !room) {
      connection.wire.socket.destroy()
      return
    }
    connection.expires = now + limit
    const list = this.#idle.get(connection.key)
    if (list === undefined) this.#idle.set(connection.key, [connection])
    else list.push(connection)
    this.#byAge.add(connection)
    if (isBound(connection)) this.#callAll()
    else this.#callNext()
  }

  becomesTunnel(connection: UpstreamConnection): void {
    this.#tunnels++
    connection.wire.socket.once('close', () => {
      this.#tunnels--
      this.#callNext()
    })
    this.gone(connection)
  }

  gone(connection: UpstreamConnection): void {
    if (!this.#all.delete(connection)) return
    if (this.#all.size === 0) this.#sweep.delete(this)
    this.#forget(connection)
    this.#callNext()
  }

  #forget(connection: UpstreamConnection): void {
    const list = this.#idle.get(connection.key)
    if (list === undefined) return
    const at = list.indexOf(connection)
    if (at !== -1) list.splice(at, 1)
    this.#byAge.delete(connection)
    if (list.length === 0) this.#idle.delete(connection.key)
  }

  check(now: number): void {
    for (const list of this.#idle.values()) {
      for (const connection of list) if (now >= connection.expires) connection.wire.socket.destroy()
    }
  }

  close(): void {
    this.#closed = true
    for (const connection of this.#all) connection.wire.socket.destroy()
  }

  /** Those of a client that has left. What is in use ends with its exchange, and is not asked on again. */
  #leave(owner: number): void {
    for (const connection of this.#all)
      if (connection.key.startsWith(`${owner} `)) connection.wire.socket.destroy()
  }

  /**
   * The one to be given up to make room: of nobody in particular, or else of the owner that wants it. What belongs to
   * another client, which has logged in on it, stays.
   */
  #longestIdle(owner: number | undefined): UpstreamConnection | undefined {
    let own: UpstreamConnection | undefined
    for (const connection of this.#byAge) {
      if (!isBound(connection)) return connection
      if (owner !== undefined && connection.key.startsWith(`${owner} `)) own ??= connection
    }
    return own
  }

  #drop(connection: UpstreamConnection | undefined): boolean {
    if (connection === undefined) return false
    connection.wire.socket.destroy()
    this.#all.delete(connection)
    this.#forget(connection)
    return true
  }
}

const isBound = ({ key, address }: UpstreamConnection): boolean => key !== address
