/** Where an instance listens, and how it is told. */

import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { lstatSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import type { UnixSocket } from '@relayrace/gateway'

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

/**
 * Below those that systems give to whoever does not mind which: what listens or connects elsewhere on this machine in the
 * meantime does not get it, so that what answers there is the program.
 */
const [lowest, highest] = [20_000, 32_000]
const mostTries = 1_000

/** A port that nobody has just now. Who takes it on purpose makes that start fail, and the next one has another. */
export async function freePort(host: string): Promise<Address> {
  for (let tries = 1; ; tries++) {
    const port = randomInt(lowest, highest)
    if (taken.has(port)) continue
    taken.add(port)
    try {
      const server = createServer().listen(port, host)
      await once(server, 'listening')
      server.close()
      await once(server, 'close')
      return { ...portAddress(host, port), release: () => taken.delete(port) }
    } catch (error) {
      taken.delete(port)
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || tries === mostTries) throw error
    }
  }
}

export function portAddress(host: string, port: number): Address {
  const authority = host.includes(':') ? `[${host}]` : host
  return { host, port, socket: undefined, origin: new URL(`http://${authority}:${port}`), release() {} }
}

export function socketAddress(host: string, socketPath: string): Address {
  return { host, port: undefined, socket: socketPath, origin: { socketPath, host }, release() {} }
}

/** What a process that was killed has left of its socket: the next one could not listen there. */
export function removeSocket(socketPath: string): void {
  if (lstatSync(socketPath, { throwIfNoEntry: false })?.isSocket()) rmSync(socketPath, { force: true })
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
