/** For operators, on a port of its own: is it alive, is it ready, how does it do. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Admin {
  readonly url: URL
  /** From now on it is not ready: whoever sends clients here stops, before anything is refused. */
  drain(): void
  close(): Promise<void>
}

/** What there is to tell. */
export interface Told {
  /** For Prometheus, and the type of that. */
  metrics(): Promise<readonly [text: string, type: string]>
  /** Of sets of endpoints; undefined where nobody knows it all. */
  state(): unknown
}

export async function startAdmin(
  {
    port = 0,
    host = '127.0.0.1',
  }: { readonly port?: number | undefined; readonly host?: string | undefined },
  told: Told,
): Promise<Admin> {
  let draining = false
  const pages: Readonly<Record<string, (response: ServerResponse) => unknown>> = {
    '/healthz': (response) => text(response, 200, 'ok\n'),
    '/readyz': (response) => (draining ? text(response, 503, 'draining\n') : text(response, 200, 'ready\n')),
    '/metrics': async (response) => {
      const [metrics, type] = await told.metrics()
      text(response, 200, metrics, type)
    },
    '/upstreams': (response) => {
      const state = told.state()
      if (state === undefined) text(response, 404, 'each worker has its own\n')
      else text(response, 200, `${JSON.stringify(state, undefined, 2)}\n`, 'application/json')
    },
  }
  const server = createServer((request, response) => {
    if (isRebound(request)) {
      text(response, 403, 'on this machine it is asked by its address, or as localhost\n')
      return
    }
    const page = pages[(request.url ?? '').split('?')[0] as string]
    if (request.method !== 'GET' && request.method !== 'HEAD') text(response, 405, 'only GET and HEAD\n')
    else if (page === undefined) text(response, 404, `${Object.keys(pages).join('\n')}\n`)
    else void (async () => page(response))().catch((cause) => text(response, 500, `${String(cause)}\n`))
  })
  server.listen({ port, host })
  await once(server, 'listening')
  const { address, family, port: bound } = server.address() as AddressInfo
  return {
    url: new URL(`http://${family === 'IPv6' ? `[${address}]` : address}:${bound}/`),
    drain() {
      draining = true
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A page of somebody else's asks a loopback address by a name of its own, so that it may read the answer (DNS rebinding). */
function isRebound({ headers: { host = '' }, socket: { localAddress = '' } }: IncomingMessage): boolean {
  const isLoopback = localAddress === '::1' || /^(?:::ffff:)?127\./.test(localAddress)
  return isLoopback && !/^(?:(?:[\w-]+\.)*localhost|[\d.]+|\[[\da-f:.]+\]|)(?::\d*)?$/i.test(host)
}

function text(
  response: ServerResponse,
  status: number,
  body: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(body)
}
