/** The fetch proxy: `fetch` asks the upstream, a reader takes the response body off its WHATWG stream. */

import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  type Connections,
  createConnections,
  isBeyondClient,
  wentStale,
} from '@relayrace/dispatch-proxy/client'
import { type FetchGateway, Fields, type GatewayOptions, type UpstreamTls } from '@relayrace/gateway'
import {
  bindsConnection,
  createTunnel,
  endpointOf,
  type Holding,
  type HttpExchange,
  httpGateway,
  mayRepeat,
  type Places,
  relayFrom,
  type Taker,
  upstreamFailure,
  withTls,
} from '@relayrace/gateway/strategy'
import { type Dispatcher, fetch, type RequestInit, type Response } from 'undici'
import { Asking } from './asking.ts'
import { createFetchHandler, type FetchHandler } from './fetch.ts'

/** Relays with `fetch`. @throws TypeError when an option makes no sense. */
export function createFetchProxy(options: GatewayOptions): FetchGateway {
  let handler!: FetchHandler
  const gateway = httpGateway('fetch-proxy', options, (settings, places) => {
    const connections = createConnections(settings, places)
    const tunnel = createTunnel(settings, places)
    handler = createFetchHandler({
      ...options,
      pseudonym: settings.pseudonym,
      fetch: fetchOver(connections, places),
    })
    return {
      async carry(exchange) {
        if (await isBeyondClient(exchange)) await tunnel(exchange)
        else await carry(exchange, connections)
      },
      tunnel,
      get pool() {
        return connections.pool
      },
      async close() {
        await handler.close()
        await connections.close()
      },
    }
  })
  let closed: Promise<void> | undefined
  const close = (grace?: number): Promise<void> => {
    closed ??= Promise.all([handler.close(grace), gateway.close(grace)]).then(() => {})
    return closed
  }
  return {
    name: gateway.name,
    get inFlight() {
      return gateway.inFlight + handler.inFlight
    },
    get pool() {
      return gateway.pool
    },
    handle: gateway.handle,
    upgrade: gateway.upgrade,
    fetch: handler.fetch,
    listen: gateway.listen,
    close,
    [Symbol.asyncDispose]: () => close(),
  }
}

/** What it is asked with. */
interface Asked {
  readonly signal: AbortSignal
  /** Of a route. */
  readonly tls?: UpstreamTls
}

/** The same function as the platform's, but for its connections. */
function fetchOver(connections: Connections, places: Places): typeof globalThis.fetch {
  async function ask(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
    { signal, tls }: Asked,
  ): Promise<void> {
    // Whose connection a `Request` came on nobody knows: where it logs in with its own, that is nobody's afterwards.
    const fields = new Fields(Object.entries((options.headers ?? {}) as Record<string, string>).flat())
    const asked = bindsConnection(fields) ? { ...options, reset: true } : options
    const holder = new Holder(signal)
    await places.take(holder)
    try {
      signal.throwIfAborted()
      const use = connections.askFor(withTls(endpointOf(options.origin as string), tls), asked, handler)
      holder.holding = use
      signal.addEventListener('abort', () => use.giveUp())
    } finally {
      places.free(holder)
    }
  }

  return ((input: string, init: RequestInit & Asked) => {
    const dispatcher = {
      dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
        ask(options, handler, init).catch((cause) => handler.onResponseError?.(null as never, cause))
        return true
      },
    }
    return fetch(input, { ...init, dispatcher: dispatcher as Dispatcher })
  }) as never
}

/** Who asks by `fetch`: its clocks are the platform's, and nobody knows its client. */
class Holder implements Taker {
  holding: Holding | undefined
  readonly #signal: AbortSignal

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  enter(): void {}

  onCancel(cancel: (reason: Error) => void): void {
    this.#signal.addEventListener('abort', () => cancel(this.#signal.reason))
  }
}

async function carry(exchange: HttpExchange, connections: Connections): Promise<void> {
  const { asking, response } = await ask(exchange, connections)
  await exchange.respond(asking.status, asking.statusText, asking.receivedHeaders)
  await relayFrom(exchange, response.body, asking)
  asking.forget()
}

interface Answer {
  readonly asking: Asking
  readonly response: Response
}

/** @param again Once more, on a new connection: others of the pool may be as stale. */
async function ask(exchange: HttpExchange, connections: Connections, again = false): Promise<Answer> {
  const asking = new Asking(exchange, connections, again)
  let response: Response | undefined
  exchange.onCancel((reason) => giveUp(asking, exchange.answerRefused ? response : undefined, reason))
  try {
    response = await fetch(anywhere, { dispatcher: asking as unknown as Dispatcher })
    return { asking, response }
  } catch (cause) {
    if (!again && (mayRepeat(asking, exchange) || wentStale(asking, exchange, cause)))
      return ask(exchange, connections, true)
    throw upstreamFailure(cause, asking.sent ? exchange.phase : 'connect')
  }
}

/** If all of an answer that was refused has come, its connection is free when it has been read. */
async function giveUp(asking: Asking, refused: Response | undefined, reason: Error): Promise<void> {
  if (refused?.body?.locked !== false || !asking.isWhole) {
    asking.abort(reason)
    return
  }
  asking.wanted()
  await refused.arrayBuffer().catch(() => {})
  // The pool hears of it a little later than the reader.
  await nextTurn()
}

/** The dispatcher knows where to. What `fetch` is told here it would parse, normalise and check for forbidden ports. */
const anywhere = 'http://upstream.invalid/'
