/** What a gateway says about where a request came from: Forwarded (RFC 7239), X-Forwarded-*, and Via (RFC 9110 §7.6.3). */

import { FieldNames } from '../contract/fields.ts'
import type { Exchange, RequestHead } from '../contract/gateway.ts'

/**
 * What a client claims about a request's way and about itself, and what gateways and load balancers tell an application
 * about a client in its place. Removed before `rewrite`, and from trailers, because anybody can send it. With underscores as
 * well: to CGI and what follows it both are one name.
 */
export const forwardingFields: FieldNames = new FieldNames([], {
  beginnings: [
    'cf-connecting-ip',
    'client-cert',
    'client-ip',
    'fastly-client-ip',
    'forwarded',
    'front-end-https',
    'proxy-client-ip',
    'remote-email',
    'remote-groups',
    'remote-name',
    'remote-user',
    'ssl-client-',
    'true-client-ip',
    'wl-proxy-',
    'x-amzn-mtls-',
    'x-amzn-oidc-',
    'x-appengine-user-ip',
    'x-auth-request-',
    'x-authentik-',
    'x-azure-clientip',
    'x-azure-socketip',
    'x-client-cert',
    'x-client-ip',
    'x-client-verify',
    'x-cluster-client-ip',
    'x-envoy-external-address',
    'x-envoy-internal',
    'x-forward',
    'x-goog-authenticated-user-',
    'x-goog-iap-',
    'x-host',
    'x-ms-client-principal',
    'x-original-',
    'x-originating-ip',
    'x-proxyuser-ip',
    'x-real-ip',
    'x-realip',
    'x-remote-',
    'x-rewrite-url',
    'x-scheme',
    'x-ssl-',
    'x-url-scheme',
    'x-webauth-',
  ],
})

/** The default `rewrite`: tells the upstream the client's address, the scheme and the Host, in both dialects. */
export function setForwarded(out: RequestHead, exchange: Exchange): void {
  const { remoteAddress, secure, fields } = exchange.request
  const proto = secure ? 'https' : 'http'
  const host = fields.get('host')
  const { raw } = out.fields
  // The address is the socket's and the Host was checked on arrival, so neither is checked again by `append`.
  raw.push('X-Forwarded-For', remoteAddress ?? 'unknown', 'X-Forwarded-Proto', proto)
  if (host !== undefined) raw.push('X-Forwarded-Host', host)
  const hostPair = host === undefined ? '' : `;host=${quoted(host)}`
  raw.push('Forwarded', `for=${node(remoteAddress)}${hostPair};proto=${proto}`)
}

/**
 * A `rewrite` for a gateway behind another one that is trusted: keeps what that one said about the client and adds
 * itself to the lists.
 */
export function appendForwarded(out: RequestHead, exchange: Exchange): void {
  const claimed = exchange.request.fields
  const earlierFor = claimed.all('x-forwarded-for').join(', ')
  const earlierForwarded = claimed.all('forwarded').join(', ')
  setForwarded(out, exchange)
  if (earlierFor !== '') {
    out.fields.set('X-Forwarded-For', `${earlierFor}, ${exchange.request.remoteAddress ?? 'unknown'}`)
  }
  for (const name of ['X-Forwarded-Proto', 'X-Forwarded-Host']) {
    const earlier = claimed.get(name)
    if (earlier !== undefined) out.fields.set(name, earlier)
  }
  if (earlierForwarded !== '')
    out.fields.set('Forwarded', `${earlierForwarded}, ${out.fields.get('forwarded')}`)
}

/** A `rewrite` step that sends the client's Host upstream instead of the upstream's own authority. */
export function preserveHost(out: RequestHead, exchange: Exchange): void {
  const host = exchange.request.fields.get('host')
  if (host !== undefined) out.fields.set('Host', host)
}

/** A node identifier (RFC 7239 §6): IPv6 in brackets and quotes, because colons are no token characters. */
function node(address: string | undefined): string {
  if (address === undefined || address === '') return 'unknown'
  return address.includes(':') ? `"[${address}]"` : address
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

function quoted(value: string): string {
  // A host has neither quotes nor backslashes, so nothing in it need be escaped.
  return token.test(value) ? value : `"${value}"`
}

/** Whether a received Via names this gateway already: the request has come round in a circle. */
export function passedBefore(via: readonly string[], pseudonym: string): boolean {
  for (const value of via) {
    if (!value.includes(pseudonym)) continue
    for (const member of value.split(',')) {
      const [, by] = member.trim().split(/[ \t]+/)
      if (by === pseudonym) return true
    }
  }
  return false
}

/** What a program may be told to say about the client. */
export const forwardedModes = ['set', 'append', 'none'] as const
export type ForwardedMode = (typeof forwardedModes)[number]

const byMode = { set: setForwarded, append: appendForwarded, none: (): void => {} } as const

/** The `rewrite` of a program. @param keepsHost The client's Host goes upstream. */
export function rewriteFor(
  mode: ForwardedMode,
  keepsHost: boolean,
): (out: RequestHead, exchange: Exchange) => void {
  const forwarded = byMode[mode]
  if (!keepsHost) return forwarded
  return (out, exchange) => {
    forwarded(out, exchange)
    preserveHost(out, exchange)
  }
}
