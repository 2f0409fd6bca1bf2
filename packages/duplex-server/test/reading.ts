/** Reads bytes with the reader under test, in pieces, and writes down what it said. */

import { GatewayError } from '@relayrace/gateway'
import { type Framing, requestFraming, responseFraming } from '@relayrace/gateway/strategy'
import { parseRequestHead, parseResponseHead } from '../src/head.ts'
import { Malformed, MessageReader } from '../src/message.ts'

/** One message, as far as it came. */
export interface Read {
  head: string
  /** In `rawHeaders` layout. */
  raw: readonly string[]
  /** The request line, or the status line, in parts. */
  line: readonly (string | number)[]
  framing: Framing['kind']
  content: Buffer
  contentBytes: number
  complete: boolean
  trailers: readonly string[]
}

export interface Reading {
  messages: Read[]
  /** Why it stopped: what is wrong with the bytes. */
  refused: string | undefined
  tooLarge: string | undefined
  /** How many bytes belong to complete messages, and to what was read of the last one. */
  taken: number
  /** Where each complete message ended. */
  ends: number[]
}

export interface ReadingOptions {
  readonly verbatim?: boolean
  /** Bytes of a head. */
  readonly limit?: number
  /** The method that responses answer. */
  readonly to?: string
  /** The connection ends after the last piece. */
  readonly fin?: boolean
  /** What a gateway refuses of a head beyond that, if anything. */
  readonly check?: (head: Read) => string | undefined
  /** Goes on after a complete message or not. */
  readonly more?: (message: Read) => boolean
}

export function read(
  kind: 'request' | 'response',
  pieces: Iterable<Buffer>,
  {
    verbatim = false,
    limit = 16_384,
    to = 'GET',
    fin = false,
    check,
    more = () => true,
  }: ReadingOptions = {},
): Reading {
  const reading: Reading = { messages: [], refused: undefined, tooLarge: undefined, taken: 0, ends: [] }
  const content: Buffer[] = []
  let current: Read | undefined
  let going = true

  const head = (text: string): Framing => {
    const parsed = kind === 'request' ? parseRequestHead(text) : parseResponseHead(text)
    current = {
      head: text,
      raw: parsed.raw,
      line:
        'method' in parsed
          ? [parsed.method, parsed.target, parsed.version]
          : [parsed.version, parsed.status, parsed.reason],
      framing: 'none',
      content: Buffer.alloc(0),
      contentBytes: 0,
      complete: false,
      trailers: [],
    }
    content.length = 0
    const framing =
      'method' in parsed
        ? requestFraming(parsed.version, parsed.raw)
        : responseFraming(to, parsed.status, parsed.raw)
    current.framing = framing.kind
    const refusal = check?.(current)
    if (refusal !== undefined) throw new Malformed(refusal)
    reading.messages.push(current)
    reader.verbatim = verbatim
    return framing
  }
  const reader = new MessageReader(
    {
      head,
      // A copy: the bytes are only valid during the call.
      content: (piece) => void content.push(Buffer.from(piece)),
      end(trailers) {
        const message = current as Read
        message.complete = true
        message.trailers = trailers
        message.content = Buffer.concat(content)
        message.contentBytes = reader.contentBytes
        going = more(message)
      },
    },
    { head: limit },
  )

  try {
    for (const piece of pieces) {
      // Handed over in memory that is overwritten afterwards, as sockets do.
      const lent = Buffer.from(piece)
      for (let at = 0; at < lent.length && going; ) {
        const taken = reader.read(lent.subarray(at))
        at += taken
        reading.taken += taken
        if (reading.messages.length > reading.ends.length && reading.messages.at(-1)?.complete === true)
          reading.ends.push(reading.taken)
      }
      lent.fill(0xee)
      if (!going) break
    }
    if (fin && going) reader.finish()
  } catch (error) {
    if (!(error instanceof Malformed || error instanceof GatewayError)) throw error
    reading.refused = error.message
    reading.tooLarge = error instanceof Malformed ? error.tooLarge : undefined
  }
  const last = reading.messages.at(-1)
  if (last !== undefined && !last.complete) {
    last.content = Buffer.concat(content)
    last.contentBytes = reader.contentBytes
  }
  return reading
}

/** Cuts bytes at the given places, taken modulo the length. */
export function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const edges = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...edges].map((edge, i) => bytes.subarray(edge, edges[i] ?? bytes.length))
}
