/**
 * Reads HTTP/1.1 messages off a stream of bytes: heads whole, content as it comes (RFC 9112 §6, §7).
 *
 * Any split of the input gives the same events. Bytes are looked at where they lie; only what a read cut in two is kept.
 */

import type { Framing } from '@relayrace/gateway/strategy'
import { parseFields } from './head.ts'

/** What a message is made of, in order: a head, pieces, an end. */
export interface MessageEvents {
  /** A head with the empty line that ends it, one character per byte. Answers how the content after it is framed. */
  head(text: string): Framing
  /** Some of the content. The bytes are only valid during the call. */
  content(piece: Buffer): void
  /** The message is complete. `trailers` is in `rawHeaders` layout. */
  end(trailers: readonly string[]): void
}

export interface MessageLimits {
  /** Bytes of a head, and of a trailer section. */
  readonly head: number
}

/** Thrown for bytes that are no message. `tooLarge` names the limit that was crossed, if it was that. */
export class Malformed extends Error {
  readonly tooLarge: 'line' | 'head' | 'trailers' | undefined

  constructor(what: string, tooLarge?: 'line' | 'head' | 'trailers') {
    super(what)
    this.tooLarge = tooLarge
  }
}

type State = 'head' | 'length' | 'close' | 'chunkSize' | 'chunkData' | 'chunkEnd' | 'trailers'

/** A chunk-size line is this long at most: the digits and some extension (RFC 9112 §7.1.1 asks for a bound). */
const longestChunkLine = 1_024
const nothing: readonly string[] = []
const emptyLine = Buffer.from('\r\n\r\n')
const LF = 0x0a
const CR = 0x0d

export class MessageReader {
  readonly #limits: MessageLimits
  readonly #events: MessageEvents
  /**
   * Whether chunked content is handed on with its chunk framing, validated but untouched, instead of decoded. The last
   * chunk and the trailers are never part of it.
   */
  verbatim = false

  /** Bytes of content of the current message so far, without framing. */
  contentBytes = 0

  #state: State = 'head'
  /** Bytes left of the content, or of the chunk. */
  #left = 0
  /** What a read cut in two: part of a head, of a chunk-size line or of the trailers. */
  #kept: Buffer | undefined
  #keptLength = 0
  /** Bytes of empty lines before the head. */
  #skipped = 0
  #ended = false

  constructor(events: MessageEvents, limits: MessageLimits) {
    this.#events = events
    this.#limits = limits
  }

  /** Between two messages: nothing of the next one has come. */
  get idle(): boolean {
    return this.#state === 'head' && this.#keptLength === 0
  }

