/**
 * Two gateways of one strategy in a process of their own: `node --expose-gc gateway.ts NAME UPSTREAM CERT KEY`. One is
 * bare, the other has hooks that do what a target says. Says where they listen, then answers `look` with what it holds.
 */

import { subscribe } from 'node:diagnostics_channel'
import { type Held, held } from '@relayrace/fixtures/held'
import type { Exchange, Gateway, GatewayOptions } from '@relayrace/gateway'
import { strategies } from '@relayrace/strategies'

/** By the protocol that a client speaks there. */
export interface Ports {
  readonly bare: { readonly 'HTTP/1.1': number; readonly TLS: number }
  readonly hooked: { readonly 'HTTP/1.1': number; readonly TLS: number }
}

export interface State extends Held {
  readonly begun: number
  readonly ended: number
  readonly inFlight: number
  /** What some of those that have not ended ask for. */
  readonly underWay: readonly string[]
  /** To the upstream, idle ones too. */
  readonly connections: number
  /** Exchanges that were told to have ended more than once. */
  readonly endedAgain: number
  /** Of Node. What gateways say of hooks that have failed is none of it. */
  readonly warnings: readonly string[]
}

const [name = '', upstream = '', cert = '', key = ''] = process.argv.slice(2)
const [, create] = strategies.find(([one]) => one === name) as (typeof strategies)[number]
let begun = 0
let ended = 0
let endedAgain = 0
const over = new WeakSet<Exchange>()
const underWay = new Set<Exchange>()
const warnings: string[] = []

subscribe('relayrace:exchange:start', (message) => {
  underWay.add((message as { exchange: Exchange }).exchange)
  begun++
})
subscribe('relayrace:exchange:end', (message) => {
  const { exchange } = message as { exchange: Exchange }
  if (over.has(exchange)) endedAgain++
  over.add(exchange)
  underWay.delete(exchange)
  ended++
})
process.on('warning', (warning) => {
  if (warning.name !== 'RelayraceWarning') warnings.push(warning.message)
})

const options: GatewayOptions = {
  upstream,
  // Some visits wait for their end. All others must come to theirs long before, even on a busy machine.
  timeouts: {
    requestHead: 5_000,
    idle: 2_000,
    requestBody: 5_000,
    responseHead: 15_000,
    responseBody: 5_000,
    drain: 5_000,
    tunnel: 5_000,
    total: 20_000,
  },
  // None is kept for so long that it would be there still when all are counted.
  pool: { idleTimeout: 500 },
}

const faults: Readonly<Record<string, () => unknown>> = {
  throws() {
    throw new Error('a hook has failed\n')
  },
  rejects: async () => faults.throws?.(),
  never: () => new Promise(() => {}),
  nonsense: () => 42,
  late: () => new Promise((resolve) => setTimeout(resolve, 20)),
}

/** A target such as `/hook/rewrite/throws` names what goes wrong, and where. */
const at = (hook: string, { request }: Exchange): unknown => {
  const [, first, where, fault = ''] = request.target.split('/')
  return first === 'hook' && where === hook ? faults[fault]?.() : undefined
}

const hooks: GatewayOptions = {
  ...options,
  upstream: async (exchange) => ((await at('upstream', exchange)) ?? upstream) as string,
  rewrite: (_, exchange) => at('rewrite', exchange) as undefined,
  modifyResponse: (_, exchange) => at('modifyResponse', exchange) as undefined,
  async transport(exchange, next) {
    await at('transport', exchange)
    await next()
  },
  onError: (_, exchange) => at('onError', exchange) as undefined,
  onEnd: ({ target }) => {
    if (target === '/hook/onEnd/throws') faults.throws?.()
  },
}

const gateways = {
  bare: create(options),
  hooked: create(hooks),
}

async function portsOf(gateway: Gateway): Promise<Ports['bare']> {
  const plain = await gateway.listen()
  const secure = await gateway.listen({ tls: { cert, key } })
  return { 'HTTP/1.1': Number(plain.url.port), TLS: Number(secure.url.port) }
}

process.on('message', async (asked) => {
  if (asked === 'close') {
    await Promise.all(Object.values(gateways).map((gateway) => gateway.close(1_000)))
    process.send?.('closed')
    return
  }
  const state: State = {
    ...(await held()),
    begun,
    ended,
    endedAgain,
    inFlight: gateways.bare.inFlight + gateways.hooked.inFlight,
    underWay: [...underWay]
      .slice(0, 5)
      .map(({ request: { method, target, version } }) => `${method} ${target} HTTP/${version}`),
    connections: gateways.bare.pool.connections + gateways.hooked.pool.connections,
    warnings,
  }
  process.send?.(state)
})
process.on('disconnect', () => process.exit())
process.send?.({ bare: await portsOf(gateways.bare), hooked: await portsOf(gateways.hooked) } satisfies Ports)
