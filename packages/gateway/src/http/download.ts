/** The content of a response on its way to a client of node:http, off a stream of Node or of the Web. */

import { type Readable, pipeline as withCallback } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { internalFailure, upstreamFailure } from '../contract/errors.ts'
import type { ContentTransform } from '../contract/gateway.ts'
import type { BodyClock } from '../exchange/clock.ts'
import { isBorrowed, unknownParser } from '../node/reading.ts'
import { Releaser } from '../node/release.ts'
import type { HttpExchange } from './exchange.ts'
import { endWith, sendHead } from './outgoing.ts'

/** Sends the content on as it comes, with its trailers, and ends the response. */
export function relay(
  exchange: HttpExchange,
  answer: Readable & { readonly rawTrailers?: string[]; readonly complete?: boolean },
): Promise<void> | undefined {
  const { response } = exchange
  exchange.enter('responseBody')
  // It broke off while its head was on its way.
  if (answer.destroyed) throw answer.errored
  if (exchange.contentDropped) {
    response.end()
    // It may have no end.
    if (answer.complete === true) answer.resume()
    else answer.destroy()
    return undefined
  }
  if (exchange.transform !== undefined) return relayThrough(exchange, answer, exchange.transform)
  // All of it came in one piece: no stream need be set up for what is here already.
  if (answer.complete === true && answer.readableLength <= answer.readableHighWaterMark) {
    let last: Buffer | undefined
    // Newer Node hands the chunks out one at a time once the end has come.
    for (let chunk = answer.read() as Buffer | null; chunk !== null; chunk = answer.read()) {
      if (last !== undefined) response.write(last)
      exchange.countResponse(exchange.responseBytes + chunk.length)
      if (exchange.failed !== undefined) return undefined
      last = chunk
    }
    // An empty body ends only when it is read.
    answer.resume()
    exchange.addTrailers(answer.rawTrailers)
    endWith(response, last)
    return undefined
  }
  if (answer.readableLength === 0) sendHead(response)
  const clock = exchange.watchDownload(() => response.writableNeedDrain)
  const releaser = new Releaser(response)
  answer.on('data', (chunk: Buffer) => {
    if (isBorrowed(chunk)) exchange.abort(unknownParser())
    releaser.add(chunk)
    clock.moved()
    exchange.countResponse(exchange.responseBytes + chunk.length)
  })
  response.on('drain', () => clock.moved())
  // Both before the pipeline's own listeners: trailers go out with the end, and a broken answer must not look whole.
  answer.once('end', () => exchange.addTrailers(answer.rawTrailers))
  answer.once('error', (cause) => exchange.fail(cause))
  return new Promise<void>((resolve, reject) => {
    withCallback(answer, response, (error) => (error ? reject(error) : resolve()))
  })
}

/** The same for content that a hook changes on its way. */
async function relayThrough(
  exchange: HttpExchange,
  answer: Readable & { readonly rawTrailers?: string[] },
  transform: ContentTransform,
): Promise<void> {
  const { response } = exchange
  sendHead(response)
  const watched = watchSource(exchange)
  answer.once('end', () => exchange.addTrailers(answer.rawTrailers))
  // A broken answer is the upstream's fault, whatever the hook makes of it.
  answer.once('error', (cause) => exchange.fail(cause))
  await writeThrough(exchange, transform(watched(answer)))
}

/** What comes, counted and timed: its silence counts while it is asked for, and the receiver's while it is not. */
function watchSource(
  exchange: HttpExchange,
): (source: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array> {
  let asked = false
  const clock = exchange.watchDownload(() => !asked)
  exchange.response.on('drain', () => clock.moved())
  return async function* (source) {
    asked = true
    for await (const piece of source) {
      asked = false
      clock.moved()
      exchange.countResponse(exchange.responseBytes + piece.length)
      if (exchange.failed !== undefined) throw exchange.failed
      yield piece
      asked = true
      clock.moved()
    }
    asked = false
  }
}

/** Writes what a hook yields, no faster than the client takes it, and ends the response. Its failure is the hook's. */
async function writeThrough({ response }: HttpExchange, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    await pipeline(pieces, response)
  } catch (cause) {
    throw internalFailure(cause, 'responseBody')
  }
}

/** A `ReadableStream` of bytes, of whichever implementation. */
export interface ByteSource {
  getReader(): { read(): Promise<{ readonly value?: Uint8Array | undefined }>; cancel(): Promise<void> }
}

