/** The pipe proxy: a node:http server and a node:http client with a pipe between them. */

import type { IncomingMessage } from 'node:http'
import {
  type Agents,
  createAgents,
  createTunnel,
  type GatewayOptions,
  giveUpRequest,
  type HttpExchange,
  type HttpGateway,
  httpGateway,
  mayRepeat,
  openRequest,
  responseTo,
} from '@relayrace/gateway'

/** Relays with `node:http` and `stream.pipeline`. @throws TypeError when an option makes no sense. */
export function createPipeProxy(options: GatewayOptions): HttpGateway {
  return httpGateway('pipe-proxy', options, (settings) => {
    const agents = createAgents(settings)
    return {
      carry: (exchange) => carry(exchange, agents),
      tunnel: createTunnel(settings),
      get pool() {
        return agents.pool
      },
      close: agents.close,
    }
  })
}

async function carry(exchange: HttpExchange, agents: Agents): Promise<void> {
  const answer = await ask(exchange, agents)
  await exchange.respond(answer.statusCode as number, answer.statusMessage as string, answer.rawHeaders)
  await exchange.relay(answer)
}

async function ask(exchange: HttpExchange, agents: Agents): Promise<IncomingMessage> {
  const request = openRequest(
    exchange,
    exchange.out.fields.raw,
    exchange.endpoint.secure ? agents.https : agents.http,
  )
  let answer: IncomingMessage | undefined
  exchange.onCancel(() => giveUpRequest(request, answer, exchange))
  exchange.pump(request)
  try {
    answer = await responseTo(request, exchange)
    return answer
  } catch (error) {
    if (mayRepeat(request, exchange)) return ask(exchange, agents)
    throw error
  }
}
