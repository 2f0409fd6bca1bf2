/** The upstream connections of one gateway: idle ones by endpoint, the freshest first, and a bound on all of them. */

import { type Endpoint, GatewayError, type Settings } from '@relayrace/gateway'
import { Sessions } from './sessions.ts'
import type { Limited, Sweep } from './sweep.ts'
import { type Asker, type Keeper, UpstreamConnection } from './upstream-connection.ts'

export class Pool implements Keeper, Limited {
  readonly sessions: Sessions = new Sessions()
  readonly #settings: Settings
  readonly #sweep: Sweep
  readonly #idle = new Map<string, UpstreamConnection[]>()
  readonly #all = new Set<UpstreamConnection>()
  #idleCount = 0
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
    return this.#idleCount
  }

  /**
   * A connection to ask on: an idle one, unless `fresh` is wanted, or a new one.
   * @throws GatewayError `connection_limit_reached`, 503.
   */
  take(endpoint: Endpoint, asker: Asker, fresh = false): UpstreamConnection {
    const list = fresh ? undefined : this.#idle.get(endpoint.address)
    for (let known = list?.pop(); known !== undefined; known = list?.pop()) {
      this.#idleCount--
      // One that was given up is listed until its socket has closed.
      if (!known.wire.socket.destroyed) return known
    }
    if (this.#all.size >= this.#settings.pool.connections && !this.#dropIdle()) {
      throw new GatewayError('connection_limit_reached', { phase: 'connect' })
    }
    const connection = new UpstreamConnection(endpoint, this.#settings, asker, this)
    if (this.#all.size === 0) this.#sweep.add(this)
    this.#all.add(connection)
    return connection
  }

  idle(connection: UpstreamConnection): void {
    const { idle, idleTimeout } = this.#settings.pool
    const limit = Math.min(idleTimeout, connection.hint)
    if (this.#closed || this.#idleCount >= idle || limit === 0) {
      connection.wire.socket.destroy()
      return
    }
    connection.expires = performance.now() + limit
    const list = this.#idle.get(connection.address)
    if (list === undefined) this.#idle.set(connection.address, [connection])
    else list.push(connection)
    this.#idleCount++
  }

  gone(connection: UpstreamConnection): void {
    if (!this.#all.delete(connection)) return
    if (this.#all.size === 0) this.#sweep.delete(this)
    const list = this.#idle.get(connection.address)
    if (list === undefined) return
    const at = list.indexOf(connection)
    if (at !== -1) {
      list.splice(at, 1)
      this.#idleCount--
    }
    if (list.length === 0) this.#idle.delete(connection.address)
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

  /** Makes room by giving up the connection that has been idle longest. */
  #dropIdle(): boolean {
    for (const [oldest] of this.#idle.values()) {
      if (oldest === undefined) continue
      oldest.wire.socket.destroy()
      this.gone(oldest)
      return true
    }
    return false
  }
}
