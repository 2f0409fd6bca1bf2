/** A small gateway without faults of its own choosing. Each of its neighbours replaces one of its manners by a bad one. */

import {
  Agent,
  request as ask,
  type ClientRequest,
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { request as askSecurely, Agent as SecureAgent } from 'node:https'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'

export interface Manners {
  /** The fields that go on, of a request or a response. */
  readonly fields: (rawHeaders: readonly string[]) => string[]
  /** The content of the response goes to the client. */
  readonly relay: (upstream: IncomingMessage, response: ServerResponse) => void
  /** The client has left before the end. */
  readonly clientLeft: (asking: ClientRequest) => void
  /** The client has left, or finished, its upload. */
  readonly upload: (request: IncomingMessage, asking: ClientRequest) => void
  /** The origin has left before the end. */
  readonly originLeft: (response: ServerResponse) => void
  /** The client waits for 100. */
  readonly expect: (asking: ClientRequest, response: ServerResponse) => void
}

const hopByHop =
  /^(?:connection|keep-alive|proxy-connection|proxy-authorization|te|trailer|transfer-encoding|upgrade)$/i

export const sound: Manners = {
  fields(rawHeaders) {
    const fields = pairs(rawHeaders)
    const nominated = fields
      .filter(([name]) => /^connection$/i.test(name))
      .flatMap(([, value]) => value.toLowerCase().split(/[,\s]+/))
    return fields.filter(([name]) => !hopByHop.test(name) && !nominated.includes(name.toLowerCase())).flat()
  },
  relay(upstream, response) {
    pipeline(upstream, response, () => {})
  },
  clientLeft(asking) {
    asking.destroy()
  },
  upload(request, asking) {
    pipeline(request, asking, () => {})
  },
  originLeft(response) {
    response.destroy()
  },
  expect(asking, response) {
    asking.once('continue', () => response.writeContinue())
  },
}

export function serve(manners: Manners): void {
  const upstream = new URL(process.env.UPSTREAM ?? '')
  const secure = upstream.protocol === 'https:'
  const agent = new (secure ? SecureAgent : Agent)({ keepAlive: true })
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const fields = manners.fields(request.rawHeaders)
    if (request.headers['transfer-encoding']) fields.push('Transfer-Encoding', 'chunked')
    const { method, url: path } = request
    const asking = (secure ? askSecurely : ask)({
      host: upstream.hostname,
      port: upstream.port,
      method,
      path,
      headers: fields,
      agent,
    } as object)
    asking.flushHeaders()
    if (request.headers.expect) manners.expect(asking, response)
    manners.upload(request, asking)
    response.once('close', () => {
      if (!response.writableFinished) manners.clientLeft(asking)
    })
    asking.on('response', (incoming) => {
      response.sendDate = !incoming.headers.date
      response.writeHead(incoming.statusCode ?? 502, manners.fields(incoming.rawHeaders))
      response.flushHeaders()
      incoming.once('error', () => manners.originLeft(response))
      manners.relay(incoming, response)
    })
    asking.on('error', () => {
      if (response.headersSent) manners.originLeft(response)
      else response.writeHead(502, { Connection: 'close', 'Content-Length': 0 }).end()
    })
  }
  // A client that waits for more is not told by a limit that Node has for something else.
  const server = createServer({ joinDuplicateHeaders: false, keepAliveTimeout: 60_000 }, handle).on(
    'checkContinue',
    handle,
  )
  server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
    process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
  })
  process.once('SIGTERM', () => process.exit())
}

export function pairs(rawHeaders: readonly string[]): [name: string, value: string][] {
  return Array.from({ length: rawHeaders.length / 2 }, (_, index) => [
    rawHeaders[2 * index] ?? '',
    rawHeaders[2 * index + 1] ?? '',
  ])
}

if (import.meta.main) serve(sound)
