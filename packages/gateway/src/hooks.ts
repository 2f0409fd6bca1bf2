/** Hooks that are only told something: what goes wrong in one is said once, and ends neither exchange nor process. */

import type { GatewayError } from './errors.ts'
import { Fields } from './fields.ts'
import type { Exchange, ExchangeSummary, Reply } from './gateway.ts'
import type { Settings } from './settings.ts'

/** What `onError` wants to be sent; undefined for the plain text, also if it throws or returns what cannot be sent. */
export function askOnError(settings: Settings, error: GatewayError, exchange: Exchange): Reply | undefined {
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

/** @throws TypeError when it is no reply, or one that no writer would take. */
function sendable(value: unknown): Reply {
  const { status, fields, body } = Object(value) as Partial<Reply>
  if (!Number.isInteger(status) || (status as number) < 200 || (status as number) > 599)
    throw new TypeError(`its reply has no status from 200 to 599, but ${String(status)}`)
  if (body !== undefined && typeof body !== 'string' && !((body as unknown) instanceof Uint8Array))
    throw new TypeError(`the body of its reply is a string, not ${typeof body}`)
  Fields.from(fields ?? {})
  return value as Reply
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
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
