/** What a request on node:http says, as it came. */

import type { IncomingMessage } from 'node:http'
import { alreadyRead } from './errors.ts'
import { type Framing, noContent, requestFraming } from './framing.ts'
import { Http2Request } from './http2.ts'
import type { Incoming } from './prepare.ts'

/** @param upgrade The protocols that may be offered upstream for this connection. */
export function incomingOf(incoming: IncomingMessage, upgrade: readonly string[]): Incoming {
  const { method, url, httpVersion, rawHeaders } = incoming
  const http2 = (incoming as unknown) instanceof Http2Request
  return {
    method: method as string,
    target: url ?? '',
    // A request line may claim a major version that its parser knows nothing of.
    version: !http2 && (httpVersion === '2.0' || foreign.has(method as string)) ? 'unknown' : httpVersion,
    raw: rawHeaders,
    upgrade,
    framed: http2 && !(incoming as unknown as Http2Request).stream.endAfterHeaders,
  }
}

/** What a parser of HTTP takes for RTSP or ICE, whose versions read the same. */
const foreign: ReadonlySet<string> = new Set([
  'ANNOUNCE',
  'DESCRIBE',
  'FLUSH',
  'GET_PARAMETER',
  'PAUSE',
  'PLAY',
  'RECORD',
  'REDIRECT',
  'SETUP',
  'SET_PARAMETER',
  'SOURCE',
  'TEARDOWN',
])

/** Of a request that somebody has read to its end. @throws GatewayError when there was anything in it. */
export function whatIsLeft(framing: Framing): Framing {
  if (hasBytes(framing)) throw alreadyRead()
  return noContent
}

/** Undefined when it makes no sense: that is refused with the rest of the request. */
export function framingOf({ httpVersion, rawHeaders }: IncomingMessage): Framing | undefined {
  try {
    return requestFraming(httpVersion, rawHeaders)
  } catch {
    return undefined
  }
}

export const hasBytes = (framing: Framing): boolean =>
  framing.kind !== 'none' && !(framing.kind === 'length' && framing.length === 0)
