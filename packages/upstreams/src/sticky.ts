/** A client stays with the endpoint that has answered it first: by a cookie that says which, and not where. */

import { createHmac } from 'node:crypto'
import type { Exchange, ResponseHead } from '@relayrace/gateway'
import { cookie } from './hashed.ts'
import type { Member } from './member.ts'

export interface Sticky {
  /** The same in all gateways in front of these endpoints. It keeps addresses of endpoints from being guessed. */
  readonly secret: string
  /** The name of the cookie. `endpoint`. */
  readonly cookie?: string
  /** Beside `Secure`, which is there if the request came over TLS. `Path=/; HttpOnly; SameSite=Lax`. */
  readonly attributes?: string
}

/** What a cookie may be called (RFC 6265 §4.1.1). */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

export class Stickiness {
  readonly #name: string
  readonly #secret: string
  readonly #attributes: string
  readonly #values = new WeakMap<Member, string>()

  /** @throws TypeError that names what makes no sense. */
  constructor({ secret, cookie: name = 'endpoint', attributes = 'Path=/; HttpOnly; SameSite=Lax' }: Sticky) {
    if (typeof secret !== 'string' || secret === '')
      throw new TypeError('sticky.secret has to be a text, the same in all gateways before these endpoints')
    if (!token.test(name))
      throw new TypeError(`sticky.cookie is no name of a cookie: ${JSON.stringify(name)}`)
    this.#name = name
    this.#secret = secret
    this.#attributes = attributes
  }

  /** That which the client has been told to stay with. */
  find(candidates: readonly Member[], exchange: Exchange): Member | undefined {
    const value = cookie(exchange, this.#name)
    if (value === undefined) return undefined
    return candidates.find((member) => this.#valueOf(member) === value)
  }

  /** Tells the client to stay, unless it knows. */
  tell({ fields }: ResponseHead, member: Member, exchange: Exchange): void {
    const value = this.#valueOf(member)
    if (cookie(exchange, this.#name) === value) return
    const attributes = exchange.request.secure ? `${this.#attributes}; Secure` : this.#attributes
    fields.append('Set-Cookie', `${this.#name}=${value}; ${attributes}`)
  }

  #valueOf(member: Member): string {
    let value = this.#values.get(member)
    if (value === undefined) {
      value = createHmac('sha256', this.#secret).update(member.id).digest('base64url').slice(0, 22)
      this.#values.set(member, value)
    }
    return value
  }
}
