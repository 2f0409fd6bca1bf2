/** From a request as it arrived to the request that goes upstream: what is refused, removed, rewritten and added. */

import { GatewayError, internalFailure, tooLarge } from '../contract/errors.ts'
import { endToEnd, type Fields, isToken, leftOf } from '../contract/fields.ts'
import type { Choice, Exchange, Origin, RequestHead, Route } from '../contract/gateway.ts'
import { passedBefore, setForwarded } from '../rules/forwarded.ts'
import { chunked, type Framing, oneContentLength, requestFraming } from '../rules/framing.ts'
import {
  bare,
  bytesOf,
  hostOf,
  isFinalRecipient,
  refused,
  replaced,
  sentFraming,
  wantsTrailers,
} from '../rules/request.ts'
import { type Endpoint, isHost, isPath, isReply, isRoute, joinTarget, readTarget } from '../rules/upstream.ts'
import { checkTransform, isThenable, type SendableReply, sendable } from './hooks.ts'
import { along, endpointOf, type Settings } from './settings.ts'

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

/** A request that may be forwarded, before it is known where to. */
export interface Admitted {
  readonly incoming: Incoming
  /** Of the request, both as it came and as it goes on. */
  readonly framing: Framing
  /** In origin form, or `*`. */
  readonly path: string
  /** Those that go on. */
  readonly fields: Fields
  /** An answer has turned it away from the origin that it was meant for. */
  readonly crossOrigin?: boolean
}

export interface Prepared {
  /** Those of the route that was chosen. */
  readonly settings: Settings
  readonly endpoint: Endpoint
  readonly out: RequestHead
}

/**
 * Refuses what cannot be forwarded safely.
 * @returns a `Reply` when this gateway is the last recipient.
 * @throws GatewayError whose status is the answer.
 */
export function admit(settings: Settings, incoming: Incoming): Admitted | SendableReply {
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
  const fields = endToEnd(raw, replaced)
  if (framing.kind === 'length') oneContentLength(fields, framing.length)
  if (method === 'OPTIONS' && isFinalRecipient(fields))
    return sendable({ status: 204, fields: { Allow: 'GET, HEAD, OPTIONS' } })
  if (passedBefore(fields.all('via'), settings.pseudonym)) {
    throw new GatewayError('proxy_loop_detected', { phase: 'requestHead' })
  }
  return { incoming, framing, path: target.path, fields }
}

/**
 * Builds the request of one attempt. A promise only when a hook is one.
 * @param admitted Its fields become those of the request.
 * @param where Instead of what `upstream` says.
 * @returns a `Reply` when `upstream` answers by itself.
 * @throws GatewayError whose status is the answer.
 */
export function prepare(
  settings: Settings,
  admitted: Admitted,
  exchange: Exchange,
  where?: Origin | Route,
): Prepared | SendableReply | Promise<Prepared | SendableReply> {
  const { choose } = settings
  if (where !== undefined) return go(settings, admitted, exchange, where)
  if (choose === undefined) return direct(settings, settings.endpoint as Endpoint, admitted, exchange)
  try {
    const choice = choose(exchange)
    if (!isThenable(choice)) return go(settings, admitted, exchange, choice)
    return Promise.resolve(choice).then(
      (settled) => go(settings, admitted, exchange, settled),
      (cause) => {
        throw unavailable(cause)
      },
    )
  } catch (cause) {
    throw unavailable(cause)
  }
}

function unavailable(cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause
  return new GatewayError('destination_unavailable', { phase: 'requestHead', cause })
}

/** To where was chosen, or to nowhere. @throws GatewayError 500 when it is nothing that can be asked or sent. */
function go(
  settings: Settings,
  admitted: Admitted,
  exchange: Exchange,
  choice: Choice,
): Prepared | SendableReply | Promise<Prepared | SendableReply> {
  let chosen = settings
  let endpoint: Endpoint
  // Credentials are meant for one origin (RFC 9110 §15.4): another one gets those that its own route adds.
  const crossOrigin = admitted.crossOrigin === true
  if (crossOrigin) withoutCredentials(admitted.fields)
  try {
    if (isReply(choice)) return sendable(choice)
    if (isRoute(choice)) {
      chosen = along(choice, settings)
      endpoint = chosen.endpoint as Endpoint
    } else endpoint = endpointOf(choice)
  } catch (cause) {
    throw internalFailure(cause, 'requestHead')
  }
  const ready = direct(chosen, endpoint, admitted, exchange, crossOrigin)
  if (!crossOrigin || chosen.rewrite !== settings.rewrite) return ready
  return ready instanceof Promise ? ready.then(strippedOfCredentials) : strippedOfCredentials(ready)
}

