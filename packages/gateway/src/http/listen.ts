/** Listening, and ending in order: what the lifecycle of every gateway has in common. */

import { constants } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, Server } from 'node:net'
import type { TlsOptions, Server as TlsServer } from 'node:tls'
import type { Listener, ListenOptions } from '../contract/gateway.ts'
import { checkOptions, type KnownOptions } from '../contract/options.ts'

/** Connections that wait to be accepted. Node's 511 turns a burst of clients into retransmissions. */
const backlog = 4_096

/** Binds a server that has been made already. Host defaults to loopback: being reachable is a decision. */
export async function bind(server: Server, where: ListenOptions = {}): Promise<Listener> {
  const { tls, path, port = 0, host = '127.0.0.1', ...options } = where
  server.listen(path === undefined ? { port, host, backlog, ...options } : { path, ...options })
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

const listenOptions: KnownOptions<ListenOptions> = {
  port: 'number',
  host: 'string',
  path: 'string',
  backlog: 'number',
  reusePort: 'boolean',
  tls: 'object',
}

/** All that `tls.createServer` takes, which looks itself at what it is given. */
const tlsOptions: KnownOptions<TlsOptions> = {
  allowHalfOpen: undefined,
  pauseOnConnect: undefined,
  noDelay: undefined,
  keepAlive: undefined,
  keepAliveInitialDelay: undefined,
  highWaterMark: undefined,
  blockList: undefined,
  secureContext: undefined,
  enableTrace: undefined,
  requestCert: 'boolean',
  ALPNProtocols: undefined,
  SNICallback: undefined,
  rejectUnauthorized: 'boolean',
  requestOCSP: undefined,
  handshakeTimeout: undefined,
  sessionTimeout: undefined,
  ticketKeys: undefined,
  pskCallback: undefined,
  pskIdentityHint: undefined,
  ALPNCallback: undefined,
  allowPartialTrustChain: undefined,
  ca: undefined,
  cert: undefined,
  certificateCompression: undefined,
  sigalgs: undefined,
  ciphers: undefined,
  clientCertEngine: undefined,
  crl: undefined,
  dhparam: undefined,
  ecdhCurve: undefined,
  honorCipherOrder: undefined,
  key: undefined,
  privateKeyEngine: undefined,
  privateKeyIdentifier: undefined,
  maxVersion: undefined,
  minVersion: undefined,
  passphrase: undefined,
  pfx: undefined,
  secureOptions: undefined,
  secureProtocol: undefined,
  sessionIdContext: undefined,
}

/** @throws TypeError when what `listen` was told makes no sense, naming it: a misspelt port would be a free one. */
export function checkListen(where: ListenOptions): void {
  if (typeof where !== 'object' || where === null)
    throw new TypeError(`listen takes an object: listen({ port: ${String(where ?? 8080)} })`)
  checkOptions(where, listenOptions, 'listen.')
  if (where.tls !== undefined) checkOptions(where.tls, tlsOptions, 'listen.tls.')
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
