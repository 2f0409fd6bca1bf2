/**
 * Holds an upstream to saying something. The parsers of Node and undici do not count all that they pass over: empty lines
 * before a head, a reason phrase, spaces before a value, zeros before a chunk size, and an upstream could send them for
 * ever. So here every byte counts until something comes of it: a head, content, an end.
 */

import { EventEmitter } from 'node:events'
import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { GatewayError } from './errors.ts'
import type { Limits } from './gateway.ts'

interface Progress {
  /** Of which nothing has come. */
  bytes: number
  readonly most: number
  /** What has come last: a head whose content is not complete. */
  inContent: boolean
}

const known = new WeakMap<Socket, Progress>()

/** Parsers hold to `responseHead` what is in a head beside its structure: a colon, a space, CR and LF with each field. */
function begin(socket: Socket, { responseHead, fields }: Limits): Progress {
  const most = responseHead + Math.min(4 * fields, 3 * responseHead)
  const progress = { bytes: 0, most, inContent: false }
  known.set(socket, progress)
  return progress
}

/** For a connection that node:http is going to read. */
export function watchProgress<S extends Socket>(socket: S, limits: Limits): S {
  begin(socket, limits)
  // As a stream it would begin to flow, and nobody else listens yet.
  EventEmitter.prototype.on.call(socket, 'data', countRead)
  return socket
}

function countRead(this: Socket, piece: Buffer): void {
  count(this, known.get(this) as Progress, piece)
}

/** Before what it gets is parsed: whether something comes of it is seen when there is more. */
function count(socket: Socket, progress: Progress, { length }: Buffer): void {
  if (progress.bytes > progress.most) {
    socket.destroy(
      progress.inContent
        ? new GatewayError('http_response_transfer_coding', { phase: 'responseBody' })
        : new GatewayError('http_response_header_section_size', { phase: 'responseHead' }),
    )
  }
  progress.bytes += length
}

/** The head of a response has come, and its content will be pushed. */
export function beginsContent(response: IncomingMessage): void {
  const progress = known.get(response.socket)
  if (progress === undefined) return
  progress.bytes = 0
  progress.inContent = true
  response.push = push
}

function push(this: IncomingMessage, chunk: unknown, encoding?: BufferEncoding): boolean {
  const progress = known.get(this.socket)
  if (progress !== undefined) {
    progress.bytes = 0
    progress.inContent = chunk !== null
  }
  return IncomingMessage.prototype.push.call(this, chunk, encoding)
}

/** An interim response has come. */
export function progressed(socket: Socket | null): void {
  const progress = socket === null ? undefined : known.get(socket)
  if (progress !== undefined) progress.bytes = 0
}

/** It speaks another protocol from here on. */
export function forgetProgress(socket: Socket): void {
  socket.off('data', countRead)
}

/** What has been read last by `readProgress`, and is being parsed. */
let current: Progress | undefined

/** For a connection that undici is going to read: its parser is at what was read last. */
export function readProgress<S extends Socket>(socket: S, limits: Limits): S {
  const progress = begin(socket, limits)
  const { read } = socket
  socket.read = function (size?: number): Buffer | null {
    const piece = read.call(this, size) as Buffer | null
    if (piece !== null) count(this, progress, piece)
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
