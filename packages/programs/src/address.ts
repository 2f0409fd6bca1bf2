/** Where an instance listens, and how it is told. */

import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import path from 'node:path'
import type { UnixSocket } from '@relayrace/gateway/contract'

export interface Address {
  readonly host: string
  readonly port: number | undefined
  readonly socket: string | undefined
  /** The same object for all exchanges: a gateway takes it apart once. */
  readonly origin: URL | UnixSocket
  /** Another instance may have it from now on. */
  release(): void
}

/** Ports that were found free, by us, and whose instances may still be about to listen. */
const taken = new Set<number>()

/** A port that nobody has just now. Somebody else may take it before the program does: that start fails, and the next one has another. */
export async function freePort(host: string): Promise<Address> {
  for (;;) {
    const server = createServer().listen(0, host)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    if (taken.has(port)) continue
    taken.add(port)
    return { ...portAddress(host, port), release: () => taken.delete(port) }
  }
}

export function portAddress(host: string, port: number): Address {
  const authority = host.includes(':') ? `[${host}]` : host
  return { host, port, socket: undefined, origin: new URL(`http://${authority}:${port}`), release() {} }
}

export function socketAddress(host: string, socketPath: string): Address {
  return { host, port: undefined, socket: socketPath, origin: { socketPath, host }, release() {} }
}

let sockets = 0

export function socketIn(folder: string, host: string): Address {
  sockets += 1
  return socketAddress(host, path.join(folder, `${sockets}.sock`))
}

/** With `{port}`, `{host}` and `{socket}` filled in. */
export function filledIn(text: string, { host, port, socket }: Address): string {
  return text
    .replaceAll('{port}', `${port ?? ''}`)
    .replaceAll('{host}', host)
    .replaceAll('{socket}', socket ?? '')
}
