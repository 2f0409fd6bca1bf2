/** Content that a parser in front of the mount has read: refused at once, or sent on again. */

import type { IncomingMessage, Server } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { serve } from '@hono/node-server'
import { type Client, connect, type Origin, startOrigin } from '@relayrace/fixtures/wire'
import type { HttpGateway, Upstream } from '@relayrace/gateway'
import { head, reply } from '@relayrace/promises/stage'
import { onNodeHttp } from '@relayrace/strategies'
import express from 'express'
import { Hono } from 'hono'
import Koa from 'koa'
import { describe, expect, onTestFinished, test } from 'vitest'
import { expressGateway } from '../src/express.ts'
import { honoGateway } from '../src/hono.ts'
import { koaGateway } from '../src/koa.ts'
import type { MountOptions } from '../src/mount.ts'
import { urlOf } from './frameworks.ts'

/** Each has a parser in front, and answers 500 with the message of an error. */
const parsing: Readonly<Record<string, (gateway: HttpGateway, options?: MountOptions) => Server>> = {
  Express: (gateway, options) =>
    express()
      .use(
        express.json(),
        express.urlencoded({ extended: true }),
        express.raw({ type: 'x/raw' }),
        express.text(),
      )
      .use(expressGateway(gateway, options))
      .use((error: Error, _request: unknown, response: express.Response, _next: unknown) => {
        response.status(500).send(error.message)
      })
      .listen(0, '127.0.0.1'),

  Koa: (gateway, options) =>
    new Koa()
      .use(async (context, next) => {
        await next().catch((error: Error) => {
          Object.assign(context, { status: 500, body: error.message })
        })
      })
      .use(async (context, next) => {
        Object.assign(context.request, { body: await read(context.req) })
        await next()
      })
      .use(koaGateway(gateway, options))
      .listen(0, '127.0.0.1'),
}

async function read(request: IncomingMessage): Promise<unknown> {
  const type = request.headers['content-type'] ?? ''
  const content = (await buffer(request)).toString(type.includes('utf-16') ? 'utf16le' : 'utf8')
  if (type.startsWith('application/json')) return JSON.parse(content)
  if (type.startsWith('application/x-www')) return Object.fromEntries(new URLSearchParams(content))
  return type === 'x/raw' ? Buffer.from(content) : content
}

