/** The pipe proxy: a node:http server and a node:http client with a pipe between them. */

import type { GatewayOptions, HttpGateway } from '@relayrace/gateway'
import {
  type Agents,
  ask,
  createAgents,
  createTunnel,
  type HttpExchange,
  httpGateway,
  openRequest,
  relay,
} from '@relayrace/gateway/strategy'

/** Relays with `node:http` and `stream.pipeline`. @throws TypeError when an option makes no sense. */
export function createPipeProxy(options: GatewayOptions): HttpGateway {
  return httpGateway('pipe-proxy', options, (settings, places) => {
    const agents = createAgents(settings, places)
    return {
      carry: (exchange) => carry(exchange, agents),
      tunnel: createTunnel(settings, places),
      get pool() {
        return agents.pool
      },
      close: agents.close,
    }
  })
}

async function carry(exchange: HttpExchange, agents: Agents): Promise<void> {
  const answer = await ask(exchange, (fresh) =>
    openRequest(exchange, exchange.out.fields.raw, agents.for(exchange, fresh)),
  )
  await exchange.respond(answer.statusCode as number, answer.statusMessage as string, answer.rawHeaders)
  await relay(exchange, answer)
}
