/**
 * Holds an upstream to saying something. The parsers of Node and undici do not count all that they pass over: empty lines
 * before a head, a reason phrase, spaces before a value, zeros before a chunk size, and an upstream could send them for
 * ever. So here every byte counts until something comes of it: a head, content, an end.
 */

import { EventEmitter } from 'node:events'
import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { GatewayError } from '../contract/errors.ts'
import type { Limits } from '../contract/gateway.ts'
import { watchReading } from './reading.ts'

interface Progress {
  /** Of which nothing has come, as far as is known. */
  bytes: number
  readonly most: number
  /** What has come last is a head, and its content follows. */
  inContent: boolean
  /** That one, of node:http. */
  response: IncomingMessage | undefined
  listener: ((piece: Buffer) => void) | undefined
}

const known = new WeakMap<Socket, Progress>()

/** Parsers hold to `responseHead` what is in a head beside its structure: a colon, a space, CR and LF with each field. */
function begin({ responseHead, fields }: Limits): Progress {
  const most = responseHead + Math.min(4 * fields, 3 * responseHead)
  return { bytes: 0, most, inContent: false, response: undefined, listener: undefined }
}

/** For a connection that node:http is going to read. */
export function watchProgress<S extends Socket>(socket: S, limits: Limits): S {
  const progress = begin(limits)
  const seen = ({ length }: Buffer): void => count(socket, progress, length)
  known.set(socket, progress)
  if (watchReading(socket, seen)) return socket
  progress.listener = seen
  // As a stream it would begin to flow, and nobody else listens yet.
  EventEmitter.prototype.on.call(socket, 'data', seen)
  return socket
}

/** Before what it gets is parsed: whether something comes of it is seen when there is more. */
function count(socket: Socket, progress: Progress, length: number): void {
  if (progress.bytes > progress.most && !looksCloser(progress)) {
    socket.destroy(
      progress.inContent
        ? new GatewayError('http_response_transfer_coding', { phase: 'responseBody' })
        : new GatewayError('http_response_header_section_size', { phase: 'responseHead' }),
    )
  }
  progress.bytes += length
}

/** Which bytes become content is of interest only where there are many. */
function looksCloser(progress: Progress): boolean {
  const { response } = progress
  if (response === undefined || response.push === push) return false
  progress.bytes = 0
  if (response.complete) contentEnded(progress)
  else response.push = push
  return true
}

function contentEnded(progress: Progress): void {
  progress.inContent = false
  progress.response = undefined
}

/** The head of a response has come, and its content will be pushed. */
export function beginsContent(response: IncomingMessage): void {
  const progress = known.get(response.socket)
  if (progress === undefined) return
  progress.bytes = 0
  progress.inContent = true
  progress.response = response
}

function push(this: IncomingMessage, chunk: unknown, encoding?: BufferEncoding): boolean {
  const progress = known.get(this.socket)
  if (progress?.response === this) {
    progress.bytes = 0
    if (chunk === null) contentEnded(progress)
  }
  return IncomingMessage.prototype.push.call(this, chunk, encoding)
}

/** Something else has come: an interim response, or an end after which the connection is idle. */
export function progressed(socket: Socket | null): void {
  const progress = socket === null ? undefined : known.get(socket)
  if (progress === undefined) return
  progress.bytes = 0
  contentEnded(progress)
}

/** It speaks another protocol from here on. */
export function forgetProgress(socket: Socket): void {
  const listener = known.get(socket)?.listener
  if (listener !== undefined) socket.off('data', listener)
}

/** What has been read last by `readProgress`, and is being parsed. */
let current: Progress | undefined

/** For a connection that undici is going to read: its parser is at what was read last. */
export function readProgress<S extends Socket>(socket: S, limits: Limits): S {
  const progress = begin(limits)
  const { read } = socket
  socket.read = function (size?: number): Buffer | null {
    const piece = read.call(this, size) as Buffer | null
    if (piece !== null) count(this, progress, piece.length)
    current = progress
    return piece
  }
  return socket
}

/** That something has come of it. */
export function heard(inContent: boolean): void {
  if (current === undefined) return
  current.bytes = 0
  current.inContent = inContent
}
