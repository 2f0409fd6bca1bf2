/** A configuration, served: listens, is reloaded while it runs, tells how it does, and ends in order. */

import http, { type Server } from 'node:http'
import https from 'node:https'
import type {
  ExchangeSummary,
  Gateway,
  GatewayOptions,
  HttpGateway,
  Listener,
  ListenOptions,
} from '@relayrace/gateway'
import { CertificateFiles, type Strategy } from '@relayrace/gateway'
import { bind, secureServer } from '@relayrace/gateway/strategy'
import type { ProgramLine } from '@relayrace/programs'
import { compose, createRouter, type MountRoute, mount, type RouterOptions } from '@relayrace/router'
import { ConfigError, type Settled, type StrategyName } from './config.ts'
import { Middlewares } from './middleware.ts'
import { makers, optionsOf, Programs, routesOf, routesOfRouter, Sets } from './targets.ts'

export interface Serving extends AsyncDisposable {
  readonly url: URL
  readonly inFlight: number
  readonly pool: Gateway['pool'] | undefined
  readonly sets: Sets
  readonly programs: Programs
  /**
   * Has other routes and endpoints from now on; nothing that is under way is lost.
   * @returns what else has changed, which takes effect after a restart.
   * @throws TypeError, and then everything stays as it was.
   */
  reload(config: Settled): string[]
  close(grace?: number): Promise<void>
}

export interface ServeHooks {
  readonly onEnd?: (summary: ExchangeSummary) => void
  readonly log?: (error: unknown) => void
  /** A line of a program, or what became of it. Default: to standard output and error. */
  readonly programLine?: (line: ProgramLine) => void
}

/** What is made once, when it starts. */
const lasting = [
  'listen',
  'strategy',
  'timeouts',
  'limits',
  'pool',
  'tls',
  'forwarded',
  'preserveHost',
  'pseudonym',
  'workers',
  'admin',
  'log',
] as const

/** @throws ConfigError, TypeError, or what listening throws. */
export async function serve(config: Settled, hooks: ServeHooks = {}): Promise<Serving> {
  const sets = new Sets()
  sets.update(config.upstreams)
  const programs = new Programs(
    hooks.programLine ?? (({ program, text }) => console.error(`${program}: ${text}`)),
  )
  programs.update(config.programs)
  let middlewares = new Middlewares(config)
  const routes = routesOf(config, sets, programs, middlewares)
  const options = { ...optionsOf(config, sets, programs), ...(hooks.onEnd && { onEnd: hooks.onEnd }) }
  const { strategy = 'pipe-proxy' } = config
  const routing: Routing = {
    ...(hooks.log && { log: hooks.log }),
    // By the configuration of the moment: a reload may have put others in its place.
    middleware: [(exchange, next) => compose(middlewares.of(), next)(exchange)],
  }
  const closeParts = async (): Promise<void> => {
    middlewares.close()
    await Promise.all([...sets.all, ...programs.all].map((one) => one.close()))
  }
  const differs = (all: readonly MountRoute[]): boolean => all.some((route) => route.strategy !== undefined)
  const hasSeveral = differs(routes)
  const make = hasSeveral ? several : one
  const made = await make(strategy, routes, options, config, routing).catch(async (error) => {
    await closeParts()
    throw error
  })
  let current = config

  const close = async (grace?: number): Promise<void> => {
    await made.close(grace)
    await closeParts()
  }

  return {
    url: made.url,
    get inFlight() {
      return made.inFlight
    },
    get pool() {
      return made.pool
    },
    sets,
    programs,
    reload(next) {
      const restart = lasting.filter((key) => JSON.stringify(next[key]) !== JSON.stringify(current[key]))
      const hadSets = sets.all.length > 0
      if (!hadSets && Object.keys(next.upstreams ?? {}).length > 0)
        throw new TypeError('The first of upstreams needs a restart')
      if (programs.all.length === 0 && Object.keys(next.programs ?? {}).length > 0)
        throw new TypeError('The first of programs needs a restart')
      // Checked as a whole before anything changes.
      const trial = new Sets()
      trial.update(next.upstreams)
      const others = new Middlewares(next, middlewares)
      try {
        const tried = routesOf(next, trial, programs, others)
        createRouter(routesOfRouter(tried))
        if (hasSeveral) refuseDuplex(strategy, tried)
        else if (differs(tried))
          throw new TypeError('The first route with a strategy of its own needs a restart')
        programs.update(next.programs)
      } catch (error) {
        others.close(middlewares)
        throw error
      } finally {
        for (const set of trial.all) void set.close()
      }
      sets.update(next.upstreams)
      made.replace(routesOf(next, sets, programs, others))
      middlewares.close(others)
      middlewares = others
      current = { ...next, ...Object.fromEntries(lasting.map((key) => [key, current[key]])) }
      return restart
    },
    close,
    [Symbol.asyncDispose]: () => close(),
  }
}

