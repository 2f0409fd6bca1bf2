/**
 * Stands between a server and what it does with a connection. Node's servers do that in listeners of their own, which are
 * called when somebody in between says so.
 */

import type { Server, Socket } from 'node:net'

type Accept = (socket: Socket) => void

/**
 * To be called before anybody else listens for them.
 * @param between Goes on with the connection, with another one in its place, later, or never.
 * @throws Error when the server has no such listener: this version of Node takes connections in another way.
 */
export function intercept(
  server: Server,
  event: 'connection' | 'secureConnection',
  between: (socket: Socket, goOn: Accept) => void,
): void {
  const listeners = server.listeners(event) as Accept[]
  if (listeners.length === 0)
    throw new Error(`This version of Node is not supported: its servers have no listener for ${event}`)
  const goOn = (socket: Socket): void => {
    for (const listener of listeners) listener.call(server, socket)
  }
  server.removeAllListeners(event)
  server.on(event, (socket: Socket) => between(socket, goOn))
}
