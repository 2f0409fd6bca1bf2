/** The frameworks, each with the same application: everything asks for a token, `/page` is its own, `/api` the gateway's. */

import { once } from 'node:events'
import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import type { HttpGateway } from '@relayrace/gateway'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { createServer } from 'vite'
import { onTestFinished } from 'vitest'
import { expressGateway } from '../src/express.ts'
import { gatewayPlugin } from '../src/fastify.ts'
import { honoGateway } from '../src/hono.ts'
import { koaGateway } from '../src/koa.ts'
import { viteGateway } from '../src/vite.ts'

export interface Mounting {
  readonly keepPrefix?: boolean
}

const prefix = '/api'
const secret = 'secret'
/** A field of those who may come in. */
export const token: string = `Authorization: ${secret}`

/** Each is given a gateway and answers with a server that listens, without upgrades but for Vite. */
export const frameworks: Readonly<
  Record<string, (gateway: HttpGateway, options?: Mounting) => Server | Promise<Server>>
> = {
  Express: (gateway, options) =>
    express()
      .use(({ headers }, response, next) => {
        if (headers.authorization === secret) next()
        else response.sendStatus(401)
      })
      .get('/page', (_, response) => void response.send('page'))
      .use(prefix, expressGateway(gateway, options))
      .listen(0, '127.0.0.1'),

  async Fastify(gateway, options) {
    const app = fastify()
    app.addHook('onRequest', async ({ headers }, reply) => {
      if (headers.authorization !== secret) return reply.code(401).send()
    })
    app.get('/page', async () => 'page')
    app.register(gatewayPlugin, { gateway, prefix, ...options })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server
  },

  Koa: (gateway, options) =>
    new Koa()
      .use(async (context, next) => {
        if (context.get('authorization') === secret) await next()
        else context.status = 401
      })
      .use(koaGateway(gateway, { prefix, ...options }))
      .use((context) => {
        if (context.path === '/page') context.body = 'page'
      })
      .listen(0, '127.0.0.1'),

  Hono(gateway, options) {
    const app = new Hono()
    app.use(async (context, next) => {
      if (context.req.header('authorization') !== secret) return context.text('', 401)
      await next()
    })
    app.get('/page', (context) => context.text('page'))
    app.all('/api/*', honoGateway(gateway, { prefix, ...options }))
    return serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server
  },

  async Vite(gateway, options) {
    const vite = await createServer({
      configFile: false,
      root: import.meta.dirname,
      logLevel: 'silent',
      appType: 'custom',
      optimizeDeps: { noDiscovery: true },
      server: { port: 0, host: '127.0.0.1', allowedHosts: true, watch: null },
      plugins: [
        {
          name: 'application',
          configureServer({ middlewares }) {
            middlewares.use(({ headers, url }, response, next) => {
              if (headers.authorization !== secret) response.writeHead(401).end()
              else if (url === '/page') response.end('page')
              else next()
            })
          },
        },
        viteGateway(gateway, { prefix, ...options }),
      ],
    })
    onTestFinished(() => vite.close())
    await vite.listen()
    return vite.httpServer as Server
  },
}

/** @returns where it listens. It goes with the test. */
export async function urlOf(server: Server): Promise<URL> {
  if (!server.listening) await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it listens on no port')
  return new URL(`http://127.0.0.1:${address.port}`)
}
