/** How a case says no: each throws `Failed` with one line that says what came. */

import { type Ending, Late, type Message, patience } from '@relayrace/fixtures/wire'

/** The verdict `fail`. */
export class Failed extends Error {
  override readonly name = 'Failed'
}

/** `otherwise` says what is the case if it does not hold. */
export function check(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Failed(otherwise)
}

/** It took no longer than that, in milliseconds, or than that takes now for those who are to be patient. */
export function soonEnough(took: number, limit: number, otherwise: string): void {
  if (took > patience(limit)) throw new Late(otherwise)
}

/** Only the time was over: what was waited for may still come. */
export function isLate(error: unknown): boolean {
  return error instanceof Late || (error instanceof Failed && error.cause instanceof Late)
}

/** `what` names the thing: "the content at the origin". */
export function equal<Value>(actual: Value, expected: Value, what: string): void {
  const [is, wanted] = [shown(actual), shown(expected)]
  if (is !== wanted) throw new Failed(`${what} is ${is}, not ${wanted}`)
}

/** The strict parser has nothing against it. */
export function complete(message: Message, what = 'the response'): Message {
  check(message.verdict === 'complete', `${what} is ${message.verdict}: ${message}`)
  return message
}

/** A whole response with this status and, if named, this content. */
export function answered(response: Message, status: number, content?: string): Message {
  complete(response)
  check(response.status === status, `the response is ${response.startLine}, not ${status}`)
  if (content !== undefined) equal(response.text, content, 'the content of the response')
  return response
}

/** A whole response with one of these statuses. */
export function refused(response: Message, ...statuses: readonly number[]): Message {
  complete(response)
  check(
    statuses.includes(response.status),
    `the response is ${response.startLine}, not ${statuses.join(' or ')}`,
  )
  return response
}

/** It began as a response and visibly never ended. */
export function truncated(response: Message, what = 'the response'): Message {
  check(response.verdict !== 'malformed', `${what} is malformed: ${response}`)
  check(response.verdict === 'incomplete', `${what} looks complete although it was cut off: ${response}`)
  return response
}

/** The message has no such field. */
export function lacks(message: Message, field: string, what: string): void {
  check(!message.has(field), `${what} has ${field}: ${message.all(field).join(' / ')}`)
}

/** The values of all lines of a field, in order. */
export function values(message: Message, field: string, expected: readonly string[], what: string): void {
  equal(message.all(field), [...expected], `${field} of ${what}`)
}

/** For connections that must end in order. */
export function inOrder(ending: Ending, what: string): void {
  check(ending === 'fin', `${what} was reset`)
}

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 300 ? `${text.slice(0, 300)}… (${text.length} characters)` : text
}
