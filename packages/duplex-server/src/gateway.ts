/** The gateway on raw sockets: accepts connections, answers each request by an exchange with the upstream. */

import { GatewayError, type GatewayOptions, type SocketGateway } from '@relayrace/gateway'
import { InFlight, resolveSettings } from '@relayrace/gateway/strategy'
import { type Front, SocketExchange } from './exchange.ts'
import { Pool } from './pool.ts'
import { serve } from './serve.ts'
import { Sweep } from './sweep.ts'

/** Relays HTTP/1.1 on `node:net`, without `node:http`. @throws TypeError when an option makes no sense. */
export function createDuplexGateway(options: GatewayOptions): SocketGateway {
  const settings = resolveSettings('duplex-server', options)
  const { timeouts, limits } = settings
  const sweep = new Sweep([...Object.values(timeouts), settings.pool.idleTimeout])
  const pool = new Pool(settings, sweep)
  const inFlight = new InFlight<SocketExchange>()

  const front: Front = {
    settings,
    pool,
    sweep,
    ended(exchange) {
      inFlight.delete(exchange)
    },
  }

  const { accept, listen, close } = serve({
    timeouts,
    limits,
    sweep,
    inFlight,
    answer(line, content, response, connection) {
      const exchange = new SocketExchange(front, connection, line, content, response)
      inFlight.add(exchange)
      if (inFlight.size > limits.exchanges) {
        exchange.fail(new GatewayError('connection_limit_reached', { phase: 'requestHead' }))
      } else {
        exchange.start()
      }
    },
    ended: () => pool.close(),
  })

  return {
    name: settings.name,
    get inFlight() {
      return inFlight.size
    },
    get pool() {
      return { connections: pool.size, idle: pool.idleSize, waiting: pool.waiting }
    },
    accept,
    listen,
    close,
    [Symbol.asyncDispose]: () => close(),
  }
}
