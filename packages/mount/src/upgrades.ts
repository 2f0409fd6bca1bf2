/** Upgrades, on the way that requests take: through all that stands in front of the gateway. */

import { type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { checkPrefix, cut } from './prefix.ts'

interface Upgrade {
  readonly socket: Duplex
  readonly head: Buffer
}

export interface UpgradeOptions {
  /** Only what is below it. Others are left to whoever listens for upgrades as well; if nobody does, they go the same way. */
  readonly prefix?: string
}

const upgrades = new WeakMap<IncomingMessage, Upgrade>()

/** How long a client that was refused is listened to, so that it can read the answer, in milliseconds. */
const linger = 5_000

/**
 * Has a server's framework see upgrades as it sees requests: its middleware, authentication included, answers them or lets
 * them on, and a mounted gateway makes tunnels of them.
 */
export function passUpgrades(server: Server, { prefix }: UpgradeOptions = {}): void {
  checkPrefix(prefix)
  const answers = new WeakMap<Socket, ServerResponse>()
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    answers.set(socket, response)
  })
  server.on('upgrade', async (request: IncomingMessage, duplex: Duplex, head: Buffer) => {
    const below = prefix === undefined || cut(request.url ?? '', prefix) !== undefined
    if (!below && server.listenerCount('upgrade') > 1) return
    const { socket } = request
    // The server has let go of it.
    socket.on('error', destroyThis)
    if (duplex !== socket) duplex.on('error', destroyThis)
    const before = answers.get(socket)
    if (before?.closed === false) await new Promise<void>((closed) => void before.once('close', closed))
    if (socket.destroyed || !socket.writable) return
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    try {
      response.assignSocket(socket)
    } catch {
      // Somebody else is answering there.
      socket.destroy()
      return
    }
    response.once('finish', () => listenOn(socket))
    upgrades.set(request, { socket: duplex, head })
    server.emit('request', request, response)
  })
}

/** That of a request, for the one who takes it. */
export function upgradeOf(request: IncomingMessage): Upgrade | undefined {
  const upgrade = upgrades.get(request)
  upgrades.delete(request)
  return upgrade
}

/** Closing altogether would take the answer away from a client that still sends (RFC 9112 §9.6). */
function listenOn(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), linger)
  socket.once('close', () => clearTimeout(timer))
  socket.once('end', () => socket.destroy())
  socket.end()
  socket.resume()
}

function destroyThis(this: Duplex): void {
  this.destroy()
}
