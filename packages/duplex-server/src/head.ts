/** Message heads on the wire (RFC 9112 §2–§5): read strictly, written so that this reader would accept them. */

import { GatewayError } from '@relayrace/gateway'

export interface RequestLine {
  readonly method: string
  readonly target: string
  /** `1.0` or `1.1`. */
  readonly version: string
  /** Field lines in `rawHeaders` layout: order, case and repeats as they came. */
  readonly raw: string[]
}

export interface StatusLine {
  readonly version: string
  readonly status: number
  readonly reason: string
  readonly raw: string[]
}

// A target is ASCII (RFC 3986 §2): what else it could mean depends on who reads it.
const requestLine = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)\r\n/y
// The space before an absent reason is often forgotten; nothing can be misread for it.
const statusLine = /HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?\r\n/y
// No whitespace before the colon, no folding, no bare CR or LF, no NUL (RFC 9112 §5.1, §5.2, §2.2). A value begins with
// no whitespace: if it could, a line of nothing else would be tried in as many ways as it is long.
const fieldLine =
  /([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*((?:[\x21-\x7e\x80-\xff][\t\x20-\x7e\x80-\xff]*)?)\r\n/y

/**
 * Reads a request head.
 * @param text The head with the empty line that ends it, one character per byte.
 * @throws GatewayError `http_request_error`, 400, or 505 for a major version that is not 1.
 */
export function parseRequestHead(text: string): RequestLine {
  requestLine.lastIndex = 0
  const line = requestLine.exec(text)
  if (line === null) throw malformedRequest('request line')
  const [, method, target, major, minor] = line as unknown as [string, string, string, string, string]
  if (major !== '1') throw malformedRequest('HTTP version', 505)
  const raw = parseFields(text, requestLine.lastIndex)
  if (raw === undefined) throw malformedRequest('field line')
  // A minor version that is not known yet is read as the highest that is (RFC 9110 §2.5).
  return { method, target, version: minor === '0' ? '1.0' : '1.1', raw }
}

/** Reads a response head. @throws GatewayError `http_protocol_error`. */
export function parseResponseHead(text: string): StatusLine {
  statusLine.lastIndex = 0
  const line = statusLine.exec(text)
  if (line === null) throw malformedResponse('status line')
  const raw = parseFields(text, statusLine.lastIndex)
  if (raw === undefined) throw malformedResponse('field line')
  return { version: line[1] === '0' ? '1.0' : '1.1', status: Number(line[2]), reason: line[3] ?? '', raw }
}

/** Reads field lines up to and with the empty line at the end of `text`; undefined when a line is none. */
export function parseFields(text: string, from: number): string[] | undefined {
  const raw: string[] = []
  const last = text.length - 2
  let at = from
  while (at < last) {
    fieldLine.lastIndex = at
    const line = fieldLine.exec(text)
    if (line === null) return undefined
    const [, name, value] = line as unknown as [string, string, string]
    raw.push(name, value === '' ? value : withoutTrailingSpace(value))
    at = fieldLine.lastIndex
  }
  return at === last ? raw : undefined
}

function withoutTrailingSpace(value: string): string {
  let end = value.length
  for (; end > 0; end--) {
    const code = value.charCodeAt(end - 1)
    if (code !== 0x20 && code !== 0x09) break
  }
  return end === value.length ? value : value.slice(0, end)
}

const unsafeInTarget = /[^\x21-\x7e]/

/** Writes a request head. @throws TypeError when a part of it would be read as something else. */
export function requestHead(method: string, target: string, raw: readonly string[]): string {
  if (!token.test(method)) throw new TypeError('The method is no token, such as GET')
  if (unsafeInTarget.test(target) || target === '')
    throw new TypeError('The request target has a character that ends it: encode it by encodeURI')
  return `${method} ${target} HTTP/1.1\r\n${fieldLines(raw)}\r\n`
}

/** Writes a response head. @throws TypeError like `requestHead`. */
export function responseHead(status: number, reason: string, raw: readonly string[]): string {
  if (!Number.isInteger(status) || status < 100 || status > 999)
    throw new TypeError(`Not a status: ${status}; they have three digits`)
  if (unsafeInValue.test(reason))
    throw new TypeError('The reason has a character that ends it: leave out line breaks, or all of it')
  return `HTTP/1.1 ${status} ${reason}\r\n${fieldLines(raw)}\r\n`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly the characters that must not pass
const unsafeInValue = /[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]/
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** Field lines as they go out. Every value is looked at once more: hooks can have put anything there. */
export function fieldLines(raw: readonly string[]): string {
  let lines = ''
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const value = raw[i + 1] as string
    if (unsafeInValue.test(value) || !token.test(name))
      throw new TypeError(
        `Field ${JSON.stringify(name)} cannot be sent: its name is a token, its value Latin-1 without line breaks`,
      )
    lines += `${name}: ${value}\r\n`
  }
  return lines
}

function malformedRequest(what: string, status = 400): GatewayError {
  return new GatewayError('http_request_error', { phase: 'requestHead', status, detail: `malformed ${what}` })
}

function malformedResponse(what: string): GatewayError {
  return new GatewayError('http_protocol_error', { phase: 'responseHead', detail: `malformed ${what}` })
}
