/** Reading from accepted sockets as `onread` does. Node offers it only for sockets that we make ourselves. */

import { type OnReadOpts, Socket } from 'node:net'

/** A socket as Node hands it out; the handle is where a second `Socket` can take it over. */
interface WithHandle {
  _handle: object | null
}

/**
 * Makes a second socket on the handle of one that was just accepted, and of which nothing has been read. The first keeps
 * the server's count of connections right: it goes when the second does.
 *
 * @returns undefined when there is no handle to take over: TLS sockets decrypt into buffers of their own, and a stream
 * that is no socket has none.
 */
export function takeOver(accepted: Socket): ((onread: OnReadOpts) => Socket) | undefined {
  const holder = accepted as unknown as WithHandle
  const { _handle: handle } = holder
  if (handle === null || handle === undefined || accepted.constructor !== Socket) return undefined
  return (onread) => {
    holder._handle = null
    const socket = new Socket({ handle, allowHalfOpen: true, onread } as never)
    socket.once('close', () => accepted.destroy())
    return socket
  }
}
