/** A gateway with tokens and a rate limit in front of three services, each a program of its own in a language of its own. */

import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { createDispatchProxy } from '@relayrace/dispatch-proxy'
import { createDuplexGateway } from '@relayrace/duplex-server'
import { createFetchProxy } from '@relayrace/fetch-proxy'
import type { Gateway, GatewayOptions } from '@relayrace/gateway'
import { createPipeProxy } from '@relayrace/pipe-proxy'
import { askAgain } from '@relayrace/programs'
import { createReverseProxy } from '@relayrace/reverse-proxy'
import { createRouter } from '@relayrace/router'
import { apiTokens, hashToken } from '@relayrace/router/middleware'
import { rateLimit } from '@relayrace/router/rate-limit'
import { routes } from './routes.ts'
import { services } from './services.ts'

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

const token = process.env.TOKEN ?? randomBytes(12).toString('base64url')
const apps = services()
const router = createRouter(routes(apps), {
  middleware: [
    apiTokens({ client: hashToken(token) }),
    rateLimit({ limit: Number(process.env.RATE ?? 1_000), window: 1 }),
  ],
})
const gateway = create({ upstream: router.upstream, transport: askAgain })
const { url } = await gateway.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`${values.strategy} at ${url}
  curl -H 'X-API-Token: ${token}' ${url}api/app1/            a page of the Node service, WebSocket at the same place
  curl -H 'X-API-Token: ${token}' -N ${url}api/app2/events   server-sent events of the Python service
  curl -H 'X-API-Token: ${token}' -o /dev/null ${url}api/app3/bytes/1073741824   1 GiB from the Go service
  kill -HUP ${process.pid}   reads the routes again, and replaces all instances`)

process.on('SIGHUP', async () => {
  try {
    router.replace(routes(apps))
    await Promise.all(Object.values(apps).map((app) => app.roll()))
    console.log('replaced')
  } catch (error) {
    console.error(error)
  }
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await gateway.close(1_000)
    await Promise.all(Object.values(apps).map((app) => app.close()))
  })
}
