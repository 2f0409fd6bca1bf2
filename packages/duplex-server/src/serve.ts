/** Connections listened for, accepted, and ended in order: what the gateway and the server have in common. */

import net, { type Server, type Socket } from 'node:net'
import tls from 'node:tls'
import {
  bind,
  type InFlight,
  type Limits,
  type Listener,
  type ListenOptions,
  type Pending,
  secureServer,
  type Timeouts,
} from '@relayrace/gateway'
import { type Answerer, endConnections, ServerConnection } from './server-connection.ts'
import type { Sweep } from './sweep.ts'
import { probeAfter } from './upstream-connection.ts'

export interface ServeOptions {
  readonly timeouts: Pick<Timeouts, 'requestHead' | 'idle' | 'drain'>
  readonly limits: Pick<Limits, 'requestHead' | 'connections'>
  readonly sweep: Sweep
  /** Requests under way, which an end in order waits for. */
  readonly inFlight: Pick<InFlight<Pending>, 'drained'>
  readonly answer: Answerer['answer']
  /** Nothing is under way any more. */
  readonly ended?: () => void
}

export interface Serving {
  /** Serves a connection on which nothing has been read (`pauseOnConnect`). */
  readonly accept: (socket: Socket) => void
  readonly listen: (where?: ListenOptions) => Promise<Listener>
  /** Accepts nothing new, waits up to `grace` ms (10 000), then breaks off what is left. */
  readonly close: (grace?: number) => Promise<void>
}

export function serve({ timeouts, limits, sweep, inFlight, answer, ended }: ServeOptions): Serving {
  const connections = new Set<ServerConnection>()
  const listeners = new Set<Listener>()
  let closed: Promise<void> | undefined

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
    answer,
    gone: (connection) => connections.delete(connection),
  }

  const accept = (socket: Socket): void => {
    // One that is gone already never says so again, except for why, which no longer matters.
    if (socket.destroyed || connections.size >= limits.connections || closed !== undefined) {
      socket.on('error', () => {})
      socket.destroy()
    } else connections.add(new ServerConnection(socket, answerer))
  }

  async function shutDown(grace: number): Promise<void> {
    const stopped = [...listeners].map((listener) => listener.close())
    await endConnections(connections, inFlight, grace)
    ended?.()
    await Promise.all(stopped)
  }

  return {
    accept,
    async listen(where = {}) {
      const listener = await bind(createSocketServer(where, accept), where)
      listeners.add(listener)
      return listener
    },
    close(grace = 10_000) {
      closed ??= shutDown(grace)
      return closed
    },
  }
}

/** A `net` or `tls` server that hands its connections over untouched. */
function createSocketServer(where: ListenOptions, accept: (socket: Socket) => void): Server {
  const common = { noDelay: true, keepAlive: true, keepAliveInitialDelay: probeAfter, allowHalfOpen: true }
  if (where.tls === undefined) return net.createServer({ ...common, pauseOnConnect: true }, accept)
  const server = tls.createServer(
    { ...common, ALPNProtocols: ['http/1.1', 'http/1.0'], ...secureServer(where.tls) },
    accept,
  )
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  return server
}
