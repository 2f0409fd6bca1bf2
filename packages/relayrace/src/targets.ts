/** From a configuration to what a gateway is given: where requests go, and how. */

import { readFileSync } from 'node:fs'
import { createDuplexGateway } from '@relayrace/duplex-server'
import { createFetchProxy } from '@relayrace/fetch-proxy'
import type { Strategy } from '@relayrace/gateway'
import type { GatewayOptions, HttpGateway, Reply, Upstream, UpstreamTls } from '@relayrace/gateway/contract'
import { appendForwarded, preserveHost, setForwarded } from '@relayrace/gateway/contract'
import { createPipeProxy } from '@relayrace/pipe-proxy'
import { askAgain, type Program, type ProgramLine, type ProgramOptions, program } from '@relayrace/programs'
import { createReverseProxy } from '@relayrace/reverse-proxy'
import type { MountRoute } from '@relayrace/router'
import {
  byAddress,
  byCookie,
  byField,
  createUpstreams,
  hashed,
  leastInFlight,
  type Policy,
  roundRobin,
  twoChoices,
  type Upstreams,
} from '@relayrace/upstreams'
import { isUrl, originOf, type PolicyConfig, type Settled, type StrategyName } from './config.ts'
import { middlewareOf } from './middleware.ts'

interface Running {
  readonly made: Program
  readonly options: string
}

/** Programs by name. They run as long as they are in the configuration, as it says. */
export class Programs {
  #programs = new Map<string, Running>()
  readonly #log: (line: ProgramLine) => void

  constructor(log: (line: ProgramLine) => void) {
    this.#log = log
  }

  get all(): Program[] {
    return [...this.#programs.values()].map(({ made }) => made)
  }

  get(name: string): Program | undefined {
    return this.#programs.get(name)?.made
  }

  /** Those that are new are started by the first request; those that are gone end what they have. @throws TypeError */
  update(given: Settled['programs'] = {}): void {
    const next = new Map<string, Running>()
    for (const [name, settings] of Object.entries(given)) {
      const options = JSON.stringify(settings)
      const known = this.#programs.get(name)
      const made =
        known?.options === options
          ? known.made
          : program({ ...(settings as object), name, log: this.#log } as ProgramOptions)
      next.set(name, { made, options })
    }
    for (const [name, { made }] of this.#programs) if (next.get(name)?.made !== made) void made.close()
    this.#programs = next
  }
}

export const makers: Readonly<Record<StrategyName, Strategy>> = {
  'pipe-proxy': createPipeProxy,
  'reverse-proxy': createReverseProxy,
  'fetch-proxy': createFetchProxy,
  'duplex-server': createDuplexGateway,
}

interface Known {
  readonly made: Upstreams
  readonly options: string
}

/** Sets of endpoints by name: those that stay the same keep what is known of them. */
export class Sets {
  #sets = new Map<string, Known>()

  get all(): Upstreams[] {
    return [...this.#sets.values()].map(({ made }) => made)
  }

  get(name: string): Upstreams | undefined {
    return this.#sets.get(name)?.made
  }

  /** @throws TypeError that names the set. */
  update(given: Settled['upstreams'] = {}): void {
    const next = new Map<string, Known>()
    for (const [name, { endpoints, ...rest }] of Object.entries(given)) {
      const options = JSON.stringify(rest)
      const entries = endpoints.map((one) =>
        typeof one === 'object' && 'to' in one ? { ...one, to: originOf(one.to) } : { to: originOf(one) },
      )
      const known = this.#sets.get(name)
      if (known?.options === options) {
        known.made.replace(entries as never)
        next.set(name, known)
      } else {
        const { policy, ...others } = rest
        const made = createUpstreams(entries as never, {
          ...(others as object),
          name,
          policy: policyOf(policy),
        })
        next.set(name, { made, options })
      }
    }
    for (const [name, { made }] of this.#sets) if (next.get(name)?.made !== made) void made.close()
    this.#sets = next
  }
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
export function routesOf({ upstream, routes = [] }: Settled, sets: Sets, programs: Programs): MountRoute[] {
  const all = routes.map(({ to, reply, strategy, middleware, ...route }): MountRoute => {
    const target =
      reply === undefined ? upstreamOf(to as string, sets, programs) : (): Reply => reply as Reply
    return {
      ...(route as object),
      path: route.path,
      upstream: target,
      ...(middleware !== undefined && { middleware: middleware.map(middlewareOf) }),
      ...(strategy !== undefined && { strategy: makers[strategy] as Strategy<HttpGateway> }),
    }
  })
  const rest =
    upstream !== undefined && !routes.some(({ path, host, method }) => path === '/' && !host && !method)
  return rest ? [...all, { path: '/', upstream: upstreamOf(upstream, sets, programs) }] : all
}

function upstreamOf(to: string | URL, sets: Sets, programs: Programs): Upstream {
  if (to instanceof URL || isUrl(to)) return originOf(to)
  // By its name each time: a reload may have put another set in its place.
  return (exchange) => (sets.get(to) ?? (programs.get(to) as Program)).upstream(exchange)
}

/** What holds for the gateway as a whole. @throws Error when a file cannot be read. */
export function optionsOf(config: Settled, sets: Sets, programs: Programs): Omit<GatewayOptions, 'upstream'> {
  const { timeouts, limits, pool, pseudonym, tls } = config
  const [set] = sets.all
  return {
    rewrite: rewriteOf(config),
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

function rewriteOf({
  forwarded = 'set',
  preserveHost: keeps,
}: Settled): NonNullable<GatewayOptions['rewrite']> {
  const mode = { set: setForwarded, append: appendForwarded, none: () => {} }[forwarded]
  if (keeps !== true) return mode
  return (out, exchange) => {
    mode(out, exchange)
    preserveHost(out, exchange)
  }
}
