/** A configuration, served: listens, is reloaded while it runs, tells how it does, and ends in order. */

import { once } from 'node:events'
import http, { type Server } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { CertificateFiles, type Strategy } from '@relayrace/gateway'
import type {
  ExchangeSummary,
  Gateway,
  GatewayOptions,
  HttpGateway,
  ListenOptions,
} from '@relayrace/gateway/contract'
import type { ProgramLine } from '@relayrace/programs'
import { compose, createRouter, type MountRoute, mount, type RouterOptions } from '@relayrace/router'
import { ConfigError, type Settled, type StrategyName } from './config.ts'
import { middlewareOf } from './middleware.ts'
import { makers, optionsOf, Programs, routesOf, Sets } from './targets.ts'

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
  const routes = routesOf(config, sets, programs)
  let middleware = (config.middleware ?? []).map(middlewareOf)
  const options = { ...optionsOf(config, sets, programs), ...(hooks.onEnd && { onEnd: hooks.onEnd }) }
  const { strategy = 'pipe-proxy' } = config
  const routing: Routing = {
    ...(hooks.log && { log: hooks.log }),
    // By the configuration of the moment: a reload may have put others in its place.
    middleware: [(exchange, next) => compose(middleware, next)(exchange)],
  }
  const made = routes.some((route) => route.strategy !== undefined)
    ? await several(strategy, routes, options, config, routing)
    : await one(strategy, routes, options, config, routing)
  let current = config

  const close = async (grace?: number): Promise<void> => {
    await made.close(grace)
    await Promise.all([...sets.all, ...programs.all].map((one) => one.close()))
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
      createRouter(routesOf(next, trial, programs).map(({ strategy: _, ...route }) => route))
      for (const set of trial.all) void set.close()
      const others = (next.middleware ?? []).map(middlewareOf)
      sets.update(next.upstreams)
      programs.update(next.programs)
      middleware = others
      made.replace(routesOf(next, sets, programs))
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
type Routing = Pick<RouterOptions, 'log' | 'middleware'>

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
  if (files !== undefined) {
    files.serve(listener)
    files.watch(() => {})
  }
  return {
    url: listener.url,
    get inFlight() {
      return gateway.inFlight
    },
    get pool() {
      return gateway.pool
    },
    replace(next) {
      if (next.some((route) => route.strategy !== undefined))
        throw new TypeError('The first route with a strategy of its own needs a restart')
      router.replace(next)
    },
    close: (grace) => gateway.close(grace),
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
  if (
    strategy === 'duplex-server' ||
    routes.some((route) => route.strategy === (makers['duplex-server'] as never))
  )
    throw new ConfigError(
      'duplex-server reads the socket itself and cannot stand beside others: serve it in a process of its own, and route to that',
    )
  const mounted = mount(routes, {
    ...routing,
    strategy: makers[strategy] as Strategy<HttpGateway>,
    gateway: options,
  })
  const files = certificates(listen?.tls)
  const server = listening(
    files === undefined ? http.createServer(plain) : https.createServer({ ...plain, ...files.tls }),
    mounted,
  )
  const { port = 0, host = '127.0.0.1', path } = where(listen)
  server.listen(path === undefined ? { port, host } : { path })
  await once(server, 'listening')
  return {
    url: urlOf(server, files !== undefined),
    get inFlight() {
      return mounted.inFlight
    },
    pool: undefined,
    replace: (next) => mounted.replace(next),
    async close(grace) {
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

function urlOf(server: Server, secure: boolean): URL {
  const address = server.address() as AddressInfo | string
  const scheme = secure ? 'https' : 'http'
  if (typeof address === 'string') return new URL(`${scheme}+unix://${encodeURIComponent(address)}/`)
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return new URL(`${scheme}://${host}:${address.port}/`)
}

function certificates(tls: NonNullable<Settled['listen']>['tls']): CertificateFiles | undefined {
  if (tls === undefined) return undefined
  const { cert, key, sni = {} } = tls
  return new CertificateFiles({ cert, key }, new Map(Object.entries(sni)))
}

function where(listen: Settled['listen'] = {}): Pick<ListenOptions, 'port' | 'host' | 'path'> {
  const { port = 8080, host = '127.0.0.1', socket } = listen
  return socket === undefined ? { port, host } : { path: socket }
}
