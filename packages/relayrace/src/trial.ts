/** Everything of a configuration, made once and thrown away: what serving would refuse is told with the place where it stands. */

import { endpointOf, resolveSettings } from '@relayrace/gateway/strategy'
import { createRouter } from '@relayrace/router'
import { faultsIn, isUrl, type Locate, originOf, pathOf, type Settled } from './config.ts'
import { Middlewares } from './middleware.ts'
import { certificates, refuseDuplex } from './serve.ts'
import { optionsOf, Programs, routesOf, routesOfRouter, Sets } from './targets.ts'

/** Of options that are looked at by a gateway. */
const ofGateways = ['timeouts', 'limits', 'pool', 'pseudonym', 'tls'] as const

/** @throws ConfigError with a line for each fault, as `parseConfig` has them. */
export function tryOut(config: Settled, locate: Locate = () => 'configuration'): void {
  const faults: string[] = []
  const attempt = (keys: readonly PropertyKey[], make: () => void): void => {
    try {
      make()
    } catch (error) {
      const where = keys.length === 0 ? '' : `${pathOf(keys)}: `
      faults.push(`${locate(keys)}: ${where}${(error as Error).message}`)
    }
  }
  const { listen, strategy = 'pipe-proxy', upstream, upstreams = {}, programs = {}, routes = [] } = config
  const sets = new Sets()
  const started = new Programs(() => {})
  const origin = (to: unknown): void => {
    if (to instanceof URL || (typeof to === 'string' && isUrl(to))) endpointOf(originOf(to))
  }
  const middlewares = (keys: readonly PropertyKey[], all: Settled['middleware'] = []): void => {
    for (const [i, one] of all.entries())
      attempt([...keys, 'middleware', i], () => new Middlewares({ middleware: [one] }).close())
  }

  if (listen?.tls !== undefined) attempt(['listen', 'tls'], () => certificates(listen.tls))
  attempt(['upstream'], () => origin(upstream))
  for (const [name, set] of Object.entries(upstreams))
    attempt(['upstreams', name], () => sets.update({ [name]: set }))
  for (const [name, one] of Object.entries(programs))
    attempt(['programs', name], () => started.update({ [name]: one }))
  middlewares([], config.middleware)
  const none = new Middlewares({})
  for (const [i, route] of routes.entries()) {
    middlewares(['routes', i], route.middleware)
    attempt(['routes', i, 'to'], () => origin(route.to))
    attempt(['routes', i], () => {
      const made = routesOf({ routes: [route] }, sets, started, none)
      createRouter(routesOfRouter(made))
      if (made.some((one) => one.strategy !== undefined)) refuseDuplex(strategy, made)
    })
  }
  if (faults.length === 0)
    attempt(['routes'], () => createRouter(routesOfRouter(routesOf(config, sets, started, none))))
  for (const key of ofGateways)
    attempt([key], () => {
      const options = optionsOf({ [key]: config[key] }, sets, started)
      resolveSettings('relayrace', { ...options, upstream: 'http://127.0.0.1' })
    })
  for (const one of [...sets.all, ...started.all]) void one.close()
  if (faults.length > 0) throw faultsIn(faults)
}
