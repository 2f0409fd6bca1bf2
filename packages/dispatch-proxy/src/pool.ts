/** Upstream connections, each a client of undici's: idle ones by origin, the freshest first, within the gateway's places. */

import type { Socket } from 'node:net'
import type { PoolState, UpstreamTls } from '@relayrace/gateway'
import type { ClientConnection, Holding, Places, Settings } from '@relayrace/gateway/strategy'
import type { Client, Dispatcher } from 'undici'

/** Makes a client, which tells of each socket as soon as it begins to dial, and of that one once it is connected. */
export type OpenClient = (to: Destination, told: { dials(socket: Socket): void; connected(): void }) => Client

export interface Destination {
  readonly origin: string
  readonly socketPath: string | undefined
  /** Of its route, instead of the gateway's: then `address` tells it apart. */
  readonly tls?: UpstreamTls | undefined
  readonly address?: string
}

/** One request, until its connection is idle or closed. */
export interface Use extends Holding {
  /**
   * Ends the wait for a connection, and one that is being made.
   * @param refused undici has not taken the request: whatever connection there is has nothing to carry.
   */
  giveUp(refused?: boolean): void
}

interface Connection {
  readonly client: Client
  readonly key: string
  socket: Socket | undefined
  connected: boolean
  /** How long it is asked on, in ms of `performance.now()`. */
  until: number
  use: Request | undefined
}

/** Those of nobody in particular, or those of a client that has logged in. */
export class Pool {
  readonly #settings: Settings
  readonly #places: Places
  readonly #openClient: OpenClient
  readonly #owner: ClientConnection | undefined
  readonly #all = new Set<Connection>()
  readonly #idle = new Map<string, Connection[]>()
  /** What a client asks at once goes one after the other: it is one connection that has logged in. */
  readonly #queue = new Set<Request>()

  constructor(settings: Settings, places: Places, openClient: OpenClient, owner?: ClientConnection) {
    this.#settings = settings
    this.#places = places
    this.#openClient = openClient
    this.#owner = owner
  }

  /** Whoever asks has a place for it. @param fresh On a new connection. */
  ask(
    to: Destination,
    fresh: boolean,
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): Use {
    const key = keyOf(to)
    const request = new Request(this, to, key, fresh, options, handler)
    if (this.#owner !== undefined && this.#isBusy(key)) this.#queue.add(request)
    else this.#begin(request)
    return request
  }

  get state(): PoolState {
    let connections = 0
    let idle = 0
    for (const { socket, use } of this.#all) {
      // One that was given up is listed until it has closed.
      if (socket === undefined || socket.destroyed) continue
      connections++
      if (use === undefined) idle++
    }
    return { connections, idle, waiting: this.#queue.size }
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#all].map((connection) => this.#end(connection)))
  }

  giveUp(request: Request, refused: boolean): void {
    const { connection } = request
    if (this.#queue.delete(request)) request.isOver()
    else if (connection !== undefined && (refused || !connection.connected)) void this.#end(connection)
  }

  #begin(request: Request): void {
    const { key, to, fresh } = request
    const connection = (fresh ? undefined : this.#takeIdle(key)) ?? this.#open(to, key)
    connection.use = request
    request.begin(connection)
  }

  #takeIdle(key: string): Connection | undefined {
    const list = this.#idle.get(key)
    for (let known = list?.pop(); known !== undefined; known = list?.pop()) {
      const socket = known.socket as Socket
      this.#places.used(socket)
      if (!socket.destroyed && performance.now() < known.until) return known
      void this.#end(known)
    }
    return undefined
  }

  #open(to: Destination, key: string): Connection {
    const client = this.#openClient(to, {
      // More than once, when it was lost before anything was sent on it.
      dials: (socket) => {
        connection.socket = this.#places.opened(socket, this.#owner)
        connection.connected = false
        connection.until = performance.now() + this.#settings.pool.maxAge
      },
      connected: () => {
        connection.connected = true
      },
    })
    const connection: Connection = {
      client,
      key,
      socket: undefined,
      connected: false,
      until: Number.POSITIVE_INFINITY,
      use: undefined,
    }
    this.#all.add(connection)
    client.on('drain', () => this.#idles(connection))
    client.on('disconnect', () => {
      if (connection.use === undefined) void this.#end(connection)
    })
    return connection
  }

  /** Its answer has come to an end, in whatever way. */
  #idles(connection: Connection): void {
    const { socket, use, key } = connection
    if (use === undefined) return
    if (socket === undefined || !this.#mayKeep(connection, socket)) {
      void this.#end(connection)
      return
    }
    connection.use = undefined
    const list = this.#idle.get(key)
    if (list === undefined) this.#idle.set(key, [connection])
    else list.push(connection)
    use.isOver()
    this.#callNext(key)
  }

  #mayKeep({ until }: Connection, socket: Socket): boolean {
    return (
      !socket.destroyed &&
      this.#settings.pool.idleTimeout > 0 &&
      performance.now() < until &&
      this.#places.idles(socket, this.#owner)
    )
  }

  async #end(connection: Connection): Promise<void> {
    if (!this.#all.delete(connection)) return
    const { client, socket, use, key } = connection
    const list = this.#idle.get(key)
    const at = list?.indexOf(connection) ?? -1
    if (at !== -1) list?.splice(at, 1)
    if (list?.length === 0) this.#idle.delete(key)
    const destroyed = client.destroy()
    // The client does not know of one that is still being made.
    socket?.destroy()
    const over = (): void => {
      use?.isOver()
      this.#callNext(key)
    }
    if (socket === undefined || socket.closed) over()
    else socket.once('close', over)
    await destroyed
  }

  #isBusy(key: string): boolean {
    for (const { key: known, use } of this.#all) if (known === key && use !== undefined) return true
    return false
  }

  #callNext(key: string): void {
    for (const request of this.#queue) {
      if (request.key !== key) continue
      this.#queue.delete(request)
      this.#begin(request)
      return
    }
  }
}

function keyOf({ origin, socketPath, tls, address }: Destination): string {
  if (socketPath !== undefined) return `${socketPath} ${origin}`
  return tls === undefined ? origin : `${origin} ${address}`
}

class Request implements Use {
  isFree = false
  onFree: (() => void) | undefined
  readonly to: Destination
  readonly key: string
  readonly fresh: boolean
  connection: Connection | undefined
  readonly #pool: Pool
  readonly #options: Dispatcher.DispatchOptions
  readonly #handler: Dispatcher.DispatchHandler

  constructor(
    pool: Pool,
    to: Destination,
    key: string,
    fresh: boolean,
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ) {
    this.#pool = pool
    this.to = to
    this.key = key
    this.fresh = fresh
    this.#options = options
    this.#handler = handler
  }

  begin(connection: Connection): void {
    this.connection = connection
    connection.client.dispatch(this.#options, this.#handler)
  }

  giveUp(refused = false): void {
    this.#pool.giveUp(this, refused)
  }

  isOver(): void {
    this.connection = undefined
    this.isFree = true
    this.onFree?.()
  }
}