/** What is known of an answer beside its head and its body. */
export interface PulledAnswer {
  /** Whether content, or its end, has come already: then the head can go out with it. */
  readonly bodyArrived: boolean
  readonly rawTrailers: readonly string[]
  /** The next piece of the body, or its end, may come. */
  wanted(): void
  /** That much of the body has been read. */
  taken(bytes: number): void
}

/** The same for content that is read off a WHATWG stream. What is left unread after the last byte is none. */
export async function relayFrom(
  exchange: HttpExchange,
  body: ByteSource | null,
  answer: PulledAnswer,
): Promise<void> {
  const { response, expected } = exchange
  exchange.enter('responseBody')
  if (body === null || expected === 0) {
    response.end()
    if (exchange.contentDropped) await body?.getReader().cancel()
    return
  }
  if (exchange.transform !== undefined) {
    sendHead(response)
    await writeThrough(exchange, exchange.transform(watchSource(exchange)(piecesOf(exchange, body, answer))))
    return
  }
  let held: (() => void) | undefined
  const download = new Download(exchange, () => held?.())
  if (!answer.bodyArrived) download.begin()
  const reader = body.getReader()
  for (;;) {
    answer.wanted()
    const { value } = await reader.read()
    if (response.destroyed) return
    if (value === undefined) break
    answer.taken(value.byteLength)
    download.write(value)
    if (exchange.failed !== undefined) return
    if (download.isOver) {
      // Its end, for the connection to be free again.
      answer.wanted()
      return
    }
    if (download.isHeld) {
      await new Promise<void>((resolve) => {
        held = resolve
      })
    }
  }
  download.end(undefined, answer.rawTrailers)
}

/** Content that is written piece by piece, by whoever waits while it `isHeld`. */
export class Download {
  /** The client has yet to take what was written: nothing more is to come before `goOn`. */
  isHeld = false
  /** All has been written. */
  isOver = false
  readonly #exchange: HttpExchange
  readonly #goOn: () => void
  #clock: BodyClock | undefined
  #releaser: Releaser | undefined

  constructor(exchange: HttpExchange, goOn: () => void) {
    this.#exchange = exchange
    this.#goOn = goOn
  }

  /** The head goes out, because nothing else has come yet. */
  begin(): void {
    sendHead(this.#exchange.response)
    this.#clock ??= this.#watch()
  }

  /** @param kept Somebody else may look at it again. */
  write(piece: Uint8Array, kept = false): void {
    const exchange = this.#exchange
    const { response } = exchange
    if (!exchange.countResponse(exchange.responseBytes + piece.byteLength)) return
    if (exchange.responseBytes === exchange.expected) {
      this.isOver = true
      endWith(response, piece)
      return
    }
    this.#clock ??= this.#watch()
    this.#clock.moved()
    this.#releaser ??= new Releaser(response)
    if (!kept) this.#releaser.add(piece)
    this.isHeld = !response.write(piece)
  }

  /** @param last A piece that is to go out with the end. */
  end(last: Uint8Array | undefined, trailers: readonly string[]): void {
    const exchange = this.#exchange
    if (last !== undefined && !exchange.countResponse(exchange.responseBytes + last.byteLength)) return
    this.isOver = true
    exchange.addTrailers(trailers)
    endWith(exchange.response, last)
  }

  #watch(): BodyClock {
    const { response } = this.#exchange
    const clock = this.#exchange.watchDownload(() => this.isHeld)
    const goOn = (): void => {
      clock.moved()
      if (!this.isHeld) return
      this.isHeld = false
      this.#goOn()
    }
    response.on('drain', goOn)
    response.once('close', goOn)
    return clock
  }
}

async function* piecesOf(
  exchange: HttpExchange,
  body: ByteSource,
  answer: PulledAnswer,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  let whole = false
  try {
    for (;;) {
      answer.wanted()
      const { value } = await reader.read()
      if (value === undefined) break
      answer.taken(value.byteLength)
      yield value
    }
    whole = true
    exchange.addTrailers(answer.rawTrailers)
  } catch (cause) {
    exchange.fail(upstreamFailure(cause, 'responseBody'))
    throw cause
  } finally {
    if (!whole) await reader.cancel().catch(() => {})
  }
}