describe.each(onNodeHttp)('%s', (_, create) => {
  interface Stage {
    readonly origin: Origin
    readonly client: Client
    readonly gateway: HttpGateway
  }

  async function stage(
    mount: (gateway: HttpGateway, options?: MountOptions) => Server,
    options: MountOptions = { replayParsed: true },
    upstream?: Upstream,
  ): Promise<Stage> {
    const origin = await startOrigin()
    onTestFinished(() => origin[Symbol.asyncDispose]())
    const gateway = create({ upstream: upstream ?? origin.url })
    onTestFinished(() => gateway.close(0))
    const client = await connect(await urlOf(mount(gateway, options)))
    onTestFinished(() => client.close())
    return { origin, client, gateway }
  }

  const post = (type: string, content: string, ...fields: string[]): Buffer => {
    const length = `Content-Length: ${Buffer.byteLength(content)}`
    return Buffer.from(
      head('POST /a HTTP/1.1', 'Host: a', `Content-Type: ${type}`, length, ...fields) + content,
    )
  }

  describe.each(Object.entries(parsing))('B7 content that a parser in front of %s has read', (_, mount) => {
    test.each([
      ['application/json', '{"a": [1, "\u{e9}"]}', '{"a":[1,"\u{e9}"]}'],
      ['application/json; charset=UTF-8', '{ }', '{}'],
      ['application/x-www-form-urlencoded', 'a=1&b=%20%26', 'a=1&b=+%26'],
      ['x/raw', 'any\r\nbytes', 'any\r\nbytes'],
    ])('is sent on again with replayParsed: %s', async (type, content, sent) => {
      const { origin, client, gateway } = await stage(mount)
      client.send(post(type, content, 'X-A: 1', 'Content-MD5: x'))
      const { message, done, send } = await origin.request()
      await done()
      expect(message.body.toString()).toBe(sent)
      expect(message.all('content-length')).toEqual([String(Buffer.byteLength(sent))])
      expect(['content-type', 'x-a', 'content-md5'].map((name) => message.all(name))).toEqual([
        [type],
        ['1'],
        [],
      ])
      await send(reply('ok'))
      expect((await client.response()).text).toBe('ok')
      // And the connection is in step.
      client.send(post(type, content))
      await (await origin.request()).send(reply('more'))
      expect((await client.response()).text).toBe('more')
      await expect.poll(() => gateway.inFlight).toBe(0)
    })

    test('in chunks too, and goes on with its length', async () => {
      const { origin, client } = await stage(mount)
      const fields = ['Host: a', 'Content-Type: application/json', 'Transfer-Encoding: chunked']
      client.send(`${head('POST / HTTP/1.1', ...fields)}2\r\n{}\r\n0\r\n\r\n`)
      const { message, done, send } = await origin.request()
      await done()
      expect([message.text, message.all('content-length'), message.all('transfer-encoding')]).toEqual([
        '{}',
        ['2'],
        [],
      ])
      await send(reply('ok'))
      expect((await client.response()).text).toBe('ok')
    })

    test.each([
      ['text/plain', 'text', 'it was text/plain'],
      ['application/json; charset=utf-16le', '{\0}\0', 'its charset was utf-16le'],
    ])('is refused with the reason when it cannot be written again: %s', async (type, content, reason) => {
      const { origin, client } = await stage(mount)
      client.send(post(type, content))
      const response = await client.response()
      expect([response.status, response.text]).toEqual([500, expect.stringContaining(reason)])
      expect(origin.connections).toHaveLength(0)
    })

    test('is 500 at once without replayParsed', async () => {
      const { origin, client } = await stage(mount, {})
      client.send(post('application/json', '{}'))
      expect((await client.response()).status).toBe(500)
      expect(origin.connections).toHaveLength(0)
    })
  })

  test.each<[string, (gateway: HttpGateway) => Server]>([
    [
      'Express',
      (gateway) =>
        express()
          .use(express.json())
          .use('/api', expressGateway(gateway, { replayParsed: true }))
          .listen(0, '127.0.0.1'),
    ],
    [
      'Koa',
      (gateway) =>
        new Koa()
          .use(async (context, next) => {
            Object.assign(context.request, { body: await read(context.req) })
            await next()
          })
          .use(koaGateway(gateway, { prefix: '/api', replayParsed: true }))
          .listen(0, '127.0.0.1'),
    ],
    [
      'Hono',
      (gateway) => {
        const app = new Hono()
        app.use(async ({ req }, next) => {
          await req.text()
          await next()
        })
        app.all('/api/*', honoGateway(gateway, { prefix: '/api', replayParsed: true }))
        return serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server
      },
    ],
  ])(
    'B7 what is sent on again still says what was asked for, before %s took the prefix off',
    async (_, mount) => {
      const asked: unknown[] = []
      const { client } = await stage(mount, {}, ({ request: { target, originalTarget, version } }) => {
        asked.push([target, originalTarget, version])
        return { status: 204 }
      })
      client.send(post('application/json', '{}', 'X-A: 1').toString().replace('/a ', '/api/a?b '))
      expect((await client.response()).status).toBe(204)
      expect(asked).toEqual([['/a?b', '/api/a?b', '1.1']])
    },
  )

  test.each(['a=1&a=2', 'a[]=1', 'a[b]=1'])(
    'B7 a form in which several things could have been meant is refused: %s',
    async (form) => {
      const { client } = await stage(parsing.Express as never)
      client.send(post('application/x-www-form-urlencoded', form))
      const response = await client.response()
      expect([response.status, response.text]).toEqual([500, expect.stringContaining('several times')])
    },
  )

  test('B7 what was packed goes on unpacked', async () => {
    const { origin, client } = await stage(parsing.Express as never)
    const packed = gzipSync('{"a":1}')
    const fields = ['Content-Type: application/json', 'Content-Encoding: gzip']
    client.send(head('POST / HTTP/1.1', 'Host: a', ...fields, `Content-Length: ${packed.length}`))
    client.send(packed)
    const { message, done } = await origin.request()
    await done()
    expect([message.text, message.all('content-encoding')]).toEqual(['{"a":1}', []])
  })

  test('B7 what Hono has read is sent on again with replayParsed', async () => {
    const { origin, client } = await stage((gateway, options) => {
      const app = new Hono()
      app.use(async ({ req }, next) => {
        await req.text()
        await next()
      })
      app.all('*', honoGateway(gateway, options))
      return serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server
    })
    client.send(post('text/plain', 'as it was'))
    const { message, done, send } = await origin.request()
    await done()
    expect([message.text, message.all('content-length')]).toEqual(['as it was', ['9']])
    await send(reply('ok'))
    expect((await client.response()).text).toBe('ok')
  })
})
