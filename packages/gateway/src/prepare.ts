/** From a request as it arrived to the request that goes upstream: what is refused, removed, rewritten and added. */

import { GatewayError, internalFailure } from './errors.ts'
import {
  checkedFields,
  connectionOptions,
  endToEnd,
  FieldNames,
  Fields,
  framingFields,
  isToken,
  listOfTokens,
  withoutSpace,
} from './fields.ts'
import { forwardingFields, passedBefore, setForwarded } from './forwarded.ts'
import { chunked, type Framing, oneContentLength, requestFraming } from './framing.ts'
import type { Exchange, Reply, RequestHead } from './gateway.ts'
import { endpointOf, type Settings } from './settings.ts'
import { type Endpoint, isHost, joinTarget, type Origin, readTarget } from './upstream.ts'

/** A request head as a parser delivers it. */
export interface Incoming {
  readonly method: string
  readonly target: string
  /** `1.0`, `1.1` or `2.0`. */
  readonly version: string
  /** In `rawHeaders` layout. Not changed. */
  readonly raw: readonly string[]
  /** The protocols that may be offered upstream for this connection; empty when it stays HTTP. */
  readonly upgrade: readonly string[]
  /** Of the request as it came, where a parser has found it out already. */
  readonly framing?: Framing
  /** Content follows even if no field says so: frames tell its end (RFC 9113 §8.1). */
  readonly framed?: boolean
}

export interface Prepared {
  readonly endpoint: Endpoint
  /** Of the request, both as it came and as it goes on. */
  readonly framing: Framing
  readonly out: RequestHead
}

/**
 * Refuses what cannot be forwarded safely, then builds the request that goes upstream. A promise only when a hook is one.
 * @returns a `Reply` when this gateway is the last recipient.
 * @throws GatewayError whose status is the answer.
 */
export function prepare(
  settings: Settings,
  incoming: Incoming,
  exchange: Exchange,
): Prepared | Reply | Promise<Prepared | Reply> {
  const { method, version, raw } = incoming
  if (version !== '1.1' && version !== '1.0' && version !== '2.0')
    throw refused('HTTP version not supported', 505)
  if (raw.length > settings.limits.fields * 2) throw refused('too many fields', 431)
  // HTTP/1.1's parser counts for itself. The one of HTTP/2 does so only once a client has agreed to the limit.
  if (version === '2.0' && bytesOf(raw) > settings.limits.requestHead)
    throw refused('request head too large', 431)
  const host = hostOf(raw)
  if (host === undefined && version !== '1.0') throw refused('no Host')
  if (method === 'CONNECT') throw refused('CONNECT is not served', 501)
  if (method === 'TRACE') throw refused('TRACE is not served', 405)
  const target = readTarget(method, incoming.target)
  if (target === undefined) throw refused('request target has no form that is served here')
  const announced = incoming.framing ?? requestFraming(version, raw)
  const framing = incoming.framed === true && announced.kind === 'none' ? chunked : announced
  if (framing.kind === 'length' && framing.length > settings.limits.requestBody) {
    throw refused('request body too large', 413)
  }
  // The absolute form says which host was meant, whatever the Host field says (RFC 9112 §3.2.2).
  if (target.authority !== undefined) exchange.request.fields.set('Host', target.authority)

  const fields = endToEnd(raw, replaced)
  if (framing.kind === 'length') oneContentLength(fields, framing.length)
  if (method === 'OPTIONS' && isFinalRecipient(fields))
    return { status: 204, fields: { Allow: 'GET, HEAD, OPTIONS' } }
  if (passedBefore(fields.all('via'), settings.pseudonym)) {
    throw new GatewayError('proxy_loop_detected', { phase: 'requestHead' })
  }
  const aim = { method, path: target.path, fields }
  if (settings.endpoint !== undefined)
    return direct(settings, incoming, exchange, framing, aim, settings.endpoint)
  return choose(settings, exchange).then((endpoint) =>
    direct(settings, incoming, exchange, framing, aim, endpoint),
  )
}

