/** Listening, and ending in order: what the lifecycle of every gateway has in common. */

import { constants } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, Server } from 'node:net'
import type { TlsOptions, Server as TlsServer } from 'node:tls'
import type { Listener, ListenOptions } from '../contract/gateway.ts'

/** Connections that wait to be accepted. Node's 511 turns a burst of clients into retransmissions. */
const backlog = 4_096

/** Binds a server that has been made already. Host defaults to loopback: being reachable is a decision. */
export async function bind(server: Server, where: ListenOptions = {}): Promise<Listener> {
  if (typeof where !== 'object')
    throw new TypeError(`listen takes an object: listen({ port: ${String(where)} })`)
  const { tls, ...options } = where
  server.listen(options.path === undefined ? { port: 0, host: '127.0.0.1', backlog, ...options } : options)
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    if (!server.listening) return
    // Not `http.Server.close`: it also ends connections on which the first request is just about to come.
    await new Promise<void>((resolve) => Server.prototype.close.call(server, () => resolve()))
  }
  return {
    url: urlOf(server, tls !== undefined),
    close,
    setSecureContext(options) {
      if (tls === undefined)
        throw new TypeError('This listener does not terminate TLS: make it by listen({ tls: { cert, key } })')
      ;(server as TlsServer).setSecureContext({ ...secureServer(tls), ...options })
    },
    [Symbol.asyncDispose]: close,
  }
}

/** How long a client may take for its TLS handshake, in ms. */
const handshakeTimeout = 60_000

/**
 * What terminating TLS means here unless the application says otherwise. A client may never renegotiate, which TLS 1.3 has
 * done away with: it costs the server far more than the client (CVE-2011-1473).
 */
export function secureServer(tls: TlsOptions): TlsOptions {
  const secureOptions = (tls.secureOptions ?? 0) | constants.SSL_OP_NO_RENEGOTIATION
  return { minVersion: 'TLSv1.2', handshakeTimeout, ...tls, secureOptions }
}

function urlOf(server: Server, secure: boolean): URL {
  const scheme = secure ? 'https' : 'http'
  const address = server.address() as AddressInfo | string
  if (typeof address === 'string') return new URL(`${scheme}+unix://${encodeURIComponent(address)}/`)
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return new URL(`${scheme}://${host}:${address.port}/`)
}

/** How long a connection that was accepted just before the end may take to send its request, in ms. */
export const closingPatience = 500

/** Resolves when that is so, or after `limit` ms. */
export async function waitUntil(isSo: () => boolean, limit: number): Promise<void> {
  const until = performance.now() + limit
  while (!isSo() && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 10))
}
