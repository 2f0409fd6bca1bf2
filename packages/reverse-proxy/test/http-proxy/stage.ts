/** An origin that tells what it was asked, a proxy in front of it, and a client. */

import { once } from 'node:events'
import http, { type IncomingHttpHeaders, type RequestListener, type RequestOptions } from 'node:http'
import type { AddressInfo, Server as NetServer } from 'node:net'
import { text } from 'node:stream/consumers'
import type * as theirs from 'http-proxy-3'
import { onTestFinished } from 'vitest'

/** What the two have in common. The types of one are those of the other, as far as tests need them. */
export type Library = Pick<typeof theirs, 'createProxyServer' | 'ProxyServer'>
export type Server = theirs.ProxyServer
export type Options = theirs.ServerOptions

export interface Told {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: string[]
  readonly body: string
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly body: string
}

/** Listens until the test is over. @returns its port. */
export async function listening(server: NetServer): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    ;(server as http.Server).closeAllConnections?.()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** Says as JSON what it was asked. */
export const tell: RequestListener = async (request, response) => {
  const { method, url, headers, rawHeaders } = request
  const body = await text(request)
  response.setHeader('Content-Type', 'application/json')
  response.end(JSON.stringify({ method, url, headers, rawHeaders, body }))
}

export async function origin(listener: RequestListener = tell): Promise<string> {
  return `http://127.0.0.1:${await listening(http.createServer(listener))}`
}

/** @returns where a server listens that passes everything to `web`, and upgrades to `ws`. */
export async function mounted(proxy: Server, web: RequestListener = proxy.web): Promise<URL> {
  const server = http.createServer(web)
  server.on('upgrade', (request, socket, head) => proxy.ws(request, socket, head))
  onTestFinished(() => proxy.close())
  return new URL(`http://127.0.0.1:${await listening(server)}`)
}

export async function ask(url: URL | string, options: RequestOptions = {}, body?: string): Promise<Answer> {
  const request = http.request(url, { agent: false, ...options })
  request.end(body)
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  return {
    status: response.statusCode as number,
    headers: response.headers,
    rawHeaders: response.rawHeaders,
    body: await text(response),
  }
}

/** What the origin of `tell` was asked. */
export async function told(url: URL | string, options?: RequestOptions, body?: string): Promise<Told> {
  return JSON.parse((await ask(url, options, body)).body) as Told
}
