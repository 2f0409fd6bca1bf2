/** Clients that ask for a little, keep their connection, and ask again later. */

import { connect } from 'node:net'
import { Verifier } from '@relayrace/fixtures/payloads'
import { Problems } from './exchange.ts'
import { type LoadModule, type Outcome, silenceLimit } from './module.ts'
import { requests } from './requests.ts'
import { ResponseReader } from './response.ts'
import { bytesPath } from './sink.ts'

export interface Idle {
  readonly kind: 'idle'
  readonly connections: number
  /** Of each response. */
  readonly bytes: number
  /** Requests. */
  readonly warmUp: number
}

const seed = 1
const notKept = 'the connection was not kept'
const buffer = Buffer.allocUnsafeSlow(64 * 1024)

/** `held` is awaited while all connections are idle. */
export async function idle(url: URL, job: Idle, held: () => Promise<void>): Promise<Outcome> {
  const problems = new Problems()
  const started = performance.now()
  const clients: KeptClient[] = []
  let good = 0
  const ask = async (client: KeptClient): Promise<void> => {
    const problem = await client.ask()
    problems.add(problem)
    if (problem === undefined) good++
  }
  // One after another: what is measured is what they leave behind, not a burst of them.
  for (let count = 0; count < job.connections; count++) {
    const client = keptClient(url, job.bytes)
    clients.push(client)
    await ask(client)
  }
  await held()
  for (const client of clients) {
    await ask(client)
    client.leave()
  }
  return {
    seconds: (performance.now() - started) / 1000,
    bytes: good * job.bytes,
    exchanges: good,
    problems: problems.counts,
    values: {},
  }
}

interface KeptClient {
  /** Resolves to what was wrong with the response, if anything was. */
  ask(): Promise<string | undefined>
  leave(): void
}

function keptClient(url: URL, bytes: number): KeptClient {
  let reader: ResponseReader | undefined
  let askedBefore = false
  let settle: (problem: string | undefined) => void = () => {}
  const socket = connect({
    host: url.hostname,
    port: Number(url.port),
    noDelay: true,
    onread: {
      buffer,
      callback(length) {
        reader?.push(buffer.subarray(0, length))
        if (reader?.problem !== undefined) settle(reader.problem)
        return true
      },
    },
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    const problem = reader?.close()
    settle(problem === 'no response' && askedBefore ? notKept : problem)
  })
  socket.on('timeout', () => settle('no response in time'))
  return {
    ask() {
      const { promise, resolve } = Promise.withResolvers<string | undefined>()
      const verifier = new Verifier(seed)
      let status = 0
      settle = (problem) => {
        socket.setTimeout(0)
        resolve(problem)
      }
      askedBefore = reader !== undefined
      if (socket.destroyed) {
        settle(notKept)
        return promise
      }
      reader = new ResponseReader({
        head: (head) => {
          status = head.status
        },
        body: (slice) => verifier.update(slice),
        end() {
          if (status !== 200) settle(`status ${status}`)
          else if (verifier.bytes !== bytes) settle('wrong length')
          else settle(verifier.intact ? undefined : 'wrong bytes')
        },
      })
      socket.setTimeout(silenceLimit)
      socket.write(`GET ${bytesPath(bytes, seed)} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`, 'latin1')
      return promise
    },
    leave: () => socket.destroy(),
  }
}

export const idleConnections: LoadModule<Idle> = {
  kind: 'idle',
  warmUp: (url, job) => requests(url, { ...job, kind: 'requests', connections: 1, amount: job.warmUp }),
  perform: idle,
}