  /** Nothing of the content has been looked at yet: `verbatim` can still be chosen. */
  get untouched(): boolean {
    return this.contentBytes === 0 && (this.#state === 'head' || this.#state === 'chunkSize')
  }

  /** In the middle of content that only the connection's end ends. */
  get untilClose(): boolean {
    return this.#state === 'close'
  }

  /** Bytes of content known to come: of a Content-Length or of the current chunk. */
  get expected(): number {
    return this.#state === 'close' ? Number.POSITIVE_INFINITY : this.#left
  }

  /**
   * Takes bytes until they or the message end.
   * @returns how many it took: fewer than there are when the message is complete, the rest being the next one's.
   * @throws Malformed, and whatever the events throw.
   */
  read(bytes: Buffer): number {
    let at = 0
    this.#ended = false
    while (at < bytes.length && !this.#ended) {
      if (this.#state === 'head') at = this.#readHead(bytes, at)
      else if (this.#state === 'length') at = this.#readLength(bytes, at)
      else if (this.#state === 'close') at = this.#readRest(bytes, at)
      else at = this.#readChunked(bytes, at)
    }
    return at
  }

  /** The connection has ended. @returns whether that completed the message. */
  finish(): boolean {
    if (this.#state !== 'close') return false
    this.#complete(nothing)
    return true
  }

  #complete(trailers: readonly string[]): void {
    this.#state = 'head'
    this.#ended = true
    this.#events.end(trailers)
  }

  #readHead(bytes: Buffer, from: number): number {
    let start = from
    if (this.#keptLength === 0) {
      // An empty line before a message is a remnant of the one before (RFC 9112 §2.2).
      while (bytes[start] === CR && bytes[start + 1] === LF) start += 2
      if (start > from) this.#skip(start - from)
      if (start >= bytes.length) return start
    } else if (this.#keptLength === 1 && this.#kept?.[0] === CR && bytes[start] === LF) {
      this.#keptLength = 0
      this.#skip(2)
      return start + 1
    }
    const end = this.#endOfHead(bytes, start)
    if (end === -1) {
      this.#keep(bytes, start, this.#limits.head, 'head')
      return bytes.length
    }
    const text = this.#take(bytes, start, end, this.#limits.head, 'head')
    this.contentBytes = 0
    this.#skipped = 0
    this.#begin(this.#events.head(text))
    return end
  }

  /** They are as much a part of the head as anything that is to be passed over. */
  #skip(bytes: number): void {
    this.#skipped += bytes
    if (this.#skipped > this.#limits.head) throw new Malformed('empty lines before a head', 'head')
  }

  /**
   * The position after the empty line, or -1. Every line must end in CR LF: a bare LF is refused as soon as it is seen,
   * because a lenient reader before or behind us would see a message end there.
   */
  #endOfHead(bytes: Buffer, start: number): number {
    if (this.#keptLength === 0) {
      // Nearly every head comes in one piece. A bare LF in it is found when its lines are parsed.
      const at = bytes.indexOf(emptyLine, start)
      if (at !== -1) return at + emptyLine.length
    }
    const kept = this.#kept
    const keptLength = this.#keptLength
    const before = (at: number, back: number): number | undefined => {
      const index = at - back
      return index >= start ? bytes[index] : kept?.[keptLength + index - start]
    }
    for (let at = bytes.indexOf(LF, start); at !== -1; at = bytes.indexOf(LF, at + 1)) {
      if (before(at, 1) !== CR) throw new Malformed('line that ends in a bare LF')
      if (before(at, 2) === LF) return at + 1
    }
    return -1
  }

  #readRest(bytes: Buffer, from: number): number {
    this.contentBytes += bytes.length - from
    this.#events.content(from === 0 ? bytes : bytes.subarray(from))
    return bytes.length
  }

  #begin(framing: Framing): void {
    switch (framing.kind) {
      case 'none':
        this.#complete(nothing)
        break
      case 'length':
        this.#left = framing.length
        if (framing.length === 0) this.#complete(nothing)
        else this.#state = 'length'
        break
      case 'chunked':
        this.#state = 'chunkSize'
        break
      case 'close':
        this.#state = 'close'
    }
  }

