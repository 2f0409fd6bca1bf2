/** A program as it is typed for http-proxy-3 compiles: what is here is judged by `tsc` above all. */

import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import {
  createProxyServer,
  type ErrorCallback,
  ProxyServer,
  type ProxyTarget,
  type ProxyTargetUrl,
  type ServerOptions,
} from '../../src/http-proxy.ts'

const options: ServerOptions = { target: 'http://127.0.0.1:1', ws: true, headers: { a: ['b'] } }
const target: ProxyTarget = { host: '127.0.0.1', port: 1, protocol: 'https:' }
const forward: ProxyTargetUrl = new URL('http://127.0.0.1:1')
const onError: ErrorCallback = (error, _req, res) => {
  if ('writeHead' in res) res.writeHead(502).end(error.message)
  else res.destroy()
}

test('listeners and calls are typed as there', () => {
  const proxy: ProxyServer = createProxyServer(options)
  proxy.on('error', onError)
  proxy.on('error', (_error: Error, _req: IncomingMessage, res: ServerResponse | Socket) => res.end())
  proxy.on('econnreset', (error, _req, res) => res.destroy(error))
  proxy.on('start', (req, _res, to) => `${req.url} ${to}`)
  proxy.on('proxyReq', (proxyReq, req, _res, given, socket) => {
    proxyReq.setHeader('a', `${req.url} ${given.target} ${socket?.remoteAddress}`)
  })
  proxy.on('proxyReq', (proxyReq: http.ClientRequest, _req: IncomingMessage, _res: ServerResponse) =>
    proxyReq.removeHeader('a'),
  )
  proxy.on('proxyReqWs', (proxyReq, _req, socket, given, head) => {
    proxyReq.setHeader('a', `${socket.remoteAddress} ${given.target} ${head}`)
  })
  proxy.on('proxyRes', (proxyRes, _req, res) => {
    delete proxyRes.headers['set-cookie']
    proxyRes.pipe(res)
  })
  proxy.on('end', (_req, res, proxyRes) => `${res.statusCode} ${proxyRes.complete}`)
  proxy.on('open', (socket) => socket.on('data', () => {}))
  proxy.on('close', (res, socket, head) => `${res.statusCode} ${socket.destroyed} ${head}`)
  http.createServer(proxy.web)
  http.createServer((req, res) => proxy.web(req, res, { target }, onError))
  http.createServer((req, res) => proxy.web(req, res, onError))
  const server = http.createServer()
  server.on('upgrade', (req, socket: Duplex, head) => proxy.ws(req, socket, head))
  server.on('upgrade', (req, socket, head) => proxy.ws(req, socket, head, { target }, onError))
  server.on('upgrade', (req, socket, head) => proxy.ws(req, socket, head, onError))
  ProxyServer.createProxyServer({ target, forward, agent: new http.Agent(), ssl: {} }).close(() => {})
  expect(proxy.eventNames()).toEqual([
    'error',
    'econnreset',
    'start',
    'proxyReq',
    'proxyReqWs',
    'proxyRes',
    'end',
    'open',
    'close',
  ])
})
