/** Writing messages with node:http where its own methods are not quite right. */

import { ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import type { Fields } from '../contract/fields.ts'

/** Content that is copied into a string rather than written by itself, in bytes. */
const short = 4 * 1024

/** `flushHeaders` would write the head as UTF-8: fields with other bytes than ASCII come out garbled. */
export function sendHead(message: Writable): void {
  message.write('', 'latin1')
}

/** The last piece of a body, or all of it. Node sends a short string together with the head, as one string. */
export function endWith(response: ServerResponse, last: Uint8Array | undefined): void {
  // A middleware that changes what is written need not look at what the end brings.
  if (last !== undefined && response.write !== ServerResponse.prototype.write) {
    response.write(last)
    response.end()
  } else if (last === undefined || last.length > short || response.end !== ServerResponse.prototype.end)
    response.end(last)
  else response.end(Buffer.from(last.buffer, last.byteOffset, last.length).toString('latin1'), 'latin1')
}

/** Fields that say something beside what the origin says, and not instead of it: lists, and cookies. */
const besides = ['Set-Cookie', 'Vary', 'Link', 'Server-Timing', 'Content-Security-Policy'] as const

/** Keeps what a middleware in front has set of them, before those of the head that is to be written. */
export function keepBeside(response: ServerResponse, raw: string[]): void {
  for (const name of besides) {
    const value = response.getHeader(name)
    if (value === undefined) continue
    for (const one of Array.isArray(value) ? value.toReversed() : [String(value)]) raw.unshift(name, one)
  }
}

/** After a head that could not be written: what Node has kept of it would go out with the one that is written instead. */
export function takeHeadBack(response: ServerResponse): void {
  // HTTP/2 has no reason phrase, and Node warns of each attempt to set one.
  if (response.req.httpVersionMajor === 1) response.statusMessage = undefined as never
  Object.assign(response, { _hasBody: response.req.method !== 'HEAD' })
}

interface InformationWriter {
  /** Since Node 26.3. */
  writeInformation?(status: number, fields: readonly string[]): void
  writeEarlyHints(hints: Record<string, string | string[]>): void
  writeProcessing(): void
}

/** An interim response, as far as this version of Node can write it. */
export function writeInformation(
  response: ServerResponse & InformationWriter,
  status: number,
  fields: Fields,
): void {
  if (response.writeInformation !== undefined) response.writeInformation(status, fields.raw)
  else if (status === 102) response.writeProcessing()
  else if (status === 103 && fields.has('link')) {
    const hints: Record<string, string | string[]> = {}
    for (const [name, value] of fields)
      hints[name.toLowerCase()] = name.toLowerCase() === 'link' ? fields.all(name) : value
    try {
      response.writeEarlyHints(hints)
    } catch {
      // It takes one link in a line and no more. The final response has them too.
    }
  }
}
