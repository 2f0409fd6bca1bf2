/** The content of a request on node:http on its way upstream: it flows as it comes, or is pulled. */

import type { ClientRequest } from 'node:http'
import type { Socket } from 'node:net'
import { pipeline, type Writable } from 'node:stream'
import { clientClosed, internalFailure } from '../contract/errors.ts'
import type { ContentTransform } from '../contract/gateway.ts'
import { isBorrowed, unknownParser } from '../node/reading.ts'
import { Releaser, release } from '../node/release.ts'
import { trailersToForward } from '../rules/response.ts'
import type { HttpExchange } from './exchange.ts'
import { sendHead } from './outgoing.ts'

/** Pieces of a request that are freed as soon as they are out, in bytes: the write buffer of a socket, and more. */
const worthwhile = 64 * 1024

/** A `ClientRequest`, or what takes a request body like one. */
interface RequestSink extends Writable {
  addTrailers?(trailers: [string, string][]): void
}

/** Sends the content on as it comes, then its trailers, then ends the upstream request. */
export function pump(exchange: HttpExchange, sink: RequestSink): void {
  if (exchange.framing.kind === 'none') {
    sink.end()
    exchange.enter('responseHead')
    return
  }
  const pulled = exchange.out.content !== undefined || exchange.replay !== undefined
  const send = pulled ? pourThrough : pour
  if (exchange.settings.transport === undefined) {
    send(exchange, sink)
    return
  }
  // What has been read cannot be sent again: it stays where it is until there is a connection.
  exchange.enter('responseHead')
  whenConnected(sink as ClientRequest, exchange.endpoint.secure, () => send(exchange, sink))
}

/** Calls back when there is a connection to send the request on: at once on one that is used again. */
function whenConnected(ask: ClientRequest, secure: boolean, then: () => void): void {
  ask.once('socket', (socket: Socket) => {
    if (socket.connecting) socket.once(secure ? 'secureConnect' : 'connect', then)
    else then()
  })
}

/**
 * It is `pipe`, not `pipeline`: that would destroy the client's socket when the upstream fails, and with it the way to
 * tell the client so.
 */
function pour(exchange: HttpExchange, sink: RequestSink): void {
  const { incoming, framing } = exchange
  exchange.takeContent()
  // A client may wait for the origin's word before it sends anything.
  if (incoming.readableLength === 0) sendHead(sink)
  const clock = exchange.watchUpload(() => sink.writableNeedDrain)
  const releaser = new Releaser(sink)
  const others = incoming.listenerCount('data')
  let ours = Number.NaN
  incoming.on('data', (chunk: Buffer) => {
    if (isBorrowed(chunk)) exchange.abort(unknownParser())
    // Somebody else may listen as well, and keep what comes.
    if (chunk.length >= worthwhile && incoming.listenerCount('data') === ours) releaser.add(chunk)
    clock.moved()
    exchange.countRequest(exchange.requestBytes + chunk.length)
  })
  sink.on('drain', () => clock.moved())
  incoming.once('end', () => {
    clock.stop()
    if (framing.kind === 'chunked' && incoming.rawTrailers.length > 0) {
      sink.addTrailers?.([...trailersToForward(incoming.rawTrailers)])
    }
    sink.end()
    // While the connection is still being made, its phases go on; `watchConnecting` enters this one after them.
    if (exchange.phase === 'requestBody') exchange.enter('responseHead')
  })
  incoming.pipe(sink, { end: false })
  if (others === 0) ours = incoming.listenerCount('data')
  sink.once('close', () => {
    incoming.unpipe(sink)
    // What still comes is read and dropped: the client may not read its answer before it has sent all.
    incoming.resume()
  })
}

/** The same for content that a hook changes on its way, or that is kept. */
function pourThrough(exchange: HttpExchange, sink: RequestSink): void {
  sendHead(sink)
  pipeline(contentToSend(exchange, sink), sink, () => {})
}

/**
 * The content as it goes on, changed by a hook if there is one, for a client that pulls. A hook's failure is that of the
 * exchange.
 */
export function contentToSend(exchange: HttpExchange, sink?: RequestSink): AsyncIterable<Uint8Array> {
  const { content = identity } = exchange.out
  if (content === identity && sink === undefined) return contentOf(exchange)
  const changed = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield* content(contentOf(exchange, true))
      sink?.addTrailers?.([...trailersToForward(exchange.incoming.rawTrailers)])
    } catch (cause) {
      exchange.fail(internalFailure(cause, 'requestBody'))
      throw cause
    }
  }
  return changed()
}

const identity: ContentTransform = (source) => source

/**
 * The content, for a client that pulls: it is read no faster than it is taken. Neither trailers nor an early end of the
 * reading touch the client's connection.
 */
function contentOf(exchange: HttpExchange, kept = false): AsyncIterable<Buffer> {
  return { [Symbol.asyncIterator]: () => pull(exchange, kept) }
}

/** @param kept Whoever pulls may look at a piece again after the next one has come. */
function pull(exchange: HttpExchange, kept: boolean): AsyncIterator<Buffer> {
  const { incoming, replay } = exchange
  let sent = 0
  let asked: PromiseWithResolvers<IteratorResult<Buffer>> | undefined
  let over = false
  let last: Buffer | undefined
  exchange.takeContent()
  const clock = exchange.watchUpload(() => asked === undefined)
  const look = (): void => {
    if (asked === undefined) return
    const { resolve, reject } = asked
    const kept = over ? undefined : replay?.at(sent)
    const chunk = over || kept !== undefined ? null : (incoming.read() as Buffer | null)
    if (kept !== undefined) {
      sent++
      resolve({ value: kept as Buffer, done: false })
    } else if (chunk !== null) {
      if (isBorrowed(chunk)) exchange.abort(unknownParser())
      clock.moved()
      exchange.countRequest(exchange.requestBytes + chunk.length)
      if (replay === undefined) last = chunk
      else replay.keep(chunk)
      sent++
      resolve({ value: chunk, done: false })
    } else if (incoming.readableEnded) {
      clock.stop()
      if (exchange.phase === 'requestBody') exchange.enter('responseHead')
      resolve({ value: undefined, done: true })
    } else if (incoming.destroyed || over) {
      // Not an end: that would make a whole message of what came so far.
      reject(exchange.failed ?? clientClosed('requestBody'))
    } else return
    asked = undefined
  }
  const letGo = (): void => {
    // Once: without a listener to take away, `off` would stop the stream that `resume` has set going.
    if (over) return
    over = true
    incoming.off('readable', look)
    incoming.off('end', look)
    look()
    // What still comes is read and dropped, so that the connection stays in step.
    if (!exchange.isRepeatable) incoming.resume()
  }
  incoming.on('readable', look)
  incoming.on('end', look)
  incoming.once('close', look)
  exchange.atEnd(letGo)
  return {
    next() {
      // No socket takes that much without asking to wait until it is out.
      if (!kept && last !== undefined && last.length >= worthwhile && incoming.listenerCount('data') === 0)
        release(last)
      last = undefined
      asked = Promise.withResolvers()
      const { promise } = asked
      look()
      return promise
    },
    async return() {
      letGo()
      return { value: undefined, done: true }
    },
  }
}
