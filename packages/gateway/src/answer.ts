/** What goes back to the client: an upstream's response head and trailers made fit, or an answer of our own. */

import type { GatewayError } from './errors.ts'
import { endToEnd, FieldNames, Fields } from './fields.ts'
import { forwardingFields } from './forwarded.ts'
import { contentLength, type Framing, oneContentLength } from './framing.ts'
import type { ExchangeSummary, Reply } from './gateway.ts'

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

/** The end-to-end fields of an interim response, which has no content and so no length (RFC 9110 §8.6). */
export function interimFields(raw: readonly string[]): Fields {
  return endToEnd(raw, contentLengthField)
}

/** Fields that decide framing, routing, authentication or how content is read (RFC 9110 §6.5.1). */
const notInTrailers: FieldNames = new FieldNames([
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'expect',
  'host',
  'max-forwards',
  'pragma',
  'range',
  'set-cookie',
  'via',
  ...forwardingFields,
])

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
export function refusal(error: GatewayError, pseudonym: string, reply: Reply | undefined): Reply {
  const { status, fields, body }: Reply = reply ?? {
    status: error.status,
    fields: {
      'Content-Type': 'text/plain; charset=utf-8',
      ...(error.status === 503 && { 'Retry-After': '1' }),
    },
    body: `${error.message}\n`,
  }
  return {
    status,
    fields: { 'Proxy-Status': `${pseudonym}; error=${error.type}`, ...fields },
    ...(body !== undefined && { body }),
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
