/** For a URL that a user has given: it reaches what is public on the Internet, and nothing at home. */

import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import { type BlockList, isIP, type LookupFunction } from 'node:net'
import { GatewayError } from '../contract/errors.ts'
import { FieldNames, type Fields } from '../contract/fields.ts'
import type { Exchange, GatewayOptions, ResponseHead, Route } from '../contract/gateway.ts'
import { checkOptions, type KnownOptions } from '../contract/options.ts'
import { isGlobal } from './addresses.ts'

export interface GuardOptions {
  /** Where the user wants to go: a URL, as it was given. Undefined when there is none, which answers 400. */
  readonly destination: (exchange: Exchange) => string | undefined
  /** Default 80 and 443. */
  readonly ports?: readonly number[]
  /** Addresses that may be reached although they are not public. */
  readonly allow?: BlockList
  /** Redirects to follow, each checked like the first URL. Default 0: the client gets them as they are. */
  readonly redirects?: number
  /** All addresses of a name. Default: the system's. */
  readonly resolve?: (hostname: string) => Promise<readonly LookupAddress[]>
  /** Edits the outgoing request, after the fields that are none of the destination's business are gone. */
  readonly rewrite?: GatewayOptions['rewrite']
  /** Edits the response head, after what would concern the gateway's own site is gone. */
  readonly modifyResponse?: GatewayOptions['modifyResponse']
}

const guardOptions: KnownOptions<GuardOptions> = {
  destination: 'function',
  ports: 'object',
  allow: 'object',
  redirects: 'number',
  resolve: 'function',
  rewrite: 'function',
  modifyResponse: 'function',
}

/** What `guarded` makes of them. */
export type GuardedOptions = Required<
  Pick<GatewayOptions, 'upstream' | 'lookup' | 'rewrite' | 'informational' | 'modifyResponse'>
>

/**
 * The options of a gateway that fetches what its users ask for: `createPipeProxy({ ...guarded({ destination }) })`.
 *
 * Only GET and HEAD, only http: and https:, only the ports named. A name is resolved once, all of its addresses are
 * checked, and one of those is dialled: there is no second look-up that could say something else. The destination is told
 * what is wanted, and nothing of who wants it; the client gets the content and what concerns that, and nothing by which
 * the destination could speak for the gateway's own site.
 */
