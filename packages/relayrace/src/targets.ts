/** From a configuration to what a gateway is given: where requests go, and how. */

import { readFileSync } from 'node:fs'
import { createDispatchProxy } from '@relayrace/dispatch-proxy'
import { createDuplexGateway } from '@relayrace/duplex-server'
import { createFetchProxy } from '@relayrace/fetch-proxy'
import type { GatewayOptions, HttpGateway, Reply, Strategy, Upstream, UpstreamTls } from '@relayrace/gateway'
import { rewriteFor } from '@relayrace/gateway/strategy'
import { createPipeProxy } from '@relayrace/pipe-proxy'
import { askAgain, type Program, type ProgramLine, type ProgramOptions, program } from '@relayrace/programs'
import { createReverseProxy } from '@relayrace/reverse-proxy'
import type { MountRoute, RouterRoute } from '@relayrace/router'
import {
  byAddress,
  byCookie,
  byField,
  createUpstreams,
  type Entry,
  hashed,
  leastInFlight,
  type Policy,
  roundRobin,
  twoChoices,
  type Upstreams,
} from '@relayrace/upstreams'
import { isUrl, originOf, type PolicyConfig, type Settled, type StrategyName } from './config.ts'
import type { Middlewares } from './middleware.ts'

interface Made<T> {
  readonly it: T
  readonly said: string
}

/** What is made of a part of a configuration, by name: as long as it says the same of it, it stays. */
class Kept<T extends { close(): unknown }> {
  #made = new Map<string, Made<T>>()

  get all(): T[] {
    return [...this.#made.values()].map(({ it }) => it)
  }

  get(name: string): T | undefined {
    return this.#made.get(name)?.it
  }

  /** Closes what is gone, or has been made anew. @throws what `make` throws, and then nothing has changed. */
  protected keep<S>(said: Readonly<Record<string, S>>, make: (name: string, settings: S) => T): void {
    const next = new Map<string, Made<T>>()
    for (const [name, settings] of Object.entries(said)) {
      const text = JSON.stringify(settings)
      const known = this.#made.get(name)
      next.set(name, known?.said === text ? known : { it: make(name, settings), said: text })
    }
    for (const [name, { it }] of this.#made) if (next.get(name)?.it !== it) void it.close()
    this.#made = next
  }
}

/** Programs. Each is started by its first request; one that is gone ends what it has. */
export class Programs extends Kept<Program> {
  readonly #log: (line: ProgramLine) => void

  constructor(log: (line: ProgramLine) => void) {
    super()
    this.#log = log
  }

  /** @throws TypeError that says what is wrong with one, and then nothing has changed. */
  update(given: Settled['programs'] = {}): void {
    this.keep(given, (name, settings) =>
      program({ ...(settings as object), name, log: this.#log } as ProgramOptions),
    )
  }
}

export const makers: Readonly<Record<StrategyName, Strategy>> = {
  'pipe-proxy': createPipeProxy,
  'reverse-proxy': createReverseProxy,
  'dispatch-proxy': createDispatchProxy,
  'fetch-proxy': createFetchProxy,
  'duplex-server': createDuplexGateway,
}

/** Sets of endpoints. One whose endpoints alone have changed keeps what is known of those that stay. */
export class Sets extends Kept<Upstreams> {
  /** @throws TypeError that says what is wrong with one. */
  update(given: Settled['upstreams'] = {}): void {
    const settings = Object.entries(given).map(([name, { endpoints: _, ...rest }]) => [name, rest] as const)
    this.keep(Object.fromEntries(settings), (name, { policy, ...rest }) =>
      createUpstreams(entriesOf(given, name), { ...(rest as object), name, policy: policyOf(policy) }),
    )
    for (const name of Object.keys(given)) this.get(name)?.replace(entriesOf(given, name))
  }
}

function entriesOf(given: NonNullable<Settled['upstreams']>, name: string): Entry[] {
  const { endpoints = [] } = given[name] ?? {}
  return endpoints.map((one): Entry => {
    const { to, weight } = typeof one === 'object' && 'to' in one ? one : { to: one, weight: undefined }
    return { to: originOf(to), ...(weight !== undefined && { weight }) }
  })
}

function policyOf(policy: PolicyConfig | undefined): Policy {
  if (policy === undefined || policy === 'round-robin') return roundRobin()
  if (policy === 'least-in-flight') return leastInFlight()
  if (policy === 'two-choices') return twoChoices()
  const { hash } = policy
  if (hash === 'address') return hashed(byAddress)
  return hashed('field' in hash ? byField(hash.field) : byCookie(hash.cookie))
}

/** The routes, the one for what has none last. */
export function routesOf(
  { upstream, routes = [] }: Settled,
  sets: Sets,
  programs: Programs,
  middlewares: Middlewares,
): MountRoute[] {
  const all = routes.map(({ to, reply, strategy, middleware: _, ...route }): MountRoute => {
    const target =
      reply === undefined ? upstreamOf(to as string, sets, programs) : (): Reply => reply as Reply
    return {
      ...(route as object),
      path: route.path,
      upstream: target,
      middleware: middlewares.of(route),
      ...(strategy !== undefined && { strategy: makers[strategy] as Strategy<HttpGateway> }),
    }
  })
  const rest =
    upstream !== undefined && !routes.some(({ path, host, method }) => path === '/' && !host && !method)
  return rest ? [...all, { path: '/', upstream: upstreamOf(upstream, sets, programs) }] : all
}

/** As a router has them: it stands in one strategy. */
export function routesOfRouter(routes: readonly MountRoute[]): RouterRoute[] {
  return routes.map(({ strategy: _, ...route }) => route)
}

function upstreamOf(to: string | URL, sets: Sets, programs: Programs): Upstream {
  if (to instanceof URL || isUrl(to)) return originOf(to)
  // By its name each time: a reload may have put another set in its place.
  return (exchange) => (sets.get(to) ?? (programs.get(to) as Program)).upstream(exchange)
}

/** What holds for the gateway as a whole. @throws Error when a file cannot be read. */
export function optionsOf(config: Settled, sets: Sets, programs: Programs): Omit<GatewayOptions, 'upstream'> {
  const { timeouts, limits, pool, pseudonym, tls, forwarded = 'set', preserveHost = false } = config
  const [set] = sets.all
  return {
    rewrite: rewriteFor(forwarded, preserveHost),
    ...(pseudonym !== undefined && { pseudonym }),
    ...(timeouts !== undefined && { timeouts: timeouts as object }),
    ...(limits !== undefined && { limits: limits as object }),
    ...(pool !== undefined && { pool: pool as object }),
    ...(tls !== undefined && { tls: upstreamTls(tls) }),
    ...transportOf(set, programs.all.length > 0),
  }
}

/** Each sees to what it has chosen itself, and leaves the rest alone. */
function transportOf(set: Upstreams | undefined, hasPrograms: boolean): Pick<GatewayOptions, 'transport'> {
  if (set === undefined) return hasPrograms ? { transport: askAgain } : {}
  const { transport } = set
  if (!hasPrograms) return { transport }
  return { transport: (exchange, next) => transport(exchange, () => askAgain(exchange, next)) }
}

function upstreamTls({ ca, cert, key, ...rest }: NonNullable<Settled['tls']>): UpstreamTls {
  const files = Object.entries({ ca, cert, key }).filter(([, file]) => file !== undefined)
  return {
    ...(rest as object),
    ...Object.fromEntries(files.map(([name, file]) => [name, readFileSync(file as string)])),
  }
}
