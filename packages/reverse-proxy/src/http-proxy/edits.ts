/** What an application has changed in the `headers` of a message of node:http, beside its raw lines. */

import { IncomingMessage } from 'node:http'
import type { Fields } from '@relayrace/gateway'

interface Lines {
  _addHeaderLines(raw: string[], length: number): void
}

type Headers = Readonly<Record<string, unknown>>

/** Puts it into the fields that go on. */
export function applyEdits(fields: Fields, { headers, rawHeaders }: IncomingMessage): void {
  const before = headersOf(rawHeaders)
  // Over HTTP/2 that is what Host is.
  const known: Headers = ':authority' in headers ? { host: before.host, ...headers } : headers
  for (const name of Object.keys(before)) if (known[name] == null) fields.delete(name)
  for (const [name, value] of Object.entries(headers as Headers)) {
    if (name.startsWith(':') || value == null || isSame(value, before[name.toLowerCase()])) continue
    setAll(fields, name, value)
  }
}

/** Sets a field to a value, or to several lines. */
export function setAll(fields: Fields, name: string, value: unknown): void {
  fields.delete(name)
  for (const one of Array.isArray(value) ? value : [value]) fields.append(name, String(one))
}

function headersOf(rawHeaders: string[]): Headers {
  const message = new IncomingMessage(null as never)
  // As Node joins repeats, which no public method does.
  ;(message as unknown as Lines)._addHeaderLines(rawHeaders, rawHeaders.length)
  return message.headers
}

function isSame(one: unknown, other: unknown): boolean {
  if (!Array.isArray(one) || !Array.isArray(other)) return one === other
  return one.length === other.length && one.every((value, i) => value === other[i])
}
