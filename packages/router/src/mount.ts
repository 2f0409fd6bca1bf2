/** Services that differ in strategy, behind one server of `node:http` and with one table of routes. */

import type { IncomingMessage } from 'node:http'
import type { GatewayOptions, HttpGateway, Strategy } from '@relayrace/gateway'
import { targetOf } from '@relayrace/gateway/web'
import { segmentsOf } from './path.ts'
import { createRouter, type RouterOptions } from './router.ts'
import { patternOf, type RouterRoute } from './routes.ts'
import { createTable, find, OtherMethods, redirected, type Table } from './table.ts'

export interface MountRoute extends RouterRoute {
  /** Relays what goes along this route. Default: that of the mount. */
  readonly strategy?: Strategy<HttpGateway>
}

export interface MountOptions extends RouterOptions {
  /** Relays along all routes that have none of their own, and answers what has no route. */
  readonly strategy: Strategy<HttpGateway>
  /** For the gateways, of which there is one for each strategy. */
  readonly gateway?: Omit<GatewayOptions, 'upstream'>
}

export interface Mount extends AsyncDisposable {
  /** As that of a gateway. */
  readonly handle: HttpGateway['handle']
  /** For the server's `upgrade` event. */
  readonly upgrade: HttpGateway['upgrade']
  /** Exchanges and tunnels under way, of all gateways. */
  readonly inFlight: number
  /**
   * Has other routes from now on. Exchanges that are under way stay where they are; a gateway whose strategy is used no
   * more is closed when the last of its own has ended.
   * @throws TypeError like `mount`, and then everything stays as it was.
   */
  replace(routes: readonly MountRoute[]): void
  /** Closes all gateways, as each is closed. The server is its owner's. */
  close(grace?: number): Promise<void>
}

/** A gateway, and what goes through it. */
interface Lane {
  readonly gateway: HttpGateway
  underWay: number
  /** No route leads to it any more. */
  retired: boolean
}

type Lanes = Map<Strategy<HttpGateway>, Lane>

/** @throws TypeError that names a route which makes no sense, or an option. */
export function mount(routes: readonly MountRoute[], options: MountOptions): Mount {
  const { strategy: fallback, gateway: shared, ...routing } = options
  if (typeof fallback !== 'function')
    throw new TypeError('Option strategy has to be a function such as createPipeProxy')
  const router = createRouter(routes.map(withoutStrategy), routing)
  const settings: GatewayOptions = { ...shared, upstream: router.upstream }
  let lanes: Lanes = new Map([[fallback, laneOf(fallback)]])
  const rest = lanes.get(fallback) as Lane
  let table = tableOf(routes)
  const retiring = new Set<Lane>()
  let closed: Promise<void> | undefined

  function laneOf(strategy: Strategy<HttpGateway>): Lane {
    return { gateway: strategy(settings), underWay: 0, retired: false }
  }

  /** Keeps the lanes that are there, and makes those that are missing. */
  function tableOf(given: readonly MountRoute[]): Table<Lane> {
    const used: Lanes = new Map([[fallback, rest]])
    const entries = given.map(({ strategy = fallback, ...route }) => {
      if (typeof strategy !== 'function')
        throw new TypeError(`Route ${route.path}: strategy is a function such as createPipeProxy`)
      const lane = used.get(strategy) ?? lanes.get(strategy) ?? laneOf(strategy)
      used.set(strategy, lane)
      return [patternOf(route), lane] as const
    })
    lanes = used
    return createTable(entries, ({ gateway }) => gateway.name)
  }

  /** By the same rules as the router, which its gateway asks. */
  function laneFor({ method = '', url = '', rawHeaders }: IncomingMessage): Lane {
    const { path, authority } = targetOf(method, url, rawHeaders)
    const segments = path === '*' ? { names: [''] } : segmentsOf(path)
    const found = segments && find(table, method, authority, segments.names)
    return found === undefined || found === redirected || found instanceof OtherMethods ? rest : found
  }

  async function through(lane: Lane, carry: (gateway: HttpGateway) => Promise<void>): Promise<void> {
    lane.underWay++
    try {
      await carry(lane.gateway)
    } finally {
      lane.underWay--
      if (lane.retired) closeIfIdle(lane)
    }
  }

  function closeIfIdle(lane: Lane): void {
    if (lane.underWay > 0) return
    retiring.delete(lane)
    void lane.gateway.close()
  }

  const all = (): HttpGateway[] => [...lanes.values(), ...retiring].map(({ gateway }) => gateway)

  function close(grace?: number): Promise<void> {
    closed ??= Promise.all(all().map((gateway) => gateway.close(grace))).then(() => {})
    return closed
  }

  return {
    handle: (request, response) => through(laneFor(request), (gateway) => gateway.handle(request, response)),
    upgrade: (request, socket, head) =>
      through(laneFor(request), (gateway) => gateway.upgrade(request, socket, head)),
    get inFlight() {
      return all().reduce((sum, { inFlight }) => sum + inFlight, 0)
    },
    replace(others) {
      if (closed !== undefined) return
      const before = lanes
      // Throws before anything has changed.
      createRouter(others.map(withoutStrategy))
      table = tableOf(others)
      router.replace(others.map(withoutStrategy))
      for (const [strategy, lane] of before) {
        if (lanes.has(strategy)) continue
        lane.retired = true
        retiring.add(lane)
        closeIfIdle(lane)
      }
    },
    close,
    [Symbol.asyncDispose]: () => close(),
  }
}

function withoutStrategy({ strategy: _, ...route }: MountRoute): RouterRoute {
  return route
}
