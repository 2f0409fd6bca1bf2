/** A gateway with a token in front of three services, each a program of its own in a language of its own. */

import { parseArgs } from 'node:util'
import { createDispatchProxy } from '@relayrace/dispatch-proxy'
import { createDuplexGateway } from '@relayrace/duplex-server'
import { createFetchProxy } from '@relayrace/fetch-proxy'
import type { Choose, Gateway, GatewayOptions } from '@relayrace/gateway'
import { createPipeProxy } from '@relayrace/pipe-proxy'
import { askAgain } from '@relayrace/programs'
import { createReverseProxy } from '@relayrace/reverse-proxy'
import { services } from './services.ts'
import { token, withToken } from './token.ts'

const strategies: Readonly<Record<string, (options: GatewayOptions) => Gateway>> = {
  'pipe-proxy': createPipeProxy,
  'reverse-proxy': createReverseProxy,
  'dispatch-proxy': createDispatchProxy,
  'fetch-proxy': createFetchProxy,
  'duplex-server': createDuplexGateway,
}
const { values } = parseArgs({ options: { strategy: { type: 'string', default: 'pipe-proxy' } } })
const create = strategies[values.strategy]
if (create === undefined) throw new TypeError(`--strategy is one of ${Object.keys(strategies).join(', ')}`)

const apps = services()

/** `/api/NAME/…` goes to that service, which sees `/…`. */
const byPrefix: Choose = async (exchange) => {
  const [, name = '', path] = /^\/api\/(\w+)(\/.*)$/.exec(exchange.request.path) ?? []
  const app = apps[name]
  if (app === undefined || path === undefined) return { status: 404, body: 'no such service\n' }
  return { to: await app.upstream(exchange), path, name }
}

const gateway = create({ upstream: withToken(byPrefix), transport: askAgain })
const { url } = await gateway.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`${values.strategy} at ${url}
  curl -H 'X-API-Token: ${token}' ${url}api/app1/            a page of the Node service, WebSocket at the same place
  curl -H 'X-API-Token: ${token}' -N ${url}api/app2/events   server-sent events of the Python service
  curl -H 'X-API-Token: ${token}' -o /dev/null ${url}api/app3/bytes/1073741824   1 GiB from the Go service
  kill -HUP ${process.pid}   replaces all instances`)

process.on('SIGHUP', () => {
  for (const app of Object.values(apps)) app.roll().catch(console.error)
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await gateway.close(1_000)
    await Promise.all(Object.values(apps).map((app) => app.close()))
  })
}
