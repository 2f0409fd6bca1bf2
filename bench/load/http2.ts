/** Requests over HTTP/2: some connections, some streams at a time on each, every response compared. */

import { type ClientHttp2Session, connect } from 'node:http2'
import { Verifier } from '@relayrace/fixtures/payloads'
import { quantile } from '../statistics/describe.ts'
import { inLanes, Problems } from './exchange.ts'
import { type LoadModule, type Outcome, silenceLimit } from './module.ts'
import { connectSecurely } from './secure.ts'
import { bytesPath } from './sink.ts'

export interface Http2 {
  readonly kind: 'http2'
  readonly connections: number
  /** At a time on each connection. */
  readonly streams: number
  readonly amount: number
  /** Of each response. */
  readonly bytes: number
  /** Requests that do not count, or bytes of one. */
  readonly warmUp: number | { readonly bytes: number }
}

const seed = 1
/** Of a connection and of each stream: large enough that no target waits for our word. */
const window = 8 * 1024 ** 2

export async function http2(
  url: URL,
  { connections, streams, bytes }: Pick<Http2, 'connections' | 'streams' | 'bytes'>,
  amount: number,
): Promise<Outcome> {
  const problems = new Problems()
  const times: number[] = []
  const firsts: number[] = []
  const started = performance.now()
  const one = async (session: ClientHttp2Session): Promise<void> => {
    const { problem, milliseconds, firstByte } = await ask(session, bytes)
    problems.add(problem)
    if (problem !== undefined) return
    times.push(milliseconds)
    firsts.push(firstByte)
  }
  const sessions = Array.from({ length: Math.min(connections, amount) }, () => open(url))
  const lanes = sessions.flatMap((session) => Array(streams).fill(() => one(session)))
  await inLanes(amount, lanes)
  const seconds = (performance.now() - started) / 1000
  for (const session of sessions) session.destroy()
  return {
    seconds,
    bytes: times.length * bytes,
    exchanges: times.length,
    problems: problems.counts,
    values: {
      latencyMedian: quantile(times, 0.5),
      latency99: quantile(times, 0.99),
      firstByte: quantile(firsts, 0.5),
    },
  }
}

function open(url: URL): ClientHttp2Session {
  const session = connect(url, {
    createConnection: () => connectSecurely(url, { protocol: 'h2' }),
    settings: { initialWindowSize: window },
  })
  session.once('connect', () => session.setLocalWindowSize(window))
  // Each stream says for itself what has become of it.
  session.on('error', () => {})
  return session
}

interface Asked {
  readonly problem: string | undefined
  /** Of the first byte of content, and of the end. */
  readonly firstByte: number
  readonly milliseconds: number
}

function ask(session: ClientHttp2Session, bytes: number): Promise<Asked> {
  const { promise, resolve } = Promise.withResolvers<Asked>()
  const started = performance.now()
  const verifier = new Verifier(seed)
  let status: number | undefined
  let firstByte = Number.NaN
  let silent = false
  let ended = false
  if (session.destroyed || session.closed) {
    // Not at once: one that nobody serves would fill the stack.
    setImmediate(resolve, { problem: 'connection ended', firstByte, milliseconds: Number.NaN })
    return promise
  }
  const stream = session.request({ ':path': bytesPath(bytes, seed) })
  stream.setTimeout(silenceLimit, () => {
    silent = true
    stream.destroy()
  })
  stream.on('response', (fields) => {
    status = fields[':status']
  })
  stream.on('data', (piece: Buffer) => {
    if (verifier.bytes === 0) firstByte = performance.now() - started
    verifier.update(piece)
  })
  stream.on('end', () => {
    ended = true
  })
  stream.on('error', () => {})
  stream.on('close', () => {
    resolve({ problem: wrong(), firstByte, milliseconds: performance.now() - started })
  })
  const wrong = (): string | undefined => {
    if (silent) return 'no response in time'
    if (status === undefined) return 'no response'
    if (status !== 200) return `status ${status}`
    if (!ended || stream.rstCode !== 0) return 'truncated'
    if (verifier.bytes !== bytes) return 'wrong length'
    return verifier.intact ? undefined : 'wrong bytes'
  }
  return promise
}

export const overHttp2: LoadModule<Http2> = {
  kind: 'http2',
  warmUp: (url, job) =>
    typeof job.warmUp === 'number'
      ? http2(url, job, job.warmUp)
      : http2(url, { ...job, bytes: job.warmUp.bytes }, 1),
  perform: (url, job) => http2(url, job, job.amount),
  bytes: ({ amount, bytes }) => amount * bytes,
}
