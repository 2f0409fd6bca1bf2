/** What stands around the attempts: when there may be one more, and what becomes of what it leaves open. */

import { GatewayError, internalFailure, type Phase } from '../contract/errors.ts'
import type { Exchange, Origin, Route, Transport } from '../contract/gateway.ts'
import { idempotent } from '../rules/response.ts'

/** What has to be known of an exchange to have it asked more than once. */
export interface Repeatable extends Exchange {
  /** What has ended it. The failure of one attempt does not. */
  readonly failed: GatewayError | undefined
  /** As it goes upstream. */
  readonly method: string
  /** Some of the request's content has been read, so it cannot be sent from its beginning again. */
  readonly contentTaken: boolean
}

/**
 * Carries an exchange by its `transport`. Resolves when the answer has been relayed.
 * @param ask One attempt. It rejects with a `GatewayError`, when nothing of it is under way any more.
 * @throws what ends the exchange: the error of the transport, or what it has left open.
 */
export async function carryBy(
  transport: Transport,
  exchange: Repeatable,
  ask: (where: Origin | Route | undefined) => Promise<void>,
): Promise<void> {
  let underWay: Promise<void> | undefined
  let failure: GatewayError | undefined
  let over = false

  /** @throws GatewayError when there may be none. */
  function allow(): void {
    if (exchange.failed !== undefined) throw exchange.failed
    if (over || exchange.status !== 0) throw misused('next() was called when the exchange was over')
    if (underWay !== undefined) throw misused('next() was called again before it had settled')
    if (failure !== undefined) allowRepeat(exchange, failure)
  }

  function next(where?: Origin | Route): Promise<void> {
    try {
      allow()
    } catch (cause) {
      return unheard(Promise.reject(cause))
    }
    underWay = ask(where)
    const settled: Promise<void> = underWay.then(
      () => {
        underWay = undefined
      },
      (cause) => {
        underWay = undefined
        failure = internalFailure(cause, exchange.phase)
        unheard(settled)
        throw failure
      },
    )
    return settled
  }

  try {
    await transport(exchange, next)
    await underWay
  } catch (cause) {
    throw internalFailure(cause, exchange.phase)
  } finally {
    over = true
  }
  if (exchange.status === 0) throw failure ?? misused('the transport did not call next()')
}

/** Who does not wait for it does not hear of its failure either. The exchange does. */
function unheard(settled: Promise<void>): Promise<void> {
  settled.catch(() => {})
  return settled
}

/** Whether a failure ends only the attempt: it is neither the client's, nor of the exchange as a whole. */
export function endsAttempt({ source, phase }: GatewayError): boolean {
  return source !== 'client' && phase !== 'total'
}

/** Before these are over nothing of a request has been sent. */
const unsent: ReadonlySet<Phase> = new Set(['requestHead', 'dns', 'connect', 'tls'])

/** @throws GatewayError like the failure, when the request must not be sent once more (RFC 9110 §9.2.2). */
function allowRepeat({ method, contentTaken }: Repeatable, failure: GatewayError): void {
  const sent = !unsent.has(failure.phase)
  if (!contentTaken && (!sent || idempotent.has(method))) return
  const { type, status, source, phase } = failure
  const why = contentTaken ? 'its content has been read' : `${method} may have been acted upon`
  const detail = `${failure.message}; not asked again: ${why}`
  throw new GatewayError(type, { status, source, phase, detail, cause: failure })
}

function misused(detail: string, status = 500): GatewayError {
  return new GatewayError('proxy_internal_error', { phase: 'requestHead', detail, status })
}

/** Answers that are given up for a `Route`, for one attempt. */
const mostRedirects = 5

/** @throws GatewayError when an answer must not be given up for another one: content was sent, or it goes round and round. */
export function allowRedirect(followed: number, contentTaken: boolean): void {
  if (contentTaken) throw misused('modifyResponse has turned a request away whose content has been read', 502)
  if (followed === mostRedirects)
    throw new GatewayError('proxy_loop_detected', { phase: 'responseHead', source: 'upstream' })
}
