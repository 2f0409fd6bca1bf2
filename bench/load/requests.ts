/// <reference path="./autocannon.d.ts" />
/**
 * Small requests over kept connections, by autocannon with its traps disarmed. No rate is set, and none may be: its
 * correction of coordinated omission, which a rate switches on, takes the rate for a period and bends latencies.
 */

import { Verifier } from '@relayrace/fixtures/payloads'
import { fieldsFor } from '@relayrace/fixtures/target'
import autocannon, { type Client, type ResponseInfo } from 'autocannon'
import { quantile } from '../statistics/describe.ts'
import { Problems } from './exchange.ts'
import { type LoadModule, type Outcome, silenceLimit } from './module.ts'
import { bytesPath } from './sink.ts'

export interface Requests {
  readonly kind: 'requests'
  readonly connections: number
  readonly amount: number
  readonly warmUp: number
  readonly bytes: number
}

const seed = 1

export async function requests(url: URL, job: Requests, amount: number = job.amount): Promise<Outcome> {
  const problems = new Problems()
  const latencies: number[] = []
  const counts = { good: 0, reconnects: 0 }
  const target = new URL(bytesPath(job.bytes, seed), url)
  // It would make Basic of it.
  target.password = ''
  const started = performance.now()
  let lastAt = started
  await new Promise<void>((resolve, reject) => {
    const running = autocannon(
      {
        url: target.href,
        headers: fieldsFor(url),
        connections: job.connections,
        amount,
        pipelining: 1,
        timeout: silenceLimit / 1000,
        sampleInt: 20,
        setupClient: (client) => judgeEachResponse(client, job.bytes, problems, counts),
      },
      (error, result) => {
        if (error) return reject(error)
        problems.add('no response in time', result.timeouts)
        problems.add('connection error', result.errors - result.timeouts)
        resolve()
      },
    )
    // Its own histogram has whole milliseconds.
    running.on('response', (_client: unknown, _status: number, _bytes: number, milliseconds: number) => {
      latencies.push(milliseconds)
      lastAt = performance.now()
    })
  })
  return {
    seconds: (lastAt - started) / 1000,
    bytes: counts.good * job.bytes,
    exchanges: counts.good,
    problems: problems.counts,
    values: {
      latencyMedian: quantile(latencies, 0.5),
      latency99: quantile(latencies, 0.99),
      reconnects: counts.reconnects,
    },
  }
}

/**
 * autocannon keeps every body as text, believes any status and length, and does not see a connection that ends in the
 * middle of a response. This looks at each response, keeps none, and starts afresh on each connection.
 */
function judgeEachResponse(
  client: Client,
  bytes: number,
  problems: Problems,
  counts: { good: number; reconnects: number },
): void {
  const queue = client.pipelinedRequests
  const setHeaders = queue.setHeaders.bind(queue)
  const terminateRequest = queue.terminateRequest.bind(queue)
  const connect = client._connect.bind(client)
  let verifier = new Verifier(seed)
  let info: ResponseInfo | undefined
  let closing = false

  queue.setHeaders = (received) => {
    info = received
    closing = !received.shouldKeepAlive
    verifier = new Verifier(seed)
    setHeaders(received)
  }
  queue.addBody = (slice) => verifier.update(slice)
  queue.terminateRequest = () => {
    const problem = wrongWith(info, verifier, bytes)
    info = undefined
    if (problem === undefined) counts.good++
    else problems.add(problem)
    return terminateRequest()
  }
  client._connect = () => {
    // A request that was sent after `Connection: close` is autocannon's fault, not the target's.
    if (info !== undefined) problems.add('truncated')
    else if (closing) counts.reconnects++
    else if (queue.size() > 0) problems.add('no response')
    info = undefined
    closing = false
    queue.clear()
    client.parser.reinitialize('RESPONSE')
    connect()
  }
}

function wrongWith(info: ResponseInfo | undefined, verifier: Verifier, bytes: number): string | undefined {
  if (info?.statusCode !== 200) return `status ${info?.statusCode}`
  if (verifier.bytes !== bytes) return 'wrong length'
  return verifier.intact ? undefined : 'wrong bytes'
}

export const smallRequests: LoadModule<Requests> = {
  kind: 'requests',
  warmUp: (url, job) => requests(url, job, job.warmUp),
  perform: (url, job) => requests(url, job),
}