export function guarded(options: GuardOptions): GuardedOptions {
  checkOptions(options, guardOptions, 'guarded.')
  const { destination, ports = [80, 443], allow, redirects = 0, resolve = systemResolve } = options
  const places = new WeakMap<Exchange, { url: URL; hops: number }>()

  /** @throws GatewayError that tells nothing of what is behind. */
  function admit(text: string): URL {
    const url = strictUrl(text)
    if (url === undefined) throw denied(400, 'not a URL that is fetched here')
    if (!ports.includes(portOf(url))) throw denied(403, 'port not allowed')
    const literal = url.hostname.replace(/^\[|\]$/g, '')
    // Nobody looks an address up, so it is checked here.
    if (isIP(literal) !== 0 && !isAllowed(literal)) throw prohibited()
    return url
  }

  function isAllowed(address: string): boolean {
    if (isGlobal(address)) return true
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    return (
      allow !== undefined && isIP(address) !== 0 && !address.includes('%') && allow.check(address, family)
    )
  }

  const lookup: LookupFunction = (hostname, { all, family }, callback) => {
    resolve(hostname)
      .then((found) => {
        const wanted = found.filter((one) => ![4, 6].includes(Number(family)) || one.family === family)
        const [first] = wanted
        if (first === undefined) throw new GatewayError('dns_error', { phase: 'dns' })
        // One that is not allowed is no accident: the whole name is refused, not only that address.
        if (!wanted.every(({ address }) => isAllowed(address))) throw prohibited()
        if (all === true) callback(null, [...wanted])
        else callback(null, first.address, first.family)
      })
      .catch((error) => callback(error, ''))
  }

  return {
    upstream(exchange) {
      const { method, fields } = exchange.request
      if (method !== 'GET' && method !== 'HEAD') throw denied(405, 'only GET and HEAD')
      if (fields.has('upgrade')) throw denied(403, 'no other protocol')
      const text = destination(exchange)
      if (text === undefined) throw denied(400, 'no URL')
      const url = admit(text)
      places.set(exchange, { url, hops: 0 })
      return routeTo(url)
    },
    lookup,
    rewrite(out, exchange) {
      keepOnly(out.fields, asked)
      return options.rewrite?.(out, exchange)
    },
    // Fetching needs none, and their fields count as those of the final response do.
    informational: () => false,
    modifyResponse(head, exchange) {
      const elsewhere = redirects > 0 ? redirect(head, exchange) : undefined
      if (elsewhere !== undefined) return elsewhere
      keepOnly(head.fields, answered)
      head.fields.set('Content-Security-Policy', 'sandbox')
      head.fields.set('X-Content-Type-Options', 'nosniff')
      return options.modifyResponse?.(head, exchange)
    },
  }

  /** Where a redirect leads, if it is one that is followed: of a request without content. */
  function redirect(head: ResponseHead, exchange: Exchange): Route | undefined {
    const { fields } = exchange.request
    if (fields.has('content-length') || fields.has('transfer-encoding')) return undefined
    const place = places.get(exchange)
    const location = locationOf(head)
    if (place === undefined || location === undefined) return undefined
    const next = URL.parse(location, place.url)
    if (next === null) throw denied(502, 'redirected to nowhere')
    if (++place.hops > redirects) throw denied(502, 'redirected too often')
    // What is resolved against a URL is normalised already; what is a URL of its own is judged as it was written.
    place.url = admit(/^[a-z][a-z\d+.-]*:/i.test(location) ? location : next.href)
    return routeTo(place.url)
  }
}

/** What a destination is told. All else is between the client and the gateway. */
const asked: FieldNames = new FieldNames([
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'max-forwards',
  'pragma',
  'range',
  'user-agent',
])

/**
 * What a client is told: about the content, and how long it may be kept. All else a browser could take for the word of
 * the gateway's own site.
 */
const answered: FieldNames = new FieldNames([
  'accept-ranges',
  'age',
  'allow',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-range',
  'content-type',
  'date',
  'etag',
  'expires',
  'last-modified',
  'location',
  'pragma',
  'retry-after',
  'vary',
])

function keepOnly(fields: Fields, names: FieldNames): void {
  for (const name of new Set([...fields].map(([name]) => name))) if (!names.has(name)) fields.delete(name)
}

const redirection: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

function locationOf({ status, fields }: ResponseHead): string | undefined {
  return redirection.has(status) ? fields.get('location') : undefined
}

/** Visible ASCII, a host that is written plainly, and no credentials. */
const shape = /^https?:\/\/(\[[\da-f:.]+\]|[a-z\d._-]+)(?::\d{1,5})?(?:[/?#][!-[\]-~]*)?$/i

/** What every reader takes for the same URL: no address in octal, no backslash, no character that is another's double. */
function strictUrl(text: string): URL | undefined {
  const [, host] = shape.exec(text) ?? []
  const url = URL.parse(text)
  if (host === undefined || url === null) return undefined
  if (!host.startsWith('[') && url.hostname !== host.toLowerCase()) return undefined
  return url
}

/** To that URL, whatever the client's request asks for. */
function routeTo({ origin, pathname, search }: URL): Route {
  return { to: origin, path: `${pathname}${search}` }
}

function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port)
  return protocol === 'https:' ? 443 : 80
}

function systemResolve(hostname: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    systemLookup(hostname, { all: true, order: 'verbatim' }, (error, found) =>
      error === null ? resolve(found) : reject(error),
    )
  })
}

function denied(status: number, detail: string): GatewayError {
  const source = status < 500 ? 'client' : 'upstream'
  return new GatewayError('http_request_denied', { phase: 'requestHead', status, detail, source })
}

function prohibited(): GatewayError {
  return new GatewayError('destination_ip_prohibited', { phase: 'dns', status: 403, source: 'client' })
}
