/**
 * Upstream connections that belong to one client connection. NTLM and Negotiate authenticate a connection and not a
 * request (RFC 4559 §6), against RFC 9110 §11.1: whoever else asked on it would ask in the name of the one who logged in.
 */

import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import { clientClosed } from '../contract/errors.ts'
import type { Fields } from '../contract/fields.ts'

const schemes = /^(?:ntlm|negotiate)\b/i

/** Whether the sender logs in with the connection: from then on it is nobody else's. */
export function bindsConnection({ raw }: Fields): boolean {
  for (let i = 0; i < raw.length; i += 2) {
    const { length } = raw[i] as string
    // Few names are as long as these two: most are not looked at.
    if (length !== 13 && length !== 19) continue
    const name = (raw[i] as string).toLowerCase()
    if ((name === 'authorization' || name === 'proxy-authorization') && schemes.test(raw[i + 1] as string))
      return true
  }
  return false
}

export type ClientConnection = EventEmitter & { readonly destroyed: boolean }

/** What a request came on, for as long as it is there: a socket, or a session of HTTP/2. */
export function clientOf(incoming: IncomingMessage): ClientConnection {
  if (incoming.httpVersionMajor === 1) return incoming.socket
  return (incoming as unknown as Http2ServerRequest).stream.session ?? incoming.socket
}

/** For each client connection that has logged in, what belongs to it and ends with it. */
export class Bound<T> {
  readonly #make: (client: ClientConnection) => T
  readonly #end: (mine: T) => void
  readonly #of = new WeakMap<ClientConnection, T>()
  readonly #all = new Set<T>()

  constructor(make: (client: ClientConnection) => T, end: (mine: T) => void) {
    this.#make = make
    this.#end = end
  }

  /**
   * That of this client connection, from its first request on that logs in.
   * @throws GatewayError `client_closed` when it is not there any more.
   */
  of(client: ClientConnection, fields: Fields): T | undefined {
    const known = this.#all.size === 0 ? undefined : this.#of.get(client)
    if (known !== undefined || !bindsConnection(fields)) return known
    if (client.destroyed) throw clientClosed('connect')
    const mine = this.#make(client)
    this.#of.set(client, mine)
    this.#all.add(mine)
    client.once('close', () => {
      this.#all.delete(mine)
      this.#end(mine)
    })
    return mine
  }

  get all(): ReadonlySet<T> {
    return this.#all
  }
}
