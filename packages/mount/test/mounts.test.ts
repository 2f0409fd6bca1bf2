/** A gateway in each framework: what goes in and out, whole targets and prefixes, upgrades behind authentication. */

import { type Client, connect, type Origin, startOrigin } from '@relayrace/fixtures/wire'
import type { HttpGateway } from '@relayrace/gateway'
import { get, head, reply } from '@relayrace/promises/stage'
import { onNodeHttp } from '@relayrace/strategies'
import { describe, expect, onTestFinished, test } from 'vitest'
import { passUpgrades } from '../src/index.ts'
import { frameworks, type Mounting, token, urlOf } from './frameworks.ts'

interface Stage {
  readonly origin: Origin
  readonly gateway: HttpGateway
  readonly client: Client
  readonly url: URL
  /** As they came to the server, of those that went on. */
  readonly targets: readonly string[]
}

describe.each(onNodeHttp)('%s', (_, create) => {
  describe.each(Object.entries(frameworks))('B7 %s', (name, mount) => {
    async function stage(options?: Mounting): Promise<Stage> {
      const origin = await startOrigin()
      onTestFinished(() => origin[Symbol.asyncDispose]())
      const targets: string[] = []
      const gateway = create({
        upstream: origin.url,
        rewrite: (_, { request }) => void targets.push(request.originalTarget),
      })
      onTestFinished(() => gateway.close(0))
      const server = await mount(gateway, options)
      if (name !== 'Vite') passUpgrades(server)
      const url = await urlOf(server)
      const client = await connect(url)
      onTestFinished(() => client.close())
      return { origin, gateway, client, url, targets }
    }

    const upgrade = ['Connection: Upgrade', 'Upgrade: echo'] as const

    test('a response goes on while it comes, without the prefix that hooks can see', async () => {
      const { origin, client, targets } = await stage()
      client.send(get('/api/a?b', token))
      const exchange = await origin.request()
      expect([exchange.message.target, targets]).toEqual(['/a?b', ['/api/a?b']])
      exchange.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}begun`)
      const incoming = await client.responding()
      expect(String(await incoming.body(5))).toBe('begun')
      exchange.send('ended')
      expect((await incoming.done()).text).toBe('begunended')
    })

    test.each([
      ['/api', '/', '/api'],
      ['/api?a', '/?a', '/api?a'],
      ['/api/', '/', '/api/'],
      ['/api//a/%2Fb', '//a/%2Fb', '/api//a/%2Fb'],
      ['/api/a/api/b', '/a/api/b', '/api/a/api/b'],
    ])('%s is %s, or byte for byte with keepPrefix', async (target, without, whole) => {
      for (const [options, expected] of [
        [{}, without],
        [{ keepPrefix: true }, whole],
      ] as const) {
        const { origin, client } = await stage(options)
        client.send(get(target, token))
        const { message, send } = await origin.request()
        expect(message.target).toBe(expected)
        await send(reply('ok'))
        expect((await client.response()).text).toBe('ok')
      }
    })

    test('HEAD goes on, and the connection after it', async () => {
      const { origin, client } = await stage()
      client.send(head('HEAD /api/a HTTP/1.1', 'Host: a', token))
      const { message, send } = await origin.request()
      expect(message.method).toBe('HEAD')
      await send(head('HTTP/1.1 200 OK', 'Content-Length: 5'))
      const response = await client.response({ to: 'HEAD' })
      expect([response.status, response.all('content-length')]).toEqual([200, ['5']])
      client.send(get('/api/b', token))
      await (await origin.request()).send(reply('ok'))
      expect((await client.response()).text).toBe('ok')
    })

    test('what is not below the prefix is none of its business', async () => {
      const { origin, client } = await stage()
      client.send(get('/apis', token))
      expect((await client.response()).status).toBe(404)
      client.send(get('/page', token))
      expect((await client.response()).text).toBe('page')
      expect(origin.connections).toHaveLength(0)
    })

    test.each(['application/json', 'application/x-www-form-urlencoded', 'text/plain', 'x/y'])(
      'an upload of %s goes on while it comes, and may be large',
      async (type) => {
        const { origin, client } = await stage()
        const length = 2 ** 21
        const rest = Buffer.alloc(length - 5)
        const fields = ['Host: a', token, `Content-Type: ${type}`, `Content-Length: ${length}`]
        client.send(`${head('POST /api/ HTTP/1.1', ...fields)}first`)
        const exchange = await origin.request()
        expect(String(await exchange.body(5))).toBe('first')
        client.send(rest)
        expect((await exchange.done()).bodyLength).toBe(length)
        exchange.send(reply('thanks'))
        expect((await client.response()).text).toBe('thanks')
      },
    )

    test('a client that leaves ends the exchange', async () => {
      const { origin, client, gateway } = await stage()
      client.send(get('/api/', token))
      const { connection } = await origin.request()
      client.close()
      await connection.ended()
      await expect.poll(() => gateway.inFlight).toBe(0)
    })

    test('an upgrade with credentials becomes a tunnel', async () => {
      const { origin, client, gateway, targets } = await stage()
      client.send(get('/api/socket?a', token, ...upgrade))
      const exchange = await origin.request()
      expect([exchange.message.target, targets]).toEqual(['/socket?a', ['/api/socket?a']])
      exchange.send(head('HTTP/1.1 101 Switching Protocols', ...upgrade))
      expect((await client.response()).status).toBe(101)
      client.send('there')
      expect(String(await exchange.connection.take(5))).toBe('there')
      exchange.send('back')
      expect(String(await client.take(4))).toBe('back')
      client.close()
      exchange.connection.close()
      await expect.poll(() => gateway.inFlight).toBe(0)
    })

    // Vite keeps upgrades that are not below the prefix.
    test.each(['/api/admin', '/api', ...(name === 'Vite' ? [] : ['/page'])])(
      'an upgrade of %s without credentials is refused as the request is',
      async (target) => {
        const { origin, client, url } = await stage()
        client.send(get(target))
        expect((await client.response()).status).toBe(401)
        const other = await connect(url)
        onTestFinished(() => other.close())
        other.send(get(target, ...upgrade))
        expect((await other.response()).status).toBe(401)
        await other.ended()
        expect(origin.connections).toHaveLength(0)
      },
    )

    test('an upgrade that the origin refuses is answered so', async () => {
      const { origin, client, gateway } = await stage()
      client.send(get('/api/', token, ...upgrade))
      ;(await origin.request()).send(head('HTTP/1.1 403 Forbidden', 'Content-Length: 0'))
      expect((await client.response()).status).toBe(403)
      await expect.poll(() => gateway.inFlight).toBe(0)
    })

    test('an upgrade waits for the answer to what came before it', async () => {
      const { origin, client } = await stage()
      client.send(get('/api/1', token) + get('/api/2', token, ...upgrade))
      ;(await origin.request()).send(reply('one'))
      expect((await client.response()).text).toBe('one')
      const second = await origin.request()
      expect(second.message.target).toBe('/2')
      second.send(head('HTTP/1.1 101 Switching Protocols', ...upgrade))
      expect((await client.response()).status).toBe(101)
    })

    test('a client that leaves before its upgrade is answered ends the exchange', async () => {
      const { origin, client, gateway } = await stage()
      client.send(get('/api/', token, ...upgrade))
      const { connection } = await origin.request()
      client.close()
      await connection.ended()
      await expect.poll(() => gateway.inFlight).toBe(0)
    })

    if (name === 'Vite') {
      test('the WebSocket of hot module replacement stays with Vite', async () => {
        const { origin, client } = await stage()
        const fields = [
          'Connection: Upgrade',
          'Upgrade: websocket',
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
          'Sec-WebSocket-Protocol: vite-ping',
        ]
        client.send(get('/', ...fields))
        expect((await client.response()).status).toBe(101)
        // Vite closes it at once, by 1000 (RFC 6455 §7.4.1), and nobody says anything else there.
        client.send(Buffer.from([0x88, 0x80, 0, 0, 0, 0]))
        await client.ended()
        expect([...client.untaken]).toEqual([0x88, 0x02, 0x03, 0xe8])
        expect(origin.connections).toHaveLength(0)
      })
    } else {
      test('a page that is asked for with an upgrade is answered as ever', async () => {
        const { client } = await stage()
        client.send(get('/page', token, 'Connection: Upgrade', 'Upgrade: h2c'))
        expect((await client.response()).text).toBe('page')
      })
    }
  })
})