function strippedOfCredentials(ready: Prepared): Prepared {
  withoutCredentials(ready.out.fields)
  return ready
}

/** What a route says to ask for. @throws GatewayError 500 when its function has no path to say. */
function pathOf({ path }: Settings, method: string, asked: string): string {
  if (typeof path !== 'function') return path ?? asked
  try {
    const said: unknown = path(asked)
    if (isPath(method, said)) return said
    throw new TypeError(
      `route.path has returned what cannot be asked for: ${JSON.stringify(said)}; it begins with a slash and is percent-encoded`,
    )
  } catch (cause) {
    throw internalFailure(cause, 'requestHead')
  }
}

/** What a gateway's own `rewrite` adds is meant for the gateway's own origin, also when a route calls it. */
function withoutItsCredentials(rewrite: Settings['inherited']): Settings['inherited'] {
  return async (out, exchange) => {
    const own = out.fields.copy()
    await rewrite(out, exchange)
    for (const name of credentials) {
      out.fields.delete(name)
      for (const value of own.all(name)) out.fields.append(name, value)
    }
  }
}

const credentials = ['authorization', 'cookie'] as const

function withoutCredentials(fields: Fields): void {
  for (const name of credentials) fields.delete(name)
}

/** What is known of the endpoint, the hook's word, and what no hook may forget or forge. */
function direct(
  settings: Settings,
  endpoint: Endpoint,
  { incoming, framing, path: asked, fields }: Admitted,
  exchange: Exchange,
  crossOrigin = false,
): Prepared | Promise<Prepared> {
  if (framing.kind === 'length' && framing.length > settings.limits.requestBody) {
    throw tooLarge('requestHead')
  }
  const path = joinTarget(endpoint, pathOf(settings, incoming.method, asked))
  if (path === undefined) throw refused('dot segments under a base path')
  fields.raw.unshift('Host', endpoint.authority)
  const out: RequestHead = { method: incoming.method, path, fields }
  const trusted = settings.rewrite === setForwarded
  const before = trusted ? fields.raw : fields.raw.slice()
  const finish = (): Prepared => {
    const sent = trusted
      ? out
      : rewritten(out, framing, endpoint, { method: incoming.method, path, raw: before })
    const { raw } = sent.fields
    raw.push('Via', `${incoming.version === '2.0' ? '2' : incoming.version} ${settings.pseudonym}`)
    if (sentFraming(framing, sent).kind === 'chunked') raw.push('Transfer-Encoding', 'chunked')
    else if (framing.kind === 'none' && !bare.has(sent.method)) raw.push('Content-Length', '0')
    if (incoming.upgrade.length > 0) raw.push('Connection', 'Upgrade', 'Upgrade', incoming.upgrade.join(', '))
    else if (wantsTrailers(incoming.raw)) raw.push('Connection', 'TE, keep-alive', 'TE', 'trailers')
    else raw.push('Connection', 'keep-alive')
    return { settings, endpoint, out: sent }
  }
  try {
    const { inherited } = settings
    const edited = settings.rewrite(out, exchange, crossOrigin ? withoutItsCredentials(inherited) : inherited)
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
function rewritten(
  left: RequestHead,
  framing: Framing,
  { authority }: Endpoint,
  before: Pick<RequestHead, 'method' | 'path'> & { readonly raw: string[] },
): RequestHead {
  const { method, path, content } = left
  if (method !== before.method && (typeof method !== 'string' || !isToken(method) || method === 'CONNECT'))
    throw new TypeError(`rewrite has left a method that is none: ${String(method)}; such as GET`)
  if ((path !== before.path || method !== before.method) && !isPath(method, path))
    throw new TypeError(
      `rewrite has left a path that is no request target: ${String(path)}; it begins with a slash and is percent-encoded`,
    )
  checkTransform(content, 'rewrite')
  const fields = leftOf(left.fields, before.raw)
  if (framing.kind === 'length' && content === undefined) oneContentLength(fields, framing.length)
  else fields.delete('content-length')
  const hosts = fields.all('host')
  if (hosts.length === 0) fields.raw.unshift('Host', authority)
  else if (hosts.length > 1 || (hosts[0] !== '' && !isHost(hosts[0] as string)))
    throw new TypeError(
      `rewrite has left a Host that is none: ${hosts.join(' and ')}; it is one name, with or without a port`,
    )
  return { method, path, fields, content }
}
