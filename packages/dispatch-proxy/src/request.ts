/** What undici's client is asked with, what it cannot be asked for, and how its answers are read. */

import type { IncomingMessage } from 'node:http'
import { contentToSend, type HttpExchange } from '@relayrace/gateway/strategy'
import type { Dispatcher } from 'undici'

/** The exact head of the request, and its content. */
export function requestOf(exchange: HttpExchange): Dispatcher.DispatchOptions {
  const { out, endpoint, framing } = exchange
  const content = framing.kind === 'chunked' || (framing.kind === 'length' && framing.length > 0)
  const options: Dispatcher.DispatchOptions = {
    origin: endpoint.origin,
    path: out.path,
    method: out.method,
    headers: sendable(out.fields.raw),
    // For iterables, which the declaration of this type leaves out, the body is pulled: no faster than it is sent.
    body: content ? (contentToSend(exchange) as never) : null,
  }
  // Otherwise it is taken from Host, and with it the name that the certificate is checked for.
  if (endpoint.secure) Object.assign(options, { servername: endpoint.hostname })
  // undici trusts no connection after HEAD. What it fears, content after the head, is noticed and dropped anyway.
  if (out.method === 'HEAD') options.reset = false
  return options
}

/** Of these undici writes its own, from the body and the state of the connection, and refuses those that it is given. */
const ownedByClient: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
])

function sendable(raw: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const { length } = name
    // Those have one of these lengths, and nearly all others none.
    const owned = (length === 7 || length === 10 || length === 17) && ownedByClient.has(name.toLowerCase())
    if (!owned) kept.push(name, raw[i + 1] as string)
  }
  return kept
}

function expects(raw: readonly string[]): boolean {
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (name.length === 6 && name.toLowerCase() === 'expect') return true
  }
  return false
}

/**
 * What undici's client refuses to send, and what it would hold back: it sends the head with the first byte of the body,
 * so a client that waits for the origin's word before it goes on would wait for ever. Such an exchange goes the way of
 * upgrades, with node:http and a connection of its own.
 */
export function isBeyondClient({ incoming, out, framing }: HttpExchange): boolean | Promise<boolean> {
  if (out.path === '*' || expects(out.fields.raw)) return true
  if (framing.kind === 'none' || incoming.complete || incoming.readableLength > 0) return false
  return staysSilent(incoming)
}

/** How long the head of an upload is held back for the first byte of its body, in milliseconds. */
const patience = 50

function staysSilent(incoming: IncomingMessage): Promise<boolean> {
  return new Promise((resolve) => {
    const begun = (): void => settle(false)
    const timer = setTimeout(() => settle(true), patience)
    const settle = (silent: boolean): void => {
      clearTimeout(timer)
      incoming.off('readable', begun)
      incoming.off('close', begun)
      resolve(silent)
    }
    incoming.on('readable', begun)
    incoming.on('close', begun)
  })
}

/** A connection of the pool was lost before anything was sent on it, which is not to be had with one that is being made. */
export function wentStale(
  { sent }: { readonly sent: boolean },
  { error, framing }: HttpExchange,
  cause: unknown,
): boolean {
  if (sent || error !== undefined || framing.kind !== 'none') return false
  const { code } = ((cause as Error).cause ?? cause) as NodeJS.ErrnoException
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE'
}

/** What undici keeps as bytes, of which a field may have any. */
export function latin1(lines: readonly Buffer[]): string[] {
  const [first] = lines
  const last = lines.at(-1)
  if (first === undefined || last === undefined) return []
  const { buffer, byteOffset: begin } = first
  const end = last.byteOffset + last.length
  const isWithin = (line: Buffer): boolean =>
    line.buffer === buffer && line.byteOffset >= begin && line.byteOffset + line.length <= end
  // A head that has come with several reads lies in several pieces.
  if (!lines.every(isWithin)) return lines.map((line) => line.toString('latin1'))
  // To decode once and cut is cheaper than to decode each.
  const text = Buffer.from(buffer, begin, end - begin).toString('latin1')
  return lines.map(({ byteOffset, length: size }) =>
    text.slice(byteOffset - begin, byteOffset - begin + size),
  )
}
