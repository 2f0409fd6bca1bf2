/** What HTTP says of a response that is passed on: its fields, its reason, what comes before it, and its trailers. */

import { GatewayError } from '../contract/errors.ts'
import { endToEnd, FieldNames, Fields } from '../contract/fields.ts'
import type { Limits, ResponseHead } from '../contract/gateway.ts'
import { forwardingFields } from './forwarded.ts'
import { contentLength, type Framing, oneContentLength } from './framing.ts'

/** The methods that mean the same a second time (RFC 9110 §9.2.2). */
export const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

const contentLengthField: FieldNames = new FieldNames(['content-length'])

/** The end-to-end fields of a response, with no Content-Length that contradicts its framing. */
export function responseFields(framing: Framing, status: number, raw: readonly string[]): Fields {
  if (status === 204) return endToEnd(raw, contentLengthField)
  const fields = endToEnd(raw)
  // Without content it says how much there would have been: to HEAD, in a 304 (RFC 9110 §8.6).
  const length = framing.kind === 'length' ? framing.length : contentLength(fields.all('content-length'))
  if (length !== undefined) oneContentLength(fields, length)
  return fields
}

/** Whether content that came is not to go on, because the status has become one that has none. */
export function dropsContent(before: number, status: number): boolean {
  return status !== before && (status === 204 || status === 205 || status === 304)
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly the characters that must not pass
const notInReason = /[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]/g

/** A reason phrase without what could end its line (RFC 9112 §4). */
export function plainReason(reason: string): string {
  return reason.replace(notInReason, '')
}

/**
 * The head of a response as it goes on, before a hook sees it.
 * @param methods As it was asked with, and as the client asked: what HEAD is told of the length is none of the content that
 * another method's client awaits.
 */
export function sentHead(
  framing: Framing,
  status: number,
  reason: string,
  raw: readonly string[],
  [asked, awaited]: readonly [string, string | undefined],
): ResponseHead {
  const fields = responseFields(framing, status, raw)
  if (asked === 'HEAD' && awaited !== 'HEAD') fields.delete('content-length')
  return { status, reason: plainReason(reason), fields }
}

/** The end-to-end fields of an interim response, which has no content and so no length (RFC 9110 §8.6). */
export function interimFields(raw: readonly string[]): Fields {
  return endToEnd(raw, contentLengthField)
}

/** How many interim responses an upstream has sent before its final one, and how much in them. */
export class Interim {
  #count = 0
  #bytes = 0

  /** @throws GatewayError 502 when it is more than the limits allow. */
  add(raw: readonly string[], { interimResponses, interimBytes }: Limits): void {
    this.#count++
    for (const text of raw) this.#bytes += text.length + 2
    if (this.#count > interimResponses || this.#bytes > interimBytes)
      throw new GatewayError('http_response_header_section_size', {
        phase: 'responseHead',
        detail: 'too many interim responses',
      })
  }
}

/**
 * What decides framing, routing, authentication, caching, the request itself, or how content is read: too late after it
 * (RFC 9110 §6.5.1).
 */
const notInTrailers: FieldNames = new FieldNames(
  [
    'age',
    'authorization',
    'cache-control',
    'content-encoding',
    'content-length',
    'content-range',
    'content-type',
    'cookie',
    'date',
    'expect',
    'expires',
    'host',
    'if-match',
    'if-modified-since',
    'if-none-match',
    'if-range',
    'if-unmodified-since',
    'location',
    'max-forwards',
    'pragma',
    'range',
    'retry-after',
    'set-cookie',
    'vary',
    'via',
    'www-authenticate',
  ],
  { also: forwardingFields },
)

/** The trailers that may go on. */
export function trailersToForward(raw: readonly string[]): Fields {
  return endToEnd(raw, notInTrailers)
}

/** The Trailer field of a message whose trailers will go on; undefined when it announces none that may. */
export function announcedTrailers(raw: readonly string[]): string | undefined {
  const names = new Fields(raw as string[]).tokens('trailer').filter((name) => !notInTrailers.has(name))
  return names.length === 0 ? undefined : names.join(', ')
}
