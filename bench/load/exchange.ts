/** One HTTP/1.1 exchange on a fresh socket, read through one big shared buffer so that the client stays cheap. */

import { connect, type Socket } from 'node:net'
import { silenceLimit } from './module.ts'
import { type ResponseHead, ResponseReader } from './response.ts'
import { connectSecurely } from './secure.ts'

export interface ExchangeOptions {
  readonly path: string
  readonly method?: string
  /** Further request fields, such as `Content-Length: 5`. */
  readonly fields?: readonly string[]
  /** A view that is valid only during the call. Returning false stops reading until `resume`. */
  body(slice: Buffer): boolean
  /** The most that is read at once; without it, as much as the shared buffer holds. */
  readonly most?: number
  /** Milliseconds of silence after which it is given up. */
  readonly patience?: number
  /** Of an earlier connection in TLS, to be resumed. */
  readonly session?: Buffer | undefined
  head?(head: ResponseHead): void
}

export interface Exchange {
  readonly socket: Socket
  /** When the request was sent, on the clock of `performance.now()`. */
  readonly startedAt: number
  /** Never rejects: what went wrong is in the answer. */
  readonly ended: Promise<Ended>
  resume(): void
  /** Ends it from our side, for a reason that is not a problem. */
  leave(): void
}

interface Ended {
  readonly head: ResponseHead | undefined
  /** Undefined when the response came whole. */
  readonly problem: string | undefined
  /** When the first byte of content came, on the clock of `performance.now()`. */
  readonly firstByteAt: number | undefined
  readonly endedAt: number
}

// All sockets may share it: the callback is done with the bytes before the next read begins.
const buffer = Buffer.allocUnsafeSlow(1024 * 1024)

export function exchange(url: URL, options: ExchangeOptions): Exchange {
  const { path, method = 'GET', fields = [], patience = silenceLimit, most, session } = options
  const startedAt = performance.now()
  const { promise: ended, resolve } = Promise.withResolvers<Ended>()
  let head: ResponseHead | undefined
  let problem: string | undefined
  let firstByteAt: number | undefined
  let goesOn = true

  const finish = (verdict: string | undefined): void => {
    resolve({ head, problem: verdict, firstByteAt, endedAt: performance.now() })
    socket.destroy()
  }
  const reader = new ResponseReader({
    head(received) {
      head = received
      if (received.status !== 200) problem ??= `status ${received.status}`
      options.head?.(received)
    },
    body(slice) {
      firstByteAt ??= performance.now()
      if (problem === undefined && !options.body(slice)) goesOn = false
    },
    end: () => finish(problem),
  })
  const read = (piece: Buffer): boolean => {
    goesOn = true
    reader.push(piece)
    if (reader.problem !== undefined) finish(reader.problem)
    return goesOn
  }
  const socket =
    url.protocol === 'https:'
      ? reading(connectSecurely(url, { session }), read)
      : connect({
          host: url.hostname,
          port: Number(url.port),
          noDelay: true,
          onread: {
            buffer: most === undefined ? buffer : buffer.subarray(0, most),
            callback: (length) => read(buffer.subarray(0, length)),
          },
        })
  socket.setTimeout(patience, () => finish(head ? 'silence in the body' : 'no response in time'))
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (socket.connecting || error.syscall === 'connect') finish(`connect ${error.code}`)
    else if (/^(EPROTO|ERR_SSL_)/.test(error.code ?? '')) finish('TLS went wrong')
  })
  // An error after the connect is told by what the reader lacks.
  socket.on('close', () => finish(reader.close() ?? problem))
  socket.on('end', () => finish(reader.close() ?? problem))
  socket.write([`${method} ${path} HTTP/1.1`, `Host: ${url.host}`, ...fields, '', ''].join('\r\n'), 'latin1')

  return {
    socket,
    startedAt,
    ended,
    resume() {
      socket.setTimeout(patience)
      socket.resume()
    },
    leave: () => finish(undefined),
  }
}

/** What is decrypted comes as a stream: there is no `onread`. */
function reading(socket: Socket, read: (piece: Buffer) => boolean): Socket {
  return socket.on('data', (piece: Buffer) => {
    if (!read(piece)) socket.pause()
  })
}

/** Does it so often, in lanes: in each, the next time begins when the one before is over. */
export async function inLanes(
  times: number,
  lanes: readonly ((nth: number) => Promise<void>)[],
): Promise<void> {
  let begun = 0
  const walk = async (perform: (nth: number) => Promise<void>): Promise<void> => {
    while (begun < times) await perform(begun++)
  }
  await Promise.all(lanes.map(walk))
}

/** Counts what went wrong, by name. */
export class Problems {
  readonly counts: Record<string, number> = {}

  add(problem: string | undefined, times = 1): void {
    if (problem !== undefined && times > 0) this.counts[problem] = (this.counts[problem] ?? 0) + times
  }
}
