/** Connections listened for, accepted, and ended in order: what the gateway and the server have in common. */

import net, { type Server, type Socket } from 'node:net'
import tls from 'node:tls'
import type { Limits, Listener, ListenOptions, Timeouts } from '@relayrace/gateway'
import {
  Admission,
  bind,
  checkListen,
  closingPatience,
  type InFlight,
  type Pending,
  secureServer,
  waitUntil,
} from '@relayrace/gateway/strategy'
import { type Answerer, endConnections, ServerConnection } from './server-connection.ts'
import type { Sweep } from './sweep.ts'
import { probeAfter } from './upstream-connection.ts'

export interface ServeOptions {
  readonly timeouts: Pick<Timeouts, 'requestHead' | 'requestBody' | 'idle' | 'drain'>
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
  const admission = new Admission(limits.connections)
  let closed: Promise<void> | undefined

  const answerer: Answerer = {
    limits: {
      requestHead: limits.requestHead,
      headTimeout: timeouts.requestHead,
      idleTimeout: timeouts.idle,
      bodyTimeout: timeouts.requestBody,
      drainTimeout: timeouts.drain,
    },
    sweep,
    get closing() {
      return closed !== undefined
    },
    answer,
    gone: (connection) => connections.delete(connection),
  }

  const take = (socket: Socket): void => {
    if (closed === undefined) connections.add(new ServerConnection(socket, answerer))
    else socket.destroy()
  }

  const accept = (socket: Socket): void => {
    if (admission.admit(socket)) take(socket)
  }

  async function shutDown(grace: number): Promise<void> {
    admission.closed = true
    const stopped = [...listeners].map((listener) => listener.close())
    await endConnections(connections, inFlight, grace)
    ended?.()
    await waitUntil(() => admission.size === 0, Math.min(grace, closingPatience))
    admission.destroy()
    await Promise.all(stopped)
  }

  return {
    accept,
    async listen(where = {}) {
      checkListen(where)
      const server = createSocketServer(where, take)
      admission.guard(server)
      const listener = await bind(server, where)
      listeners.add(listener)
      return listener
    },
    close(grace = 10_000) {
      closed ??= shutDown(grace)
      return closed
    },
  }
}

/** A `net` or `tls` server that hands its connections over untouched, once they can be read. */
function createSocketServer(where: ListenOptions, take: (socket: Socket) => void): Server {
  const common = { noDelay: true, keepAlive: true, keepAliveInitialDelay: probeAfter }
  if (where.tls === undefined)
    return net.createServer({ ...common, allowHalfOpen: true, pauseOnConnect: true }, take)
  const server = tls.createServer({
    ...common,
    ALPNProtocols: ['http/1.1', 'http/1.0'],
    ...secureServer(where.tls),
  })
  server.on('secureConnection', (socket) => {
    // Not before: who leaves in the middle of a handshake would stay until its time limit.
    socket.allowHalfOpen = true
    take(socket)
  })
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  return server
}
