/** The reverse proxy: http-proxy-3 asks the upstream, the gateway around it sees to everything else. */

import type { Agent, ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import type { Stream } from 'node:stream'
import type { GatewayOptions, HttpGateway } from '@relayrace/gateway'
import {
  type Agents,
  ask,
  createAgents,
  createTunnel,
  type Dialling,
  type HttpExchange,
  httpGateway,
  type Joined,
  relay,
  servername,
  tlsToward,
} from '@relayrace/gateway/strategy'
import { createProxyServer, type ProxyServer, type ServerOptions } from 'http-proxy-3'

/** Relays with `http-proxy-3`. @throws TypeError when an option makes no sense. */
export function createReverseProxy(options: GatewayOptions): HttpGateway {
  return reverseGateway('reverse-proxy', options)
}

/** What may stand between the steps of an exchange. */
export interface Steps {
  readonly dialling?: Dialling
  /** Makes the request with `open`, and may add to it. */
  readonly asking?: (exchange: HttpExchange, open: () => ClientRequest) => ClientRequest
  /** Told of the answer before its head is written. Who takes the response over says when it is done with it. */
  readonly answered?: (exchange: HttpExchange, answer: IncomingMessage) => Promise<void> | undefined
  readonly joined?: Joined
}

export function reverseGateway(name: string, options: GatewayOptions, steps: Steps = {}): HttpGateway {
  return httpGateway(name, options, (settings, places) => {
    const agents = createAgents(settings, places, steps.dialling)
    const proxy = createProxyServer({
      selfHandleResponse: true,
      ignorePath: true,
      toProxy: true,
      prependPath: false,
    })
    return {
      carry: (exchange) => carry(exchange, proxy, agents, steps),
      // Not the library's `ws`: it destroys the socket of every upgrade that is not to WebSocket.
      tunnel: createTunnel(settings, places, steps.dialling, steps.joined),
      get pool() {
        return agents.pool
      },
      close: agents.close,
    }
  })
}

async function carry(
  exchange: HttpExchange,
  proxy: ProxyServer,
  agents: Agents,
  { asking, answered }: Steps,
): Promise<void> {
  const answer = await ask(exchange, (fresh) => {
    const open = (): ClientRequest => openThrough(proxy, exchange, agents.for(exchange, fresh))
    return asking === undefined ? open() : asking(exchange, open)
  })
  const taken = answered?.(exchange, answer)
  if (taken !== undefined) return taken
  await exchange.respond(answer.statusCode as number, answer.statusMessage as string, answer.rawHeaders)
  await relay(exchange, answer)
}

/** Has the library open the request. */
function openThrough(proxy: ProxyServer, exchange: HttpExchange, agent: Agent): ClientRequest {
  const { incoming, out } = exchange
  // As a type of its own, because the compiler does not see that the library calls back.
  let request = undefined as ClientRequest | undefined
  const asked = new Asked(exchange)
  const options: ServerOptions = {
    target: asked,
    ssl: asked,
    agent,
    method: out.method,
    // All the library does with its body stream is to pipe it to the request. It is the one place where it shows the
    // request, and where `pump` takes over with its clocks, its limits and its trailers.
    buffer: {
      pipe(opened: ClientRequest) {
        request = opened
      },
    } as unknown as Stream,
  }
  // With a callback it reports errors there instead of throwing them. `ask` hears of them from the request.
  proxy.web(new Blank(incoming) as unknown as IncomingMessage, unseen, options, ignore)
  if (request === undefined) throw new TypeError('http-proxy-3 has opened no request')
  return request
}

const ignore = (): void => {}

/** What it is told of the response: that it has ended. It would leave a listener on it each time that it asks. */
const unseen = { headersSent: true, finished: true, on: ignore } as unknown as ServerResponse

/**
 * What the library is told of the client's request: nothing. It would resolve dot segments, drop an empty query, send
 * hop-by-hop fields on, merge repeats, and take the framing off DELETE and OPTIONS, whose body then reads as another
 * request (CVE-2026-29057).
 */
class Blank {
  readonly method = 'GET'
  readonly url = '/'
  readonly headers = {}
  readonly httpVersionMajor = 1
  readonly socket: IncomingMessage['socket']

  constructor({ socket }: IncomingMessage) {
    this.socket = socket
  }

  /** Its failure is the exchange's affair. */
  on(): this {
    return this
  }
}

/**
 * The library's target, and the object on which it builds the options of `http.request`. When it has written over them
 * with what it makes of the request's head, the last thing it asks for is the target's `href`: then target and field
 * lines are put in the way the exchange has them.
 */
class Asked {
  readonly host: string
  readonly port: number
  readonly socketPath: string | undefined
  readonly maxHeaderSize: number
  readonly servername: string
  declare readonly endpoint?: HttpExchange['endpoint']
  path = ''
  headers: readonly string[] = []
  readonly #out: HttpExchange['out']
  readonly #secure: boolean

  constructor({ out, endpoint, settings }: HttpExchange) {
    this.#out = out
    this.#secure = endpoint.secure
    this.host = endpoint.hostname
    this.port = endpoint.port
    this.socketPath = endpoint.socketPath
    this.maxHeaderSize = settings.limits.responseHead
    this.servername = endpoint.secure ? servername(tlsToward(endpoint, settings), endpoint.hostname) : ''
    if (endpoint.tls !== undefined) this.endpoint = endpoint
  }

  get protocol(): string {
    return this.#secure ? 'https:' : 'http:'
  }

  get href(): string {
    this.path = this.#out.path
    this.headers = this.#out.fields.raw
    return this.protocol
  }
}

/** What the library sets beside that comes to nothing, and Node would copy it three times for each request. */
const unused = [
  'hostname',
  'pfx',
  'key',
  'passphrase',
  'cert',
  'ca',
  'ciphers',
  'secureProtocol',
  'localAddress',
  'url',
]

for (const name of unused) Object.defineProperty(Asked.prototype, name, { get: ignore, set: ignore })
