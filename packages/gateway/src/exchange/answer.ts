/** What goes back to the client: an upstream's response head and trailers made fit, or an answer of our own. */

import { GatewayError, internalFailure } from '../contract/errors.ts'
import { checkedFields, endToEnd, FieldNames, Fields, framingFields } from '../contract/fields.ts'
import type { Exchange, ExchangeSummary, Limits, Reply, ResponseHead, Route } from '../contract/gateway.ts'
import { forwardingFields } from '../rules/forwarded.ts'
import { contentLength, type Framing, oneContentLength } from '../rules/framing.ts'
import { isRoute } from '../rules/upstream.ts'
import { checkTransform, isThenable, type SendableReply, sendable } from './hooks.ts'

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

/**
 * Has an application edit the head of a response. How content is delimited is none of its affair: a Content-Length may go,
 * and cannot become another one.
 * @returns what is to be sent, which nobody else can edit any more; or where to ask instead of sending it.
 * @throws GatewayError 502 when the hook throws, or leaves what is no head of a final response.
 */
export async function modified<E extends Exchange>(
  head: ResponseHead,
  modify: (head: ResponseHead, exchange: E) => Route | void | Promise<void> | Promise<Route | undefined>,
  exchange: E,
): Promise<ResponseHead | Route> {
  const before = head.status
  const length = head.fields.get('content-length')
  try {
    const elsewhere = await modify(head, exchange)
    if (isRoute(elsewhere)) return elsewhere
    const { status, reason, content } = head
    if (!Number.isInteger(status) || status < 200 || status > 999)
      throw new TypeError(
        `modifyResponse has left a status that is none of a final response: ${String(status)}`,
      )
    if (typeof reason !== 'string' || reason !== plainReason(reason))
      throw new TypeError('modifyResponse has left a reason that cannot be sent')
    checkTransform(content, 'modifyResponse')
    const fields = checkedFields(head.fields)
    for (const name of framingFields) fields.delete(name)
    // What a 304 says of the length is none of content that follows.
    const gone = length === undefined || status === 204 || (status !== before && before === 304)
    if (gone || content !== undefined || dropsContent(before, status)) fields.delete('content-length')
    else if (fields.has('content-length')) fields.set('Content-Length', length)
    return { status, reason, fields, content }
  } catch (cause) {
    throw internalFailure(cause, 'responseHead', 502)
  }
}

/** Whether content that came is not to go on, because the status has become one that has none. */
export function dropsContent(before: number, status: number): boolean {
  return status !== before && (status === 204 || status === 205 || status === 304)
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly the characters that must not pass
const notInReason = /[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]/g

/** A reason phrase without what could end its line (RFC 9112 §4). */
function plainReason(reason: string): string {
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

/** Whether an interim response goes on. @throws GatewayError when the hook throws. */
export function goesOn<E extends Exchange>(
  informational: ((head: ResponseHead, exchange: E) => boolean) | undefined,
  status: number,
  raw: readonly string[],
  exchange: E,
): boolean {
  if (informational === undefined) return true
  try {
    const said: unknown = informational({ status, reason: '', fields: new Fields(raw.slice()) }, exchange)
    if (isThenable(said)) {
      said.then(undefined, () => {})
      throw new TypeError('informational has returned a promise, and has to answer at once')
    }
    return said !== false
  } catch (cause) {
    throw internalFailure(cause, 'responseHead', 502)
  }
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

/** What a client is told of an error: `reply` if a hook gave one, else a line of plain text; and Proxy-Status. */
export function refusal(
  error: GatewayError,
  pseudonym: string,
  reply: SendableReply | undefined,
): SendableReply {
  const answer = reply ?? sendable(plain(error))
  if (!answer.fields.has('proxy-status'))
    answer.fields.raw.unshift('Proxy-Status', `${pseudonym}; error=${error.type}`)
  return answer
}

function plain({ status, message }: GatewayError): Reply {
  return {
    status,
    fields: {
      'Content-Type': 'text/plain; charset=utf-8',
      ...(status === 503 && { 'Retry-After': '1' }),
    },
    body: `${message}\n`,
  }
}

/** How an exchange has ended, for its summary. @param status What the client was told; 0 if nothing. */
export function endOf(
  error: GatewayError | undefined,
  status: number,
): Pick<ExchangeSummary, 'status' | 'outcome' | 'error' | 'errorType' | 'endedBy'> {
  return {
    status: error !== undefined && status === 0 ? error.status : status,
    outcome: outcomeOf(error),
    error,
    errorType: error?.type,
    endedBy: error?.source,
  }
}

function outcomeOf(error: GatewayError | undefined): ExchangeSummary['outcome'] {
  if (error === undefined) return 'completed'
  if (error.type === 'client_closed') return 'aborted'
  return error.phase === 'requestHead' ? 'refused' : 'failed'
}
