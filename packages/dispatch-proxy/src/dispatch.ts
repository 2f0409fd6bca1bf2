/** The dispatch proxy: a node:http server, undici's dispatcher, and a dispatch handler between them. */

import type { GatewayOptions, HttpGateway } from '@relayrace/gateway'
import { createTunnel, httpGateway } from '@relayrace/gateway/strategy'
import { Dispatcher } from 'undici'
import { type Ask, type Asking, carry } from './asking.ts'
import { type Connections, createConnections } from './connections.ts'
import { isBeyondClient } from './request.ts'

export interface DispatchOptions extends GatewayOptions {
  /**
   * What stands around the gateway's own dispatcher: `(ours) => ours.compose(interceptors.dump())`. It is called once. Left
   * out, the gateway's own is asked directly. Upgrades, `Expect` and `OPTIONS *` do not go through it.
   */
  readonly dispatcher?: (ours: Dispatcher) => Dispatcher
}

/** Relays with undici's dispatcher. @throws TypeError when an option makes no sense. */
export function createDispatchProxy(options: DispatchOptions): HttpGateway {
  const { dispatcher, ...contract } = options ?? {}
  if (dispatcher !== undefined && typeof dispatcher !== 'function')
    throw new TypeError(
      'dispatcher has to be a function from a Dispatcher of undici to another one: (ours) => ours.compose(…)',
    )
  return httpGateway('dispatch-proxy', contract as GatewayOptions, (settings, places) => {
    const connections = createConnections(settings, places)
    const tunnel = createTunnel(settings, places)
    const ask = dispatcher === undefined ? directly(connections) : through(dispatcher, connections)
    return {
      carry(exchange) {
        const beyond = isBeyondClient(exchange)
        if (beyond === false) return carry(exchange, ask)
        if (beyond === true) return tunnel(exchange)
        return beyond.then((so) => (so ? tunnel(exchange) : carry(exchange, ask)))
      },
      tunnel,
      get pool() {
        return connections.pool
      },
      close: connections.close,
    }
  })
}

function directly(connections: Connections): Ask {
  return {
    connections,
    composed: false,
    dispatch(options, asking) {
      asking.holds(connections.ask(asking.exchange, asking.fresh, options, asking))
    },
  }
}

/** By which request it was begun, whatever interceptors make of its options. */
const asking = Symbol('asking')

function through(compose: (ours: Dispatcher) => Dispatcher, connections: Connections): Ask {
  const composed = compose(new Own(connections))
  if (typeof composed?.dispatch !== 'function')
    throw new TypeError(
      'dispatcher has to return a Dispatcher of undici: the one that it was given, or that with interceptors',
    )
  return {
    connections,
    composed: true,
    dispatch(options, mine) {
      composed.dispatch({ ...options, [asking]: mine } as Dispatcher.DispatchOptions, mine)
    },
  }
}

/** What interceptors stand around: the gateway's connections, for the requests that it has begun. */
class Own extends Dispatcher {
  readonly #connections: Connections

  constructor(connections: Connections) {
    super()
    this.#connections = connections
  }

  override dispatch(options: Begun, handler: Dispatcher.DispatchHandler): boolean {
    const mine = options[asking]
    if (mine === undefined)
      return refuse(
        handler,
        'An interceptor has asked for something without the options it was given: pass on { ...options }',
      )
    // Nobody would end the first one, and the exchange has room for one connection.
    if (mine.watched?.isOver === false)
      return refuse(handler, 'An interceptor has asked again before the first answer has come to an end')
    const { exchange, fresh } = mine
    const { endpoint } = exchange
    const origin = String(options.origin)
    const to = origin === endpoint.origin ? endpoint : { origin, socketPath: undefined }
    const watched = this.#connections.watched(handler, options.method)
    mine.watched = watched
    const use = this.#connections.ask(exchange, fresh, options, watched, to)
    mine.holds(use)
    if (watched.refused) use.giveUp(true)
    return true
  }
}

function refuse(handler: Dispatcher.DispatchHandler, why: string): true {
  handler.onResponseError?.(undefined as never, new TypeError(why))
  return true
}

type Begun = Dispatcher.DispatchOptions & { readonly [asking]?: Asking }
