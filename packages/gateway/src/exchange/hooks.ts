/**
 * Hooks that have to answer at once, or are only told something: what goes wrong in one that is told is said once, and ends
 * neither exchange nor process.
 */

import { type GatewayError, isReplyStatus } from '../contract/errors.ts'
import { checkedFields, Fields, framingFields } from '../contract/fields.ts'
import type { ContentTransform, Exchange, ExchangeSummary, Reply } from '../contract/gateway.ts'
import { contentLength } from '../rules/framing.ts'
import { isSource, letGo, ReplyContent } from './reply.ts'
import type { Settings } from './settings.ts'

/** What `onError` wants to be sent; undefined for the plain text, also if it throws or returns what cannot be sent. */
export function askOnError(
  settings: Settings,
  error: GatewayError,
  exchange: Exchange,
): SendableReply | undefined {
  try {
    const reply: unknown = settings.onError?.(error, exchange)
    if (reply === undefined) return undefined
    if (isThenable(reply)) {
      reply.then(undefined, (cause: unknown) => warnOnce(settings, 'onError', cause))
      throw new TypeError('it returned a promise, and has to answer at once')
    }
    return sendable(reply)
  } catch (cause) {
    warnOnce(settings, 'onError', cause)
    return undefined
  }
}

export function callOnEnd(settings: Settings, summary: ExchangeSummary): void {
  const failed = (cause: unknown): void => warnOnce(settings, 'onEnd', cause)
  try {
    const returned: unknown = settings.onEnd?.(summary)
    if (isThenable(returned)) returned.then(undefined, failed)
  } catch (cause) {
    failed(cause)
  }
}

/** A reply that can be sent, with nobody else to edit it any more. */
export interface SendableReply {
  readonly status: number
  readonly fields: Fields
  /** All of its content. */
  readonly body?: string | Uint8Array | undefined
  /** Or content that is pulled. Who does not send it stops it. */
  readonly content?: ReplyContent
}

/** What of it can be sent: the length of a body that is here says itself. @throws TypeError when it is no reply. */
export function sendable(value: unknown): SendableReply {
  try {
    return checked(Object(value))
  } catch (cause) {
    letGo(Object(value).body)
    throw cause
  }
}

function checked({ status, fields: given = {}, body }: Partial<Reply>): SendableReply {
  if (status === undefined || !isReplyStatus(status))
    throw new TypeError(`its reply has no status from 200 to 599, but ${String(status)}`)
  const whole = body === undefined || typeof body === 'string' || body instanceof Uint8Array
  if (!whole && !isSource(body))
    throw new TypeError(
      `the body of its reply is a string, bytes or an async iterable of them, not ${typeof body}`,
    )
  if (typeof given !== 'object' || given === null || (Symbol.iterator in given && !(given instanceof Fields)))
    throw new TypeError('the fields of its reply are a Fields, or an object with a string for each name')
  const fields = given instanceof Fields ? checkedFields(given) : Fields.from(given)
  const length = whole ? undefined : contentLength(fields.all('content-length'))
  for (const name of ['content-length', ...framingFields]) fields.delete(name)
  const empty = status === 204 || status === 205 || status === 304
  if (whole) return { status, fields, ...(!empty && { body }) }
  if (empty) {
    letGo(body)
    return { status, fields }
  }
  if (Number.isNaN(length)) throw new TypeError('the Content-Length of its reply is not one number')
  const content = new ReplyContent(body, length)
  if (length !== undefined) fields.set('Content-Length', String(length))
  return { status, fields, content }
}

/** @throws TypeError when a hook has left something else for one. */
export function checkTransform(
  content: unknown,
  hook: string,
): asserts content is ContentTransform | undefined {
  if (content !== undefined && typeof content !== 'function')
    throw new TypeError(
      `${hook} has left content that is no function: it goes from what comes to what is sent on`,
    )
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
}

/** The hooks of each gateway that have been warned of. */
const warned = new WeakMap<Settings, Set<string>>()

/** Through `process.emitWarning`, once per gateway and hook; not at all where there is no `process`. */
function warnOnce(settings: Settings, hook: string, cause: unknown): void {
  const hooks = warned.get(settings) ?? new Set()
  if (hooks.has(hook)) return
  warned.set(settings, hooks.add(hook))
  const why = cause instanceof Error ? cause.message : String(cause)
  globalThis.process?.emitWarning?.(`${hook} of ${settings.name} has failed: ${why}`, 'RelayraceWarning')
}