interface Made {
  readonly url: URL
  readonly inFlight: number
  readonly pool: Gateway['pool'] | undefined
  replace(routes: readonly MountRoute[]): void
  close(grace?: number): Promise<void>
}

type Options = Omit<GatewayOptions, 'upstream'>
type Routing = Pick<RouterOptions, 'middleware'> & Pick<ServeHooks, 'log'>

/** One strategy for all routes: its own listener, HTTP/2 included where it speaks that. */
async function one(
  strategy: StrategyName,
  routes: readonly MountRoute[],
  options: Options,
  { listen }: Settled,
  routing: Routing,
): Promise<Made> {
  const router = createRouter(routes, routing)
  const gateway = makers[strategy]({ ...options, upstream: router.upstream })
  const files = certificates(listen?.tls)
  const listener = await gateway.listen({ ...where(listen), ...(files && { tls: files.tls }) })
  const stopWatching = keepFresh(files, listener, routing)
  return {
    url: listener.url,
    get inFlight() {
      return gateway.inFlight
    },
    get pool() {
      return gateway.pool
    },
    replace: (next) => router.replace(next),
    close(grace) {
      stopWatching()
      return gateway.close(grace)
    },
  }
}

/** A strategy for each route: one server of node:http before all of them, without HTTP/2. */
async function several(
  strategy: StrategyName,
  routes: readonly MountRoute[],
  options: Options,
  { listen }: Settled,
  routing: Routing,
): Promise<Made> {
  refuseDuplex(strategy, routes)
  const mounted = mount(routes, {
    ...routing,
    strategy: makers[strategy] as Strategy<HttpGateway>,
    gateway: options,
  })
  const files = certificates(listen?.tls)
  const server = listening(
    files === undefined
      ? http.createServer(plain)
      : https.createServer({ ...plain, ...secureServer(files.tls) }),
    mounted,
  )
  const listener = await bind(server, { ...where(listen), ...(files && { tls: files.tls }) })
  const stopWatching = keepFresh(files, listener, routing)
  return {
    url: listener.url,
    get inFlight() {
      return mounted.inFlight
    },
    pool: undefined,
    replace: (next) => mounted.replace(next),
    async close(grace) {
      stopWatching()
      const stopped = new Promise((resolve) => server.close(resolve))
      server.closeIdleConnections()
      await mounted.close(grace)
      server.closeAllConnections()
      await stopped
    },
  }
}

/** The clocks are the gateway's: Node's would end long uploads. */
const plain: http.ServerOptions = { requestTimeout: 0, noDelay: true, keepAliveTimeout: 65_000 }

function listening(server: Server, { handle, upgrade }: Pick<HttpGateway, 'handle' | 'upgrade'>): Server {
  for (const event of ['request', 'checkContinue', 'checkExpectation']) server.on(event, handle)
  return server.on('upgrade', upgrade)
}

/** @throws ConfigError */
export function refuseDuplex(strategy: StrategyName, routes: readonly MountRoute[]): void {
  const duplex = makers['duplex-server'] as unknown
  if (strategy === 'duplex-server' || routes.some((route) => route.strategy === duplex))
    throw new ConfigError(
      'duplex-server reads the socket itself and cannot stand beside others: serve it in a process of its own, and route to that',
    )
}

/** Shows other certificates when the files change; broken ones change nothing, and that is said. @returns how to stop. */
function keepFresh(files: CertificateFiles | undefined, listener: Listener, { log }: Routing): () => void {
  if (files === undefined) return () => {}
  files.serve(listener)
  return files.watch((error) => error && log?.(new Error(`certificates not changed: ${error.message}`)))
}

export function certificates(tls: NonNullable<Settled['listen']>['tls']): CertificateFiles | undefined {
  if (tls === undefined) return undefined
  const { cert, key, sni = {} } = tls
  return new CertificateFiles({ cert, key }, new Map(Object.entries(sni)))
}

function where(listen: Settled['listen'] = {}): Pick<ListenOptions, 'port' | 'host' | 'path'> {
  const { port = 8080, host = '127.0.0.1', socket } = listen
  return socket === undefined ? { port, host } : { path: socket }
}
