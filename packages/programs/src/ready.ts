/** When an instance is ready: somebody accepts connections, an HTTP path answers, or a line says so. */

import http from 'node:http'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Address } from './address.ts'

/**
 * `'connect'`: it accepts connections. `path`: it answers a GET with that status, or with any of 200 to 299. `line`: what it
 * has printed, on standard output or error, contains or matches that.
 */
export type Ready =
  | 'connect'
  | { readonly path: string; readonly status?: number }
  | { readonly line: string | RegExp }

/** Milliseconds between two looks: more each time. */
const [firstLook, lastLook] = [5, 100]
/** How long one look may take. */
const patience = 1_000

/** Looks until it is so. Rejects when the signal aborts. */
export async function untilReady(
  ready: Exclude<Ready, { readonly line: unknown }>,
  address: Address,
  signal: AbortSignal,
): Promise<void> {
  const look = ready === 'connect' ? () => accepts(address) : () => answers(address, ready)
  for (let pause = firstLook; !(await look()); pause = Math.min(pause * 1.5, lastLook))
    await sleep(pause, undefined, { signal })
}

export function says({ line: wanted }: { readonly line: string | RegExp }, line: string): boolean {
  return typeof wanted === 'string' ? line.includes(wanted) : line.search(wanted) !== -1
}

/** Whether somebody listens there. */
export function accepts({ host, port, socket: path }: Address): Promise<boolean> {
  const socket = path === undefined ? net.connect(port as number, host) : net.connect(path)
  return new Promise((resolve) => {
    const over = (accepted: boolean): void => {
      socket.destroy()
      resolve(accepted)
    }
    socket.setTimeout(patience, () => over(false))
    // A port from which connections are made may come to be connected to itself, and then nobody is there.
    socket.once('connect', () => over(path !== undefined || socket.localPort !== socket.remotePort))
    socket.once('error', () => over(false))
  })
}

function answers(
  { host, port, socket: socketPath }: Address,
  { path, status }: { readonly path: string; readonly status?: number },
): Promise<boolean> {
  const where = socketPath === undefined ? { host, port } : { socketPath }
  return new Promise((resolve) => {
    const request = http.get({ ...where, path, agent: false }, (response) => {
      const { statusCode = 0 } = response
      response.destroy()
      resolve(status === undefined ? statusCode >= 200 && statusCode < 300 : statusCode === status)
    })
    // In all: a head may come byte by byte, and informational responses without end.
    const timer = setTimeout(() => request.destroy(), patience)
    request.once('error', () => resolve(false))
    request.once('close', () => {
      clearTimeout(timer)
      resolve(false)
    })
  })
}
