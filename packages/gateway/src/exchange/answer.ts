/** What an application makes of an answer, what a client is told of an error, and how an exchange has ended. */

import { type GatewayError, internalFailure } from '../contract/errors.ts'
import { checkedFields, Fields, framingFields } from '../contract/fields.ts'
import type { Exchange, ExchangeSummary, Reply, ResponseHead, Route } from '../contract/gateway.ts'
import { dropsContent, plainReason } from '../rules/response.ts'
import { isRoute } from '../rules/upstream.ts'
import { checkTransform, isThenable, type SendableReply, sendable } from './hooks.ts'

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
        `modifyResponse has left a status that is none of a final response: ${String(status)}; those are 200 to 999`,
      )
    if (typeof reason !== 'string' || reason !== plainReason(reason))
      throw new TypeError(
        'modifyResponse has left a reason that cannot be sent: leave out line breaks, or all of it',
      )
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