/** What is known of the endpoint, the hook's word, and what no hook may forget or forge. */
function direct(
  settings: Settings,
  incoming: Incoming,
  exchange: Exchange,
  framing: Framing,
  out: RequestHead,
  endpoint: Endpoint,
): Prepared | Promise<Prepared> {
  const path = joinTarget(endpoint, out.path)
  if (path === undefined) throw refused('dot segments under a base path')
  out.path = path
  out.fields.raw.unshift('Host', endpoint.authority)
  const finish = (): Prepared => {
    const sent = settings.rewrite === setForwarded ? out : rewritten(out, framing, endpoint)
    const { raw } = sent.fields
    raw.push('Via', `${incoming.version === '2.0' ? '2' : incoming.version} ${settings.pseudonym}`)
    if (framing.kind === 'chunked') raw.push('Transfer-Encoding', 'chunked')
    else if (framing.kind === 'none' && !bare.has(sent.method)) raw.push('Content-Length', '0')
    if (incoming.upgrade.length > 0) raw.push('Connection', 'Upgrade', 'Upgrade', incoming.upgrade.join(', '))
    else if (wantsTrailers(incoming.raw)) raw.push('Connection', 'TE, keep-alive', 'TE', 'trailers')
    else raw.push('Connection', 'keep-alive')
    return { endpoint, framing, out: sent }
  }
  try {
    const edited = settings.rewrite(out, exchange)
    if (edited === undefined) return finish()
    return Promise.resolve(edited)
      .then(finish)
      .catch((cause) => {
        throw internalFailure(cause, 'requestHead')
      })
  } catch (cause) {
    throw internalFailure(cause, 'requestHead')
  }
}

/** What `rewrite` has left, made fit to be sent: nobody else can edit it any more. @throws TypeError when it cannot be. */
function rewritten(left: RequestHead, framing: Framing, { authority }: Endpoint): RequestHead {
  const { method, path } = left
  if (typeof method !== 'string' || !isToken(method) || method === 'CONNECT')
    throw new TypeError(`rewrite has left a method that is none: ${String(method)}`)
  if (typeof path !== 'string' || readTarget(method, path)?.path !== path || notAscii.test(path))
    throw new TypeError(`rewrite has left a path that is no request target: ${String(path)}`)
  const fields = checkedFields(left.fields)
  for (const name of framingFields) fields.delete(name)
  if (framing.kind === 'length') oneContentLength(fields, framing.length)
  else fields.delete('content-length')
  const hosts = fields.all('host')
  if (hosts.length === 0) fields.raw.unshift('Host', authority)
  else if (hosts.length > 1 || (hosts[0] !== '' && !isHost(hosts[0] as string)))
    throw new TypeError(`rewrite has left a Host that is none: ${hosts.join(' and ')}`)
  return { method, path, fields }
}

/** Methods whose requests say nothing of content that they do not have (RFC 9110 §8.6). */
const bare: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS'])

const notAscii = /[^\x21-\x7e]/

/** Set anew for the next hop, or said again by `rewrite`. */
const replaced: FieldNames = new FieldNames([...forwardingFields, 'host', 'http2-settings'])

async function choose(settings: Settings, exchange: Exchange): Promise<Endpoint> {
  let origin: Origin
  try {
    origin = await (settings.choose as NonNullable<Settings['choose']>)(exchange)
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw new GatewayError('destination_unavailable', { phase: 'requestHead', cause })
  }
  try {
    return endpointOf(origin)
  } catch (cause) {
    throw internalFailure(cause, 'requestHead')
  }
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
function bytesOf(raw: readonly string[]): number {
  let bytes = raw.length * 16
  for (const text of raw) bytes += text.length
  return bytes
}

/** Max-Forwards (RFC 9110 §7.6.2): at zero the request has reached its end here. */
function isFinalRecipient(fields: Fields): boolean {
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

/** An upstream may choose among the protocols it was offered, and no other (RFC 9110 §7.8). @param raw Of its answer. */
export function agreesWith(offered: readonly string[], raw: readonly string[]): boolean {
  const known = offered.map((protocol) => protocol.toLowerCase())
  const chosen = new Fields(raw as string[]).tokens('upgrade')
  return chosen.length > 0 && chosen.every((protocol) => known.includes(protocol))
}

function refused(detail: string, status = 400): GatewayError {
  return new GatewayError('http_request_error', { phase: 'requestHead', detail, status })
}