  #readLength(bytes: Buffer, from: number): number {
    const to = Math.min(bytes.length, from + this.#left)
    this.#left -= to - from
    this.contentBytes += to - from
    this.#events.content(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to))
    if (this.#left === 0) this.#complete(nothing)
    return to
  }

  /** Reads chunks as far as the bytes go. In verbatim mode a run of whole framing and data goes on as one piece. */
  #readChunked(bytes: Buffer, from: number): number {
    let at = from
    let run = from
    const flush = (to: number): void => {
      if (this.verbatim && to > run)
        this.#events.content(run === 0 && to === bytes.length ? bytes : bytes.subarray(run, to))
      run = to
    }
    while (at < bytes.length) {
      if (this.#state === 'chunkSize' && this.#keptLength === 0) at = this.#readPlainSize(bytes, at)
      if (this.#state === 'chunkSize' && at < bytes.length) {
        const lf = bytes.indexOf(LF, at)
        if (lf === -1) {
          flush(at)
          this.#keep(bytes, at, longestChunkLine, 'line')
          return bytes.length
        }
        const cutInTwo = this.#keptLength > 0
        const size = chunkSize(this.#take(bytes, at, lf + 1, longestChunkLine, 'line'))
        if (size === 0) {
          flush(at)
          this.#state = 'trailers'
          at = run = lf + 1
          continue
        }
        if (cutInTwo && this.verbatim) {
          this.#events.content(Buffer.from(`${size.toString(16)}\r\n`, 'latin1'))
          run = lf + 1
        }
        this.#left = size
        this.#state = 'chunkData'
        at = lf + 1
      } else if (this.#state === 'chunkData') {
        const to = Math.min(bytes.length, at + this.#left)
        this.#left -= to - at
        this.contentBytes += to - at
        if (!this.verbatim) this.#events.content(bytes.subarray(at, to))
        at = to
        if (this.#left === 0) {
          this.#state = 'chunkEnd'
          this.#left = 2
        }
      } else if (this.#state === 'chunkEnd') {
        if (bytes[at] !== (this.#left === 2 ? CR : LF)) throw new Malformed('chunk without its CR LF')
        at++
        if (--this.#left === 0) this.#state = 'chunkSize'
      } else {
        at = this.#readTrailers(bytes, at)
        return at
      }
    }
    flush(at)
    return at
  }

  /** Reads the usual chunk-size line, digits and nothing else, where it lies; leaves any other, and the last chunk's. */
  #readPlainSize(bytes: Buffer, from: number): number {
    let size = 0
    let at = from
    for (; at < from + mostSizeDigits; at++) {
      const digit = hexDigit[bytes[at] as number] as number
      if (digit === -1 || digit === undefined) break
      size = size * 16 + digit
    }
    if (size === 0 || bytes[at] !== CR || bytes[at + 1] !== LF) return from
    this.#left = size
    this.#state = 'chunkData'
    return at + 2
  }

  #readTrailers(bytes: Buffer, from: number): number {
    // With no trailers at all the empty line comes at once.
    if (this.#keptLength === 0 && bytes[from] === CR && bytes[from + 1] === LF) {
      this.#complete(nothing)
      return from + 2
    }
    const end = this.#endOfTrailers(bytes, from)
    if (end === -1) {
      this.#keep(bytes, from, this.#limits.head, 'trailers')
      return bytes.length
    }
    const trailers = parseFields(this.#take(bytes, from, end, this.#limits.head, 'trailers'), 0)
    if (trailers === undefined) throw new Malformed('trailer field')
    this.#complete(trailers)
    return end
  }

  #endOfTrailers(bytes: Buffer, from: number): number {
    if (this.#keptLength === 1 && this.#kept?.[0] === CR && bytes[from] === LF) return from + 1
    return this.#endOfHead(bytes, from)
  }

  #keep(bytes: Buffer, from: number, limit: number, what: 'line' | 'head' | 'trailers'): void {
    const length = this.#keptLength + bytes.length - from
    if (length > limit) throw new Malformed(`${what} too long`, what)
    if (this.#kept === undefined || this.#kept.length < length) {
      const grown = Buffer.allocUnsafe(Math.min(limit, Math.max(256, length * 2)))
      this.#kept?.copy(grown, 0, 0, this.#keptLength)
      this.#kept = grown
    }
    bytes.copy(this.#kept, this.#keptLength, from)
    this.#keptLength = length
  }

  #take(bytes: Buffer, from: number, to: number, limit: number, what: 'line' | 'head' | 'trailers'): string {
    if (this.#keptLength + to - from > limit) throw new Malformed(`${what} too long`, what)
    const rest = bytes.toString('latin1', from, to)
    if (this.#keptLength === 0) return rest
    const text = (this.#kept as Buffer).toString('latin1', 0, this.#keptLength) + rest
    this.#kept = undefined
    this.#keptLength = 0
    return text
  }
}

/** A chunk of 2^48 bytes is more than anybody sends, and less than a number can hold. */
const mostSizeDigits = 12
const hexDigit = Int8Array.from({ length: 256 }, (_, code) => {
  const digit = Number.parseInt(String.fromCharCode(code), 16)
  return Number.isNaN(digit) ? -1 : digit
})
// Whitespace is refused: `5 ;a` is read as 5 by some and as an error by others (RFC 9112 §7.1.1 allows it for history).
const chunkLine =
  /^([0-9A-Fa-f]{1,12})(?:;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:=(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"))?)*\r\n$/

function chunkSize(line: string): number {
  const match = chunkLine.exec(line)
  if (match === null) throw new Malformed('chunk size')
  return Number.parseInt(match[1] as string, 16)
}
