/** A strategy of one's own: node:http in front, requests of undici behind. */

import { Readable } from 'node:stream'
import type { GatewayOptions, HttpGateway } from '@relayrace/gateway'
import type { HttpExchange } from '@relayrace/gateway/strategy'
import { contentToSend, createTunnel, httpGateway, relay } from '@relayrace/gateway/strategy'
import { Agent } from 'undici'

export function createRequestProxy(options: GatewayOptions): HttpGateway {
  return httpGateway('request-proxy', options, (settings, places) => {
    const { pool, tls, lookup } = settings
    const agent = new Agent({
      // The clocks are the gateway's.
      ...{ headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: Math.min(pool.idleTimeout, 600_000) },
      connections: Number.isFinite(pool.connections) ? pool.connections : null,
      connect: { ...tls, ...(lookup && { lookup }), timeout: 0 },
    })
    const tunnel = createTunnel(settings, places)
    return {
      carry: (exchange) => (isBeyond(exchange) ? tunnel(exchange) : carry(exchange, agent)),
      tunnel,
      get pool() {
        const sum = (of: 'connected' | 'running' | 'pending'): number =>
          Object.values(agent.stats).reduce((all, origin) => all + Number(origin[of]), 0)
        return {
          connections: sum('connected'),
          idle: sum('connected') - sum('running'),
          waiting: sum('pending'),
        }
      },
      close: () => agent.destroy(),
    }
  })
}

async function carry(exchange: HttpExchange, agent: Agent): Promise<void> {
  const { out, endpoint, framing } = exchange
  const abort = new AbortController()
  exchange.onCancel((reason) => abort.abort(reason))
  exchange.connected()
  const answer = await agent.request({
    ...{ origin: endpoint.origin, method: out.method as never, path: out.path, signal: abort.signal },
    headers: [...out.fields].filter(([name]) => !ofTheClient.test(name)).flat(),
    body: framing.kind === 'none' ? null : Readable.from(contentToSend(exchange)),
    responseHeaders: 'raw',
    onInfo: ({ statusCode, headers }) => exchange.inform(statusCode, headers as never),
  })
  await exchange.respond(answer.statusCode, answer.statusText, answer.headers as never)
  await relay(exchange, answer.body)
}

/** What undici cannot do, `tunnel` asks by node:http. */
const isBeyond = ({ endpoint, out }: HttpExchange): boolean =>
  endpoint.socketPath !== undefined || out.path === '*' || out.fields.has('expect')

/** Fields that undici writes itself. */
const ofTheClient = /^(?:connection|keep-alive|transfer-encoding|upgrade)$/i
