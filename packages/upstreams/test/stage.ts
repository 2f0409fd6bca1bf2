/** A gateway in front of several scripted origins, and a clock that goes when it is told to. */

import {
  type Client,
  connect,
  type Exchange,
  type Message,
  type Origin,
  startOrigin,
} from '@relayrace/fixtures/wire'
import type { Gateway, GatewayOptions, Strategy } from '@relayrace/gateway'
import { expect, onTestFinished } from 'vitest'
import {
  type Clock,
  createUpstreams,
  type Discovery,
  type EndpointState,
  type Entry,
  type Upstreams,
  type UpstreamsOptions,
} from '../src/index.ts'

/** Nobody listens there. */
export const refusing = 'http://127.0.0.1:1'

export interface Stage {
  readonly upstreams: Upstreams
  readonly gateway: Gateway
  readonly url: URL
  /** A new client, which goes with the test. */
  client(): Promise<Client>
  /** Asks by a client of its own, and waits for the answer, and until that is counted. */
  ask(request?: string): Promise<Message>
}

export async function stage(
  create: Strategy,
  endpoints: readonly (URL | string | Entry)[] | Discovery,
  options: UpstreamsOptions = {},
  others: Partial<GatewayOptions> = {},
): Promise<Stage> {
  const upstreams = createUpstreams(endpoints, options)
  onTestFinished(() => upstreams.close())
  const gateway = create({ ...upstreams, ...others })
  onTestFinished(() => gateway.close(0))
  const { url } = await gateway.listen()
  const client = (): Promise<Client> => connectTo(url)
  return {
    upstreams,
    gateway,
    url,
    client,
    async ask(request = get('/')) {
      const others = gateway.inFlight
      const asking = await client()
      asking.send(request)
      const response = await asking.response()
      asking.close()
      await expect.poll(() => gateway.inFlight, { interval: 1 }).toBeLessThanOrEqual(others)
      return response
    },
  }
}

export async function connectTo(url: URL): Promise<Client> {
  const client = await connect(url)
  onTestFinished(() => client.close())
  return client
}

/** @param answer What becomes of each request; none is answered without it. */
export async function origin(answer?: (exchange: Exchange, origin: Origin) => unknown): Promise<Origin> {
  const started = await startOrigin({ patience: 60_000 })
  onTestFinished(() => started[Symbol.asyncDispose]())
  const answering = async (): Promise<void> => {
    for (;;) await answer?.(await started.request(), started)
  }
  if (answer !== undefined) answering().catch(() => {})
  onTestFinished(() => started.forget())
  return started
}

export const answering = (text: string): Promise<Origin> => origin((exchange) => exchange.send(reply(text)))

/** What is known of an endpoint. */
export function stateOf({ upstreams }: Stage, { url }: { url: URL }): EndpointState {
  const state = upstreams.state().endpoints.find(({ id }) => id === url.origin)
  if (state === undefined) throw new Error(`${url.origin} is not in the set`)
  return state
}

export interface ManualClock extends Clock {
  /** Runs what is due until then. */
  advance(ms: number): void
}

export function manualClock(): ManualClock {
  let now = 0
  const due = new Set<{ at: number; callback: () => void }>()
  return {
    now: () => now,
    after(ms, callback) {
      const entry = { at: now + ms, callback }
      due.add(entry)
      return () => due.delete(entry)
    },
    advance(ms) {
      const until = now + ms
      for (;;) {
        const [next] = [...due].filter(({ at }) => at <= until).sort((one, other) => one.at - other.at)
        if (next === undefined) break
        due.delete(next)
        now = Math.max(now, next.at)
        next.callback()
      }
      now = until
    },
  }
}

export const head = (start: string, ...fields: string[]): string =>
  `${[start, ...fields].join('\r\n')}\r\n\r\n`
export const get = (target: string, ...fields: string[]): string =>
  head(`GET ${target} HTTP/1.1`, 'Host: a', ...fields)
export const post = (content: string): string =>
  head('POST / HTTP/1.1', 'Host: a', `Content-Length: ${content.length}`) + content
export const reply = (text: string, ...fields: string[]): string =>
  head('HTTP/1.1 200 OK', `Content-Length: ${text.length}`, ...fields) + text
export const busy: string = `${head('HTTP/1.1 503 Busy', 'Content-Length: 4')}busy`
