/** Several gateways behind one server with one table of routes. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Client, connect, type Origin, startOrigin } from '@relayrace/fixtures/wire'
import type { HttpGateway, Strategy } from '@relayrace/gateway'
import { get, head, reply } from '@relayrace/promises/stage'
import { onNodeHttp } from '@relayrace/strategies'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Mount, type MountOptions, type MountRoute, mount } from '../src/index.ts'

interface Stage {
  readonly mounted: Mount
  readonly origin: Origin
  /** A client of its own. */
  readonly visit: () => Promise<Client>
}

describe.each(onNodeHttp)('%s', (_, create) => {
  /** The same strategy, in a gateway of its own that says in Via which one it is. */
  const named =
    (pseudonym: string, made: HttpGateway[] = []): Strategy<HttpGateway> =>
    (options) => {
      const gateway = create({ ...options, pseudonym })
      made.push(gateway)
      return gateway
    }

  async function stage(
    routes: (origin: Origin) => readonly MountRoute[],
    options: Partial<MountOptions> = {},
  ): Promise<Stage> {
    const origin = await startOrigin()
    onTestFinished(() => origin[Symbol.asyncDispose]())
    const mounted = mount(routes(origin), { strategy: named('rest'), ...options })
    onTestFinished(() => mounted.close(0))
    const server = createServer(mounted.handle).on('upgrade', mounted.upgrade).listen(0, '127.0.0.1')
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    return {
      mounted,
      origin,
      async visit() {
        const client = await connect(new URL(`http://127.0.0.1:${port}`))
        onTestFinished(() => client.close())
        return client
      },
    }
  }

  describe('C1 several services behind one server, each with its own strategy', () => {
    test('requests and upgrades go through that of their route, all others through that of the mount', async () => {
      const { origin, visit } = await stage(({ url }) => [
        { path: '/app1/', upstream: url, replace: '/', strategy: named('first') },
        { path: '/app2/', upstream: url, host: 'a', strategy: named('second') },
        { path: '/app3/', upstream: url },
      ])
      const client = await visit()
      for (const [target, asked, via] of [
        ['/app1/x?y', '/x?y', '1.1 first'],
        ['/app2/x', '/app2/x', '1.1 second'],
        ['/app3/x', '/app3/x', '1.1 rest'],
        ['/app3/../app1/x', '/x', '1.1 first'],
      ] as const) {
        client.send(get(target))
        const { message, send } = await origin.request()
        expect([message.target, message.get('via')], target).toEqual([asked, via])
        await send(reply('ok'))
        expect((await client.response()).text).toBe('ok')
      }
      for (const [target, status] of [
        ['/none', 404],
        ['/app1', 308],
        ['/app1/..;/', 400],
      ] as const) {
        client.send(get(target))
        expect((await client.response()).status).toBe(status)
      }
      client.send(get('/app1/socket', 'Connection: Upgrade', 'Upgrade: websocket'))
      const { message, connection } = await origin.request()
      expect([message.target, message.get('via')]).toEqual(['/socket', '1.1 first'])
      connection.send(head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket'))
      expect((await client.response()).status).toBe(101)
      client.send('hi')
      expect(String(await connection.take(2))).toBe('hi')
    })

    test('there is one gateway for each strategy, with what all are given', () => {
      const made: HttpGateway[] = []
      const first = named('first', made)
      const to = 'http://127.0.0.1:9'
      mount(
        [
          { path: '/a/', upstream: to, strategy: first },
          { path: '/b/', upstream: to, strategy: first },
        ],
        { strategy: named('rest', made) },
      )
      expect(made).toHaveLength(2)
      const misspelt = { timeouts: { totla: 1 } } as MountOptions['gateway']
      expect(() => mount([], { strategy: create, ...(misspelt && { gateway: misspelt }) })).toThrow(
        'timeouts.total',
      )
    })

    test.each<[unknown[], unknown, string]>([
      [[], {}, 'Option strategy has to be a function such as createPipeProxy'],
      [
        [{ path: '/a', upstream: 'http://a', strategy: 'b' }],
        { strategy: create },
        'Route /a: strategy is a',
      ],
      [[{ path: '/a' }], { strategy: create }, 'Route /a: upstream is missing'],
    ])('a TypeError names what makes no sense: %j', (routes, options, message) => {
      expect(() => mount(routes as MountRoute[], options as MountOptions)).toThrow(message)
    })

    test('middleware is asked once, whichever gateway it is', async () => {
      let asked = 0
      const { visit, origin } = await stage(
        ({ url }) => [{ path: '/app1/', upstream: url, strategy: named('first') }],
        {
          middleware: [
            ({ request }, next) => {
              asked++
              return request.fields.has('authorization') ? next() : { status: 401 }
            },
          ],
        },
      )
      for (const fields of [[], ['Connection: Upgrade', 'Upgrade: websocket']]) {
        const client = await visit()
        client.send(get('/app1/', ...fields))
        expect((await client.response()).status).toBe(401)
      }
      expect([asked, origin.connections.length]).toEqual([2, 0])
    })
  })

  describe('routes of a mount are replaced while they run', () => {
    test('what is under way ends where it is, and then its gateway closes', async () => {
      const made: HttpGateway[] = []
      const { mounted, origin, visit } = await stage(({ url }) => [
        { path: '/', upstream: url, strategy: named('old', made) },
      ])
      const client = await visit()
      client.send(get('/'))
      const first = await origin.request()
      mounted.replace([{ path: '/', upstream: origin.url, strategy: named('new') }])
      expect(mounted.inFlight).toBe(1)
      const other = await visit()
      other.send(get('/'))
      const second = await origin.request()
      expect(second.message.get('via')).toBe('1.1 new')
      await second.send(reply('new'))
      expect((await other.response()).text).toBe('new')
      await first.send(reply('old'))
      expect((await client.response()).text).toBe('old')
      await expect.poll(() => [mounted.inFlight, made[0]?.pool.connections]).toEqual([0, 0])
      client.send(get('/'))
      const third = await origin.request()
      expect(third.message.get('via')).toBe('1.1 new')
      await third.send(reply('new'))
      expect((await client.response()).text).toBe('new')
    })

    test('and the gateway closes as well where what was under way has thrown', async () => {
      const thrown = Promise.withResolvers<never>()
      const close = vi.fn(async () => {})
      const broken = { name: 'broken', inFlight: 0, handle: () => thrown.promise, close } as never
      const { mounted } = await stage(({ url }) => [{ path: '/', upstream: url, strategy: () => broken }])
      const handled = mounted.handle({ url: '/', rawHeaders: [] } as never, {} as never)
      mounted.replace([])
      expect(close).not.toHaveBeenCalled()
      thrown.reject(new Error('broken'))
      await expect(handled).rejects.toThrow('broken')
      expect(close).toHaveBeenCalledTimes(1)
    })

    test('not if the new ones make no sense', async () => {
      const { mounted, visit } = await stage(() => [
        { path: '/', upstream: () => ({ status: 200, body: 'old' }), strategy: named('old') },
      ])
      expect(() => mounted.replace([{ path: '/a/../', upstream: 'http://a' }])).toThrow(TypeError)
      const client = await visit()
      client.send(get('/'))
      expect((await client.response()).text).toBe('old')
    })

    test('nor is any of their strategies taken then', async () => {
      const { mounted, origin, visit } = await stage(({ url }) => [
        { path: '/', upstream: url, strategy: named('old') },
      ])
      const made: HttpGateway[] = []
      const strategy = named('new', made)
      const wrong = [
        { path: '/', upstream: origin.url, strategy },
        { path: '/wrong', upstream: 'ftp://a', strategy },
      ]
      expect(() => mounted.replace(wrong)).toThrow('Route /wrong')
      expect(made).toEqual([])
      const client = await visit()
      client.send(get('/'))
      const asked = await origin.request()
      expect(asked.message.get('via')).toBe('1.1 old')
    })

    test('closing it closes all of them', async () => {
      const { mounted, origin, visit } = await stage(({ url }) => [
        { path: '/', upstream: url, strategy: named('first') },
      ])
      const client = await visit()
      client.send(get('/'))
      await origin.request()
      mounted.replace([])
      await mounted.close(0)
      expect((await client.response()).status).toBe(503)
      expect(mounted.inFlight).toBe(0)
    })
  })
})
