/** Connections in TLS, the same work for every target: version 1.3, one cipher, one group, one protocol on top. */

import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'

/** Node.js would offer more, and each target would choose what it likes best. */
const same: ConnectionOptions = {
  minVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256',
  ecdhCurve: 'X25519',
  // Who is asked is known: the target was just started.
  rejectUnauthorized: false,
}

export interface SecureOptions {
  readonly protocol?: 'http/1.1' | 'h2'
  /** Of an earlier connection, to be resumed. */
  readonly session?: Buffer | undefined
}

export function connectSecurely(url: URL, { protocol = 'http/1.1', session }: SecureOptions = {}): TLSSocket {
  const socket = connect({
    ...same,
    host: url.hostname,
    port: Number(url.port),
    ALPNProtocols: [protocol],
    ...(session && { session }),
  })
  socket.setNoDelay(true)
  return socket
}
