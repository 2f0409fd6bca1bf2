/** A gateway of one strategy between a scripted origin and a raw client. */

import { type Client, connect, type Origin, startOrigin } from '@relayrace/fixtures/wire'
import type { ExchangeSummary, Gateway, GatewayOptions, Strategy } from '@relayrace/gateway'
import { onTestFinished } from 'vitest'

export interface Stage {
  readonly origin: Origin
  readonly gateway: Gateway
  readonly client: Client
  readonly url: URL
  /** Of the exchanges that have ended, in that order. */
  readonly summaries: readonly ExchangeSummary[]
  /** The summary of the nth exchange, once it has ended. */
  ended(nth?: number): Promise<ExchangeSummary>
}

/** @returns what makes such a stage, which goes with the test. */
export function stageFor(
  create: Strategy,
): (options?: Partial<GatewayOptions>, tls?: { cert: string; key: string }) => Promise<Stage> {
  return async (options: Partial<GatewayOptions> = {}, tls?: { cert: string; key: string }) => {
    const origin = await startOrigin(tls === undefined ? {} : { tls })
    onTestFinished(() => origin[Symbol.asyncDispose]())
    const summaries: ExchangeSummary[] = []
    let changed = Promise.withResolvers<void>()
    const gateway = create({
      upstream: origin.url,
      ...options,
      onEnd(summary) {
        summaries.push(summary)
        changed.resolve()
        changed = Promise.withResolvers()
      },
    })
    onTestFinished(() => gateway.close(0))
    const { url } = await gateway.listen()
    const client = await connect(url)
    onTestFinished(() => client.close())
    return {
      origin,
      gateway,
      client,
      url,
      summaries,
      async ended(nth = 1) {
        while (summaries.length < nth) await changed.promise
        return summaries[nth - 1] as ExchangeSummary
      },
    }
  }
}

export const head = (start: string, ...fields: string[]): string =>
  `${[start, ...fields].join('\r\n')}\r\n\r\n`
export const get = (target: string, ...fields: string[]): string =>
  head(`GET ${target} HTTP/1.1`, 'Host: a', ...fields)
export const reply = (text: string, ...fields: string[]): string =>
  head('HTTP/1.1 200 OK', `Content-Length: ${text.length}`, ...fields) + text
