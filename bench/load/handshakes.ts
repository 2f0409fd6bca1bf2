/** Clients that come, shake hands, ask once, and leave: each request has a TLS connection of its own. */

import type { TLSSocket } from 'node:tls'
import { Verifier } from '@relayrace/fixtures/payloads'
import { quantile } from '../statistics/describe.ts'
import { exchange, inLanes, Problems } from './exchange.ts'
import type { LoadModule, Outcome } from './module.ts'
import { bytesPath } from './sink.ts'

export interface Handshakes {
  readonly kind: 'handshakes'
  readonly clients: number
  readonly atATime: number
  /** Of each response. */
  readonly bytes: number
  /** Each goes on with the session of the first one. */
  readonly resumed: boolean
  /** Clients. */
  readonly warmUp: number
}

const seed = 1

export async function handshakes(url: URL, job: Handshakes, clients: number = job.clients): Promise<Outcome> {
  const problems = new Problems()
  const times: number[] = []
  const first = job.resumed ? await shake(url, job.bytes) : undefined
  if (first && first.session === undefined) problems.add(first.problem ?? 'no session to resume')
  const started = performance.now()
  const one = async (): Promise<void> => {
    const { problem, resumed, milliseconds } = await shake(url, job.bytes, first?.session)
    problems.add(problem ?? (resumed === job.resumed ? undefined : 'not resumed'))
    if (problem === undefined && resumed === job.resumed) times.push(milliseconds)
  }
  await inLanes(clients, Array(job.atATime).fill(one))
  return {
    seconds: (performance.now() - started) / 1000,
    bytes: times.length * job.bytes,
    exchanges: times.length,
    problems: problems.counts,
    values: { latencyMedian: quantile(times, 0.5), latency99: quantile(times, 0.99) },
  }
}

interface Shaken {
  readonly problem: string | undefined
  readonly resumed: boolean
  /** What a later connection can go on with. */
  readonly session: Buffer | undefined
  /** From the start of the connect to the end of the response. */
  readonly milliseconds: number
}

async function shake(url: URL, bytes: number, session?: Buffer): Promise<Shaken> {
  const verifier = new Verifier(seed)
  const running = exchange(url, {
    path: bytesPath(bytes, seed),
    fields: ['Connection: close'],
    session,
    body(slice) {
      verifier.update(slice)
      return true
    },
  })
  const socket = running.socket as TLSSocket
  let [resumed, latest]: [boolean, Buffer | undefined] = [false, undefined]
  socket.once('secureConnect', () => {
    resumed = socket.isSessionReused()
  })
  socket.on('session', (one: Buffer) => {
    latest = one
  })
  const { problem, endedAt } = await running.ended
  const wrong = verifier.intact && verifier.bytes === bytes ? undefined : 'wrong bytes'
  return {
    problem: problem ?? wrong,
    resumed,
    session: latest,
    milliseconds: endedAt - running.startedAt,
  }
}

export const handshaking: LoadModule<Handshakes> = {
  kind: 'handshakes',
  warmUp: (url, job) => handshakes(url, job, job.warmUp),
  perform: (url, job) => handshakes(url, job),
}
