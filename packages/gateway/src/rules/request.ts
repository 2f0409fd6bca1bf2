/** What HTTP says of a request that is passed on: whom it is for, its fields, trailers and protocols; and what is refused. */

import { GatewayError } from '../contract/errors.ts'
import { connectionOptions, FieldNames, Fields, listOfTokens, withoutSpace } from '../contract/fields.ts'
import type { ReceivedRequest, RequestHead } from '../contract/gateway.ts'
import { forwardingFields } from './forwarded.ts'
import { chunked, type Framing } from './framing.ts'
import { isHost, readTarget } from './upstream.ts'

/** How the content of a request goes on: one whose length a hook may change goes in chunks. */
export function sentFraming(framing: Framing, { content }: RequestHead): Framing {
  return content === undefined || framing.kind === 'none' ? framing : chunked
}

/** Methods whose requests say nothing of content that they do not have (RFC 9110 §8.6). */
export const bare: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS'])

/**
 * Set anew for the next hop, or said again by `rewrite`. To CGI and what follows it an underscore is a dash, and Proxy is the
 * variable by which programs are told of a proxy (CVE-2016-5385).
 */
export const replaced: FieldNames = new FieldNames(
  ['host', 'http2-settings', 'proxy', 'content_length', 'transfer_encoding'],
  { also: forwardingFields },
)

/** What a request asks for, and whom. */
export function targetOf(
  method: string,
  target: string,
  raw: readonly string[],
): Pick<ReceivedRequest, 'method' | 'target' | 'path' | 'authority' | 'fields'> {
  const read = readTarget(method, target)
  const fields = new Fields(raw.slice())
  // The absolute form says which host was meant, whatever the Host field says (RFC 9112 §3.2.2).
  if (read?.authority !== undefined) fields.set('Host', read.authority)
  return { method, target, path: read?.path ?? target, authority: fields.get('host') ?? '', fields }
}

/**
 * The Host of a request, undefined without any. @throws GatewayError 400 for more than one, or one that is no host: two
 * readers could disagree (RFC 9112 §3.2).
 */
export function hostOf(raw: readonly string[]): string | undefined {
  let host: string | undefined
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (name.length !== 4 || name.toLowerCase() !== 'host') continue
    if (host !== undefined) throw refused('more than one Host')
    host = raw[i + 1] as string
    if (host !== '' && !isHost(host)) throw refused('Host is not a host')
  }
  return host
}

/** As HTTP/2 counts them (RFC 9113 §6.5.2). */
export function bytesOf(raw: readonly string[]): number {
  let bytes = raw.length * 16
  for (const text of raw) bytes += text.length
  return bytes
}

/** Max-Forwards (RFC 9110 §7.6.2): at zero the request has reached its end here. */
export function isFinalRecipient(fields: Fields): boolean {
  const value = fields.get('max-forwards')
  if (value === undefined) return false
  if (!/^\d{1,9}$/.test(value)) throw refused('Max-Forwards is not a number')
  if (Number(value) === 0) return true
  fields.set('Max-Forwards', String(Number(value) - 1))
  return false
}

/** Whether a message's sender says it reads trailers (RFC 9110 §10.1.4). */
export function wantsTrailers(raw: readonly string[]): boolean {
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (name.length !== 2 || name.toLowerCase() !== 'te') continue
    if (listOfTokens(raw[i + 1] as string).some((member) => member.split(';')[0]?.trim() === 'trailers'))
      return true
  }
  return false
}

/**
 * The protocols of an Upgrade that a gateway may pass on, as they are spelled: never cleartext HTTP/2, which would carry
 * requests past it unseen, and none for HTTP/1.0 (RFC 9110 §7.8). Content comes first, in HTTP.
 */
export function offeredProtocols(version: string, raw: readonly string[]): string[] {
  if (version !== '1.1') return []
  if (!connectionOptions(raw).includes('upgrade')) return []
  const protocols = new Fields(raw as string[]).all('upgrade').flatMap((value) => value.split(','))
  return protocols.map(withoutSpace).filter((protocol) => !/^(?:h2c(?:\/.*)?)?$/i.test(protocol))
}

/**
 * An upstream may choose among the protocols it was offered, and no other; and what Connection does not name says nothing of
 * this connection (RFC 9110 §7.8). @param raw Of its answer.
 */
export function agreesWith(offered: readonly string[], raw: readonly string[]): boolean {
  if (!connectionOptions(raw).includes('upgrade')) return false
  const known = offered.map((protocol) => protocol.toLowerCase())
  const chosen = new Fields(raw as string[]).tokens('upgrade')
  return chosen.length > 0 && chosen.every((protocol) => known.includes(protocol))
}

export function refused(detail: string, status = 400): GatewayError {
  return new GatewayError('http_request_error', { phase: 'requestHead', detail, status })
}
