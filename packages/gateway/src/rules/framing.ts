/** How a message's content is delimited (RFC 9112 §6.3), read off its head and decided for the next hop. */

import { GatewayError } from '../contract/errors.ts'
import { type Fields, withoutSpace } from '../contract/fields.ts'

export type Framing =
  /** There is no content. */
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  /** The content ends when the connection does. Responses only. */
  | { readonly kind: 'close' }

export const noContent: Framing = { kind: 'none' }
export const chunked: Framing = { kind: 'chunked' }
export const untilClose: Framing = { kind: 'close' }

const decimal = /^\d{1,15}$/

/**
 * The length that Content-Length lines agree on, `undefined` without any, `NaN` when they do not make sense.
 * Repeats of one value are read as that value (RFC 9112 §6.3 item 5).
 */
export function contentLength(values: readonly string[]): number | undefined {
  let length: number | undefined
  if (values.length === 1 && decimal.test(values[0] as string)) return Number(values[0])
  for (const value of values) {
    for (const member of value.split(',')) {
      const text = withoutSpace(member)
      if (!decimal.test(text)) return Number.NaN
      if (length !== undefined && length !== Number(text)) return Number.NaN
      length = Number(text)
    }
  }
  return length
}

/** Writes a length that came in several lines or members, or with leading zeros, as one (RFC 9112 §6.3 item 5). */
export function oneContentLength(fields: Fields, length: number): void {
  const values = fields.all('content-length')
  if (values.length !== 1 || values[0] !== String(length)) fields.set('Content-Length', String(length))
}

interface Delimiters {
  readonly lengths: string[]
  readonly codings: string[]
}

function delimiters(raw: readonly string[]): Delimiters {
  const lengths: string[] = []
  const codings: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    // By length first: of the thirty fields of a usual head, two get as far as the comparison.
    if (name.length === 14 && name.toLowerCase() === 'content-length') lengths.push(raw[i + 1] as string)
    else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding')
      codings.push(raw[i + 1] as string)
  }
  return { lengths, codings }
}

/** In one line and by itself: what some read as a list, an empty member or a parameter, others do not. */
function onlyChunked(codings: readonly string[]): boolean {
  return codings.length === 1 && (codings[0] as string).toLowerCase() === 'chunked'
}

/**
 * The framing of a request as it arrived.
 * @throws GatewayError `http_request_error`, 400 or 501, for anything that two parsers could read differently.
 */
export function requestFraming(version: string, raw: readonly string[]): Framing {
  const { lengths, codings } = delimiters(raw)
  if (codings.length > 0) {
    if (lengths.length > 0) throw refused('Content-Length and Transfer-Encoding in one request')
    if (version === '1.0') throw refused('Transfer-Encoding in an HTTP/1.0 request')
    if (!onlyChunked(codings)) throw refused('Transfer-Encoding other than chunked', 501)
    return chunked
  }
  const length = contentLength(lengths)
  if (length === undefined) return noContent
  if (Number.isNaN(length)) throw refused('Content-Length is not one number')
  return { kind: 'length', length }
}

/**
 * The framing of a response as it arrived, for the request method it answers.
 * @throws GatewayError `http_protocol_error` when the head contradicts itself.
 */
export function responseFraming(method: string, status: number, raw: readonly string[]): Framing {
  // Fields that contradict themselves are passed to nobody, content or not.
  const framing = statedFraming(raw)
  return hasContent(method, status) ? framing : noContent
}

function statedFraming(raw: readonly string[]): Framing {
  const { lengths, codings } = delimiters(raw)
  if (codings.length > 0) {
    if (!onlyChunked(codings)) {
      throw new GatewayError('http_response_transfer_coding', { phase: 'responseHead' })
    }
    if (lengths.length > 0) {
      throw new GatewayError('http_protocol_error', {
        phase: 'responseHead',
        detail: 'two framings in one response',
      })
    }
    return chunked
  }
  const length = contentLength(lengths)
  if (length === undefined) return untilClose
  if (Number.isNaN(length)) {
    throw new GatewayError('http_protocol_error', {
      phase: 'responseHead',
      detail: 'Content-Length is not one number',
    })
  }
  return { kind: 'length', length }
}

/** Whether a response to that method with that status has content at all (RFC 9110 §6.4.1). */
export function hasContent(method: string, status: number): boolean {
  return method !== 'HEAD' && status >= 200 && status !== 204 && status !== 304
}

function refused(detail: string, status = 400): GatewayError {
  return new GatewayError('http_request_error', { phase: 'requestHead', detail, status })
}
