/** What listeners of `proxyReq` and `proxyReqWs` are given: the outgoing request as an `OutgoingMessage`, before it is one. */

import { type ClientRequest, OutgoingMessage } from 'node:http'
import { Fields, type RequestHead } from '@relayrace/gateway'

/**
 * Fields, method and path can be changed, and content written, as on a `ClientRequest`. Nothing is sent before all
 * listeners are done, and before the gateway has found what they left fit to be sent.
 */
export class AskedRequest extends OutgoingMessage {
  method: string
  path: string
  readonly host: string
  readonly protocol: string
  /** What listeners have written. */
  readonly written: Buffer[] = []
  /** They have ended it: nothing of the client's content is to follow. */
  isEnded = false
  readonly #giveUp: (error: Error | undefined) => void

  constructor(
    { method, path, fields }: RequestHead,
    { host, protocol }: { readonly host: string; readonly protocol: string },
    giveUp: (error: Error | undefined) => void,
  ) {
    super()
    this.method = method
    this.path = path
    this.host = host
    this.protocol = protocol
    this.#giveUp = giveUp
    for (const [name, value] of fields) this.appendHeader(name, value)
  }

  override write(chunk: unknown, ...rest: unknown[]): boolean {
    const [encoding] = rest
    const text = typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8'
    this.written.push(typeof chunk === 'string' ? Buffer.from(chunk, text) : Buffer.from(chunk as Uint8Array))
    const done = rest.find((one) => typeof one === 'function') as (() => void) | undefined
    if (done !== undefined) process.nextTick(done)
    return true
  }

  override end(...given: unknown[]): this {
    const [chunk, ...rest] = given
    if (chunk != null && typeof chunk !== 'function') this.write(chunk, ...rest)
    this.isEnded = true
    return this
  }

  override destroy(error?: Error): this {
    this.#giveUp(error)
    return this
  }

  abort(): void {
    this.destroy()
  }

  /** What was left, for the gateway to judge. */
  leave(out: RequestHead): void {
    out.method = this.method
    out.path = this.path
    const fields = new Fields()
    // In the case in which they were set. The types know it of a ClientRequest only.
    for (const name of (this as unknown as ClientRequest).getRawHeaderNames()) {
      const value = this.getHeader(name) as number | string | string[]
      for (const one of Array.isArray(value) ? value : [value]) fields.append(name, String(one))
    }
    out.fields = fields
  }
}
