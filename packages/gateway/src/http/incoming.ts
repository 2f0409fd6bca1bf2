/** What a request on node:http says, as it came. */

import type { IncomingMessage } from 'node:http'
import { constants, type ServerHttp2Stream } from 'node:http2'
import { alreadyRead } from '../contract/errors.ts'
import type { Incoming } from '../exchange/prepare.ts'
import { type Framing, noContent, requestFraming } from '../rules/framing.ts'

/** A stream of HTTP/2, or what stands for one: it may know no more than whether there was content. */
type Framed = Pick<ServerHttp2Stream, 'endAfterHeaders'> & Partial<ServerHttp2Stream>

/** @param upgrade The protocols that may be offered upstream for this connection. */
export function incomingOf(incoming: IncomingMessage, upgrade: readonly string[]): Incoming {
  const { method, url, httpVersion, rawHeaders } = incoming
  // No parser of HTTP/1.1 says that of what it reads.
  const { stream } = incoming as { readonly stream?: Framed }
  return {
    method: method as string,
    target: url ?? '',
    // A request line may claim a major version that its parser knows nothing of.
    version:
      stream === undefined && (httpVersion === '2.0' || foreign.has(method as string))
        ? 'unknown'
        : httpVersion,
    raw: rawHeaders,
    upgrade,
    framed: stream?.endAfterHeaders === false && !hasEndedEmpty(incoming, stream),
  }
}

/** An empty frame that has come by now ends what is no content: nobody has to be told of any. */
function hasEndedEmpty({ readableDidRead, rawTrailers }: IncomingMessage, stream: Framed): boolean {
  if (readableDidRead || rawTrailers.length > 0 || (stream.readableLength ?? 0) > 0) return false
  return stream.state?.state === constants.NGHTTP2_STREAM_STATE_HALF_CLOSED_REMOTE
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
