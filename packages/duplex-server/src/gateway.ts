/** The gateway on raw sockets: accepts connections, answers each request by an exchange with the upstream. */

import type { Socket } from 'node:net'
import {
  bind,
  GatewayError,
  type GatewayOptions,
  InFlight,
  type Listener,
  type ListenOptions,
  type SocketGateway,
  settle,
  tellEnd,
} from '@relayrace/gateway'
import { type Front, SocketExchange } from './exchange.ts'
import { Pool } from './pool.ts'
import { createSocketServer } from './server.ts'
import { type Answerer, endConnections, ServerConnection } from './server-connection.ts'
import { Sweep } from './sweep.ts'

/** Relays HTTP/1.1 on `node:net`, without `node:http`. @throws TypeError when an option makes no sense. */
export function createDuplexGateway(options: GatewayOptions): SocketGateway {
  const settings = settle('duplex-server', options)
  if (settings.redirect !== undefined) throw new TypeError('duplex-server follows no redirects')
  const { timeouts, limits } = settings
  const sweep = new Sweep([...Object.values(timeouts), settings.pool.idleTimeout])
  const pool = new Pool(settings, sweep)
  const inFlight = new InFlight<SocketExchange>()
  const connections = new Set<ServerConnection>()
  const listeners = new Set<Listener>()
  let closed: Promise<void> | undefined

  const front: Front = {
    settings,
    pool,
    sweep,
    ended(exchange) {
      inFlight.delete(exchange)
      tellEnd(settings, exchange)
    },
  }

  const answerer: Answerer = {
    limits: {
      requestHead: limits.requestHead,
      headTimeout: timeouts.requestHead,
      idleTimeout: timeouts.idle,
      drainTimeout: timeouts.drain,
    },
    sweep,
    get closing() {
      return closed !== undefined
    },
    answer(line, content, response, connection) {
      const exchange = new SocketExchange(front, connection, line, content, response)
      inFlight.add(exchange)
      if (inFlight.size > limits.exchanges) {
        exchange.fail(new GatewayError('connection_limit_reached', { phase: 'requestHead' }))
      } else {
        exchange.start()
      }
    },
    gone: (connection) => connections.delete(connection),
  }

  const accept = (socket: Socket): void => {
    if (connections.size >= limits.connections || closed !== undefined) socket.destroy()
    else connections.add(new ServerConnection(socket, answerer))
  }

  async function listen(where: ListenOptions = {}): Promise<Listener> {
    const listener = await bind(createSocketServer(where, accept), where)
    listeners.add(listener)
    return listener
  }

  async function shutDown(grace: number): Promise<void> {
    const stopped = [...listeners].map((listener) => listener.close())
    await endConnections(connections, inFlight, grace)
    pool.close()
    await Promise.all(stopped)
  }

  const close = (grace = 10_000): Promise<void> => {
    closed ??= shutDown(grace)
    return closed
  }

  return {
    name: settings.name,
    get inFlight() {
      return inFlight.size
    },
    get pool() {
      // Who finds no room is refused at once, so nobody waits.
      return { connections: pool.size, idle: pool.idleSize, waiting: 0 }
    },
    accept,
    listen,
    close,
    [Symbol.asyncDispose]: () => close(),
  }
}
