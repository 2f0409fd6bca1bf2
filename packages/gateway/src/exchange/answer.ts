/** What an application makes of an answer, what a client is told of an error, and how an exchange has ended. */

import { type GatewayError, internalFailure } from '../contract/errors.ts'
import { Fields, leftOf } from '../contract/fields.ts'
import type { Exchange, ExchangeSummary, Reply, ResponseHead, Route } from '../contract/gateway.ts'
import { dropsContent, plainReason } from '../rules/response.ts'
import { isRoute } from '../rules/upstream.ts'
import { checkTransform, isThenable, type SendableReply, sendable } from './hooks.ts'

type Modify<E extends Exchange> = (
  head: ResponseHead,
  exchange: E,
) => Route | void | Promise<void> | Promise<Route | undefined>

/**
 * Has an application edit the head of a response. How content is delimited is none of its affair: a Content-Length may go,
 * and cannot become another one.
 * @returns what is to be sent, which nobody else can edit any more. A promise, unless the hook has answered at once and left
 * status and content as they are: of that, or of where to ask instead of sending it; it rejects with a GatewayError 502 when
 * the hook throws, or leaves what is no head of a final response.
 */
export function modified<E extends Exchange>(
  head: ResponseHead,
  modify: Modify<E>,
  exchange: E,
): ResponseHead | Promise<ResponseHead | Route> {
  const before: Before = { status: head.status, reason: head.reason, raw: head.fields.raw.slice() }
  const failed = (cause: unknown): never => {
    throw internalFailure(cause, 'responseHead', 502)
  }
  try {
    const elsewhere = modify(head, exchange)
    if (isThenable(elsewhere))
      return Promise.resolve(elsewhere)
        .then((settled) => (isRoute(settled) ? settled : edited(head, before)))
        .catch(failed)
    if (isRoute(elsewhere)) return Promise.resolve(elsewhere)
    const left = edited(head, before)
    return left.status === before.status && left.content === undefined ? left : Promise.resolve(left)
  } catch (cause) {
    return Promise.reject(cause).catch(failed)
  }
}

/** A head as it was before the hook. */
interface Before extends Pick<ResponseHead, 'status' | 'reason'> {
  readonly raw: string[]
}

/** @throws TypeError when the hook has left what cannot be sent. */
function edited({ status, reason, fields: given, content }: ResponseHead, before: Before): ResponseHead {
  if (!Number.isInteger(status) || status < 200 || status > 999)
    throw new TypeError(
      `modifyResponse has left a status that is none of a final response: ${String(status)}; those are 200 to 999`,
    )
  if (reason !== before.reason && (typeof reason !== 'string' || reason !== plainReason(reason)))
    throw new TypeError(
      'modifyResponse has left a reason that cannot be sent: leave out line breaks, or all of it',
    )
  checkTransform(content, 'modifyResponse')
  const length = new Fields(before.raw).get('content-length')
  const fields = leftOf(given, before.raw)
  if (fields.raw === before.raw && status === before.status && content === undefined)
    return { status, reason, fields, content }
  // What a 304 says of the length is none of content that follows.
  const gone = length === undefined || status === 204 || (status !== before.status && before.status === 304)
  if (gone || content !== undefined || dropsContent(before.status, status)) fields.delete('content-length')
  else if (fields.has('content-length')) fields.set('Content-Length', length)
  return { status, reason, fields, content }
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
