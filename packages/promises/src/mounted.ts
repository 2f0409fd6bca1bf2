/** A gateway on node:http in the servers that people have: it is all of a server, or one handler among others. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import http2 from 'node:http2'
import { type AddressInfo, connect as dial } from 'node:net'
import { text } from 'node:stream/consumers'
import { type HttpBindings, serve } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Client, connect, type Exchange, type Origin, startOrigin } from '@relayrace/fixtures/wire'
import { GatewayError, type HttpGateway, type Strategy } from '@relayrace/gateway'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { describe, expect, onTestFinished, test } from 'vitest'
import { get, head, reply } from './stage.ts'

/** Each is given a gateway and answers with a server that listens. */
const frameworks: Readonly<Record<string, (gateway: HttpGateway) => Server | Promise<Server>>> = {
  'node:http': ({ handle }) => createServer(handle).listen(0, '127.0.0.1'),

  Express: ({ handle }) => express().use(handle).listen(0, '127.0.0.1'),

  async Fastify({ handle }) {
    const app = fastify()
    // What is relayed is not parsed.
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', (_request, _payload, done) => done(null))
    app.all('/*', (request, reply) => {
      reply.hijack()
      return handle(request.raw, reply.raw)
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server
  },

  Koa({ handle }) {
    const app = new Koa()
    app.use((context) => {
      context.respond = false
      return handle(context.req, context.res)
    })
    return app.listen(0, '127.0.0.1')
  },

  Hono({ handle }) {
    const app = new Hono<{ Bindings: HttpBindings }>()
    app.all('*', async ({ env }) => {
      await handle(env.incoming, env.outgoing)
      return RESPONSE_ALREADY_SENT
    })
    return serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server
  },
}

/** A client of a server of node:http2 that has it for its handler. */
async function overHttp2(gateway: HttpGateway): Promise<http2.ClientHttp2Session> {
  const server = http2.createServer(gateway.handle as never).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(() => client.destroy())
  return client
}

export function mountsOf(create: Strategy<HttpGateway>): void {
  test('answers requests of a server of node:http2 that somebody else has made', async () => {
    const origin = await startOrigin()
    onTestFinished(() => origin[Symbol.asyncDispose]())
    const gateway = create({ upstream: origin.url })
    onTestFinished(() => gateway.close(0))
    const client = await overHttp2(gateway)
    const request = client.request({ ':method': 'POST', ':path': '/a', ':authority': 'a' })
    request.end('content')
    const asked = await origin.request()
    expect(asked.message.target).toBe('/a')
    await asked.send(reply('answer'))
    expect(await text(request)).toBe('answer')
  })

  test('a reply that is a stream goes to HTTP/2 as well, or is reset', async () => {
    async function* pieces(failing: boolean): AsyncGenerator<string> {
      yield 'some'
      yield 'more'
      if (failing) throw new Error('no')
    }
    const gateway = create({
      upstream: ({ request: { path } }) => ({ status: 200, body: pieces(path === '/no') }),
    })
    onTestFinished(() => gateway.close(0))
    const client = await overHttp2(gateway)
    expect(await text(client.request({ ':path': '/yes', ':authority': 'a' }))).toBe('somemore')
    await expect(text(client.request({ ':path': '/no', ':authority': 'a' }))).rejects.toThrow()
    await expect.poll(() => gateway.inFlight).toBe(0)
  })

  test.each([
    ['is complete', false],
    ['has been left by its client', true],
  ])('handle is over when a reply that is a stream %s', async (_, leaves) => {
    const more = Promise.withResolvers<string>()
    async function* pieces(): AsyncGenerator<string> {
      yield 'some'
      yield await more.promise
    }
    const gateway = create({ upstream: () => ({ status: 200, body: pieces() }) })
    onTestFinished(() => gateway.close(0))
    let handled: Promise<void> | undefined
    let over = false
    const server = createServer((request, response) => {
      handled = gateway.handle(request, response).then(() => {
        over = true
      })
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const client = await connect(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
    onTestFinished(() => client.close())
    client.send(get('/'))
    await (await client.responding()).body(4)
    expect(over).toBe(false)
    if (leaves) client.reset()
    else more.resolve('more')
    await handled
    expect(over).toBe(true)
  })

  test.each([
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf',
  ])('ends an exchange whose client has left before the gateway saw it: %j', async (sent) => {
    const origin = await startOrigin()
    onTestFinished(() => origin[Symbol.asyncDispose]())
    const ends: string[] = []
    const gateway = create({ upstream: origin.url, onEnd: ({ outcome }) => ends.push(outcome) })
    onTestFinished(() => gateway.close(0))
    const handled = Promise.withResolvers<void>()
    const came = Promise.withResolvers<void>()
    const server = createServer((request, response) => {
      came.resolve()
      response.once('close', () => gateway.handle(request, response).then(handled.resolve))
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const client = await connect(new URL(`http://127.0.0.1:${port}`))
    client.send(sent)
    await came.promise
    client.close()
    await handled.promise
    expect([gateway.inFlight, ends, origin.connections.length]).toEqual([0, ['aborted'], 0])
  })

  test('asks nobody where something in front has answered, and refused it perhaps', async () => {
    const { origin, gateway, url, ends } = await behind((gateway, request, response) => {
      if (request.url === '/no') response.end('no')
      return gateway.handle(request, response)
    })
    const client = await connect(url)
    onTestFinished(() => client.close())
    client.send(get('/no'))
    expect((await client.response()).text).toBe('no')
    await expect.poll(ends).toEqual(['completed'])
    expect(gateway.inFlight).toBe(0)
    client.send(get('/yes'))
    expect((await origin.request()).message.target).toBe('/yes')
  })

  test('gives up what was asked for where somebody else answers meanwhile', async () => {
    let other: ServerResponse | undefined
    const { origin, gateway, url, ends } = await behind((gateway, request, response) => {
      other = response
      return gateway.handle(request, response)
    })
    const client = await connect(url)
    onTestFinished(() => client.close())
    client.send(get('/'))
    const asked = await origin.request()
    other?.end('no')
    expect((await client.response()).text).toBe('no')
    await asked.connection.ended()
    expect(ends()).toEqual(['completed'])
    expect(gateway.inFlight).toBe(0)
  })

  /** A gateway that stands behind something else. */
  async function behind(
    handle: (gateway: HttpGateway, request: IncomingMessage, response: ServerResponse) => unknown,
  ): Promise<{
    readonly origin: Origin
    readonly gateway: HttpGateway
    readonly url: URL
    readonly ends: () => string[]
  }> {
    const origin = await startOrigin()
    onTestFinished(() => origin[Symbol.asyncDispose]())
    const outcomes: string[] = []
    const gateway = create({ upstream: origin.url, onEnd: ({ outcome }) => outcomes.push(outcome) })
    onTestFinished(() => gateway.close(0))
    const server = createServer((request, response) => void handle(gateway, request, response)).listen(
      0,
      '127.0.0.1',
    )
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    return { origin, gateway, url, ends: () => outcomes }
  }

  test.each<[string, (asked: Exchange, response: ServerResponse) => unknown]>([
    ['before there is an answer', () => {}],
    [
      'and does not read its answer',
      (asked, response) => {
        void asked.send(head('HTTP/1.1 200 OK', `Content-Length: ${2 ** 26}`))
        void asked.send(Buffer.alloc(2 ** 26 - 1)).catch(() => {})
        return expect.poll(() => response.writableNeedDrain).toBe(true)
      },
    ],
  ])('handle is over when a client has left %s', async (_, before) => {
    const origin = await startOrigin()
    onTestFinished(() => origin[Symbol.asyncDispose]())
    const gateway = create({ upstream: origin.url })
    onTestFinished(() => gateway.close(0))
    const handled: [ServerResponse, Promise<void>][] = []
    const server = createServer((request, response) => {
      handled.push([response, gateway.handle(request, response)])
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const client = dial((server.address() as AddressInfo).port, '127.0.0.1')
    client.write(get('/'))
    const asked = await origin.request()
    const [[response, over]] = handled as [[ServerResponse, Promise<void>]]
    await before(asked, response)
    client.destroy()
    await over
  })

  test('answers 503 once it is closed', async () => {
    const gateway = create({ upstream: 'http://127.0.0.1:9' })
    await gateway.close()
    const server = createServer(gateway.handle).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const client = await connect(new URL(`http://127.0.0.1:${port}`))
    onTestFinished(() => client.close())
    client.send(get('/'))
    expect((await client.response()).status).toBe(503)
  })

  interface Stage {
    readonly origin: Origin
    readonly client: Client
    readonly gateway: HttpGateway
  }

  async function stage(mount: (gateway: HttpGateway) => Server | Promise<Server>): Promise<Stage> {
    const origin = await startOrigin()
    onTestFinished(() => origin[Symbol.asyncDispose]())
    const gateway = create({ upstream: origin.url })
    onTestFinished(() => gateway.close(0))
    const server = await mount(gateway)
    server.on('upgrade', gateway.upgrade)
    if (!server.listening) await once(server, 'listening')
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    const client = await connect(new URL(`http://127.0.0.1:${port}`))
    onTestFinished(() => client.close())
    return { origin, client, gateway }
  }

  describe.each(Object.entries(frameworks))('B7 mounted in %s', (_, mount) => {
    test('a response goes on while it comes', async () => {
      const { origin, client } = await stage(mount)
      client.send(get('/a?b'))
      const exchange = await origin.request()
      expect(exchange.message.target).toBe('/a?b')
      exchange.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10', 'X-A: 1')}begun`)
      const incoming = await client.responding()
      expect(String(await incoming.body(5))).toBe('begun')
      exchange.send('ended')
      const response = await incoming.done()
      expect([response.text, response.get('x-a')]).toEqual(['begunended', '1'])
    })

    test('an upload goes on while it comes, whatever its type', async () => {
      const { origin, client } = await stage(mount)
      const fields = ['Host: a', 'Content-Type: application/json', 'Content-Length: 10']
      client.send(`${head('POST / HTTP/1.1', ...fields)}first`)
      const exchange = await origin.request()
      expect(String(await exchange.body(5))).toBe('first')
      client.send('other')
      expect((await exchange.done()).text).toBe('firstother')
      exchange.send(reply('thanks'))
      expect((await client.response()).text).toBe('thanks')
    })

    test('a client that leaves takes the upstream request with it', async () => {
      const { origin, client, gateway } = await stage(mount)
      client.send(get('/'))
      const { connection } = await origin.request()
      client.close()
      await connection.ended()
      await expect.poll(() => gateway.inFlight).toBe(0)
    })

    test('a response that breaks off looks broken', async () => {
      const { origin, client } = await stage(mount)
      client.send(get('/'))
      const exchange = await origin.request()
      exchange.send(`${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}5\r\nbegun\r\n`)
      const incoming = await client.responding()
      await incoming.body(5)
      exchange.connection.end()
      expect((await incoming.done()).verdict).toBe('incomplete')
    })

    test('a tunnel carries both directions', async () => {
      const { origin, client } = await stage(mount)
      client.send(get('/', 'Connection: Upgrade', 'Upgrade: echo'))
      const exchange = await origin.request()
      exchange.send(head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: echo'))
      expect((await client.response()).status).toBe(101)
      client.send('there')
      expect(String(await exchange.connection.take(5))).toBe('there')
      exchange.send('back')
      expect(String(await client.take(4))).toBe('back')
    })
  })

  test.each([
    ['a request', get('/admin')],
    ['an upgrade', get('/admin', 'Connection: Upgrade', 'Upgrade: x')],
  ])('F4 %s without credentials is refused by rewrite, as the README has it', async (_, request) => {
    const origin = await startOrigin()
    onTestFinished(() => origin[Symbol.asyncDispose]())
    const gateway = create({
      upstream: origin.url,
      rewrite(_, exchange) {
        if (exchange.request.fields.get('authorization') !== 'Bearer secret')
          throw new GatewayError('http_request_error', { phase: 'requestHead', status: 401 })
      },
    })
    onTestFinished(() => gateway.close(0))
    const server = createServer(gateway.handle).on('upgrade', gateway.upgrade).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const client = await connect(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
    onTestFinished(() => client.close())
    client.send(request)
    expect((await client.response()).status).toBe(401)
    expect(origin.requests).toHaveLength(0)
  })

  test('B1 what a middleware has set beside is kept: cookies, Vary; the rest is the origin’s', async () => {
    const { origin, client } = await stage(({ handle }) =>
      express()
        .use((_, response, next) => {
          response.cookie('mine', '1').cookie('too', '2').vary('Origin').set('X-A', 'mine')
          next()
        })
        .use(handle)
        .listen(0, '127.0.0.1'),
    )
    client.send(get('/'))
    ;(await origin.request()).send(reply('ok', 'Set-Cookie: o=1', 'Vary: Accept', 'X-A: origin'))
    const response = await client.response()
    expect(response.all('set-cookie')).toEqual(['mine=1; Path=/', 'too=2; Path=/', 'o=1'])
    expect(response.all('vary')).toEqual(['Origin', 'Accept'])
    expect(response.all('x-a')).toEqual(['origin'])
  })

  test.each([
    ['of known length', 'Content-Length: 2', '{}'],
    ['in chunks', 'Transfer-Encoding: chunked', '2\r\n{}\r\n0\r\n\r\n'],
  ])('B7 content %s that a parser in front has read is 500 at once', async (_, framing, content) => {
    const { origin, client } = await stage(({ handle }) =>
      express().use(express.json()).use(handle).listen(0, '127.0.0.1'),
    )
    client.send(head('POST / HTTP/1.1', 'Host: a', 'Content-Type: application/json', framing) + content)
    expect((await client.response()).status).toBe(500)
    expect(origin.connections).toHaveLength(0)
  })

  test('B7 a request of length 0 goes on behind a parser', async () => {
    const { origin, client } = await stage(({ handle }) =>
      express().use(express.json()).use(handle).listen(0, '127.0.0.1'),
    )
    client.send(head('POST / HTTP/1.1', 'Host: a', 'Content-Type: application/json', 'Content-Length: 0'))
    const exchange = await origin.request()
    expect(exchange.message.all('content-length')).toEqual(['0'])
    exchange.send(reply('ok'))
    expect((await client.response()).text).toBe('ok')
  })

  test('B2 a prefix that a router has taken away stays away', async () => {
    const { origin, client } = await stage(({ handle }) =>
      express().use('/api', handle).listen(0, '127.0.0.1'),
    )
    client.send(get('/api/a?b'))
    expect((await origin.request()).message.target).toBe('/a?b')
  })

  test('E4 a field that is set after the head is an error, and the response goes on', async () => {
    let late: ServerResponse | undefined
    const { origin, client } = await stage(({ handle }) =>
      createServer((request, response) => {
        late = response
        void handle(request, response)
      }).listen(0, '127.0.0.1'),
    )
    client.send(get('/'))
    const exchange = await origin.request()
    exchange.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}begun`)
    const incoming = await client.responding()
    await incoming.body(5)
    expect(() => late?.setHeader('X-Late', '1')).toThrow(/after they are sent/)
    exchange.send('ended')
    expect((await incoming.done()).text).toBe('begunended')
  })

  test('E4 a head that somebody else has written is not written again: the response breaks off', async () => {
    const { origin, client, gateway } = await stage(({ handle }) =>
      createServer((request, response) => {
        response.writeHead(200, { 'Content-Length': '2' })
        void handle(request, response)
      }).listen(0, '127.0.0.1'),
    )
    client.send(get('/'))
    ;(await origin.request()).send(reply('ok'))
    expect((await client.response()).verdict).toBe('incomplete')
    await expect.poll(() => gateway.inFlight).toBe(0)
  })

  test('F3 an upgrade behind a request that somebody else answers ends the connection, and not the process', async () => {
    const { client } = await stage(() => createServer(() => {}).listen(0, '127.0.0.1'))
    client.send(get('/1') + get('/2', 'Connection: Upgrade', 'Upgrade: echo'))
    expect(await client.ended()).toMatch(/^(?:fin|reset)$/)
  })
}
