/** What the suite cannot see from outside of a program: whose a connection is, and what is counted (POOL-08, OBS-03). */

import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import { certificates } from '@relayrace/fixtures/certificates'
import { connect, startOrigin } from '@relayrace/fixtures/wire'
import type { GatewayOptions, Strategy } from '@relayrace/gateway'
import { describe, expect, onTestFinished, test } from 'vitest'
import { get, head, reply, stageFor } from './stage.ts'

export function unseenOf(create: Strategy): void {
  const stage = stageFor(create)

  describe('B4 no upstream connection is shared (POOL-08)', () => {
    test('between addresses', async () => {
      const [one, two] = await Promise.all([startOrigin(), startOrigin()])
      onTestFinished(() => one[Symbol.asyncDispose]())
      onTestFinished(() => two[Symbol.asyncDispose]())
      const { client } = await stage({
        upstream: ({ request }) => (request.target.startsWith('/one') ? one.url : two.url),
      })
      for (const [target, origin] of [
        ['/one/1', one],
        ['/two/1', two],
        ['/one/2', one],
        ['/two/2', two],
      ] as const) {
        client.send(get(target))
        const { message, send } = await origin.request()
        expect(message.target).toBe(target)
        await send(reply(target))
        expect((await client.response()).text).toBe(target)
      }
      expect([one.connections.length, two.connections.length]).toEqual([1, 1])
    })

    test.each([['http'], ['https']])('between names of one address, by %s', async (scheme) => {
      const { ca, server } = await certificates()
      const { origin, client } = await stage(
        {
          tls: { ca },
          upstream: ({ request }) => `${scheme}://${request.target.slice(1)}:${new URL(upstream()).port}`,
          lookup: (_, { all }, callback) =>
            all === true
              ? callback(null, [{ address: '127.0.0.1', family: 4 }])
              : callback(null, '127.0.0.1', 4),
        },
        scheme === 'https' ? server : undefined,
      )
      const upstream = (): URL => origin.url
      for (const name of ['localhost', '127.0.0.1', 'localhost', '127.0.0.1']) {
        client.send(get(`/${name}`))
        const { message, send } = await origin.request()
        expect(message.get('host')).toBe(`${name}:${origin.port}`)
        await send(reply('ok'))
        await client.response()
      }
      expect(origin.connections.map(({ requests }) => requests.length)).toEqual([2, 2])
    })

    test('between gateways, so none between their settings', async () => {
      const first = await stage()
      const second = create({ upstream: first.origin.url, tls: { key: 'another' } })
      onTestFinished(() => second.close(0))
      const { url } = await second.listen()
      const client = await connect(url)
      onTestFinished(() => client.close())
      for (const asking of [first.client, client, first.client]) {
        asking.send(get('/'))
        await (await first.origin.request()).send(reply('ok'))
        await asking.response()
      }
      expect(first.origin.connections.map(({ requests }) => requests.length)).toEqual([2, 1])
    })

    test('between certificates: an origin is shown that of the gateway that asks', async () => {
      const { ca, server, client: certificate } = await certificates()
      const options = { ...server, requestCert: true, rejectUnauthorized: false }
      let connections = 0
      const origin = tls.createServer(options, (socket: TLSSocket) => {
        connections++
        const name = String(socket.getPeerCertificate().subject?.CN ?? 'nobody')
        socket.on('error', () => {})
        socket.on('data', () => socket.write(reply(name)))
      })
      origin.listen(0, '127.0.0.1')
      onTestFinished(() => void origin.close())
      await once(origin, 'listening')
      const upstream = `https://localhost:${(origin.address() as AddressInfo).port}`
      const gateway = async (own: GatewayOptions['tls']) =>
        (await stage({ upstream, tls: { ca, ...own } })).client
      const clients = { nobody: await gateway({}), 'relayrace test client': await gateway(certificate) }
      for (const [name, client] of [...Object.entries(clients), ...Object.entries(clients)]) {
        client.send(get('/'))
        expect((await client.response()).text).toBe(name)
      }
      expect(connections).toBe(2)
    })
  })

  describe('A9 what is counted up is counted down (OBS-03)', () => {
    test('exchanges, connections, those who wait and tunnels: nothing is left, however they end', async () => {
      const { origin, gateway, client: tunnelled, url } = await stage({ pool: { connections: 2 } })
      const counts = () => ({ inFlight: gateway.inFlight, ...gateway.pool })
      const another = async () => {
        const client = await connect(url)
        onTestFinished(() => client.close())
        return client
      }
      const nothing = { inFlight: 0, connections: 0, idle: 0, waiting: 0 }
      expect(counts()).toEqual(nothing)
      tunnelled.send(get('/tunnel', 'Connection: Upgrade', 'Upgrade: echo'))
      const tunnel = await origin.request()
      tunnel.send(head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: echo'))
      expect((await tunnelled.response()).status).toBe(101)
      const asking = await another()
      asking.send(get('/half'))
      const half = await origin.request()
      half.send(head('HTTP/1.1 200 OK', 'Content-Length: 10').concat('begun'))
      const incoming = await asking.responding()
      await incoming.body(5)
      await expect.poll(counts).toEqual({ ...nothing, inFlight: 2, connections: 1 })
      const waiting = await another()
      waiting.send(get('/waits'))
      await expect.poll(counts).toEqual({ inFlight: 3, connections: 1, idle: 0, waiting: 1 })

      waiting.reset()
      await expect.poll(counts).toEqual({ ...nothing, inFlight: 2, connections: 1 })
      half.connection.reset()
      expect((await incoming.done()).verdict).toBe('incomplete')
      await expect.poll(counts).toEqual({ ...nothing, inFlight: 1 })
      tunnelled.reset()
      await expect.poll(counts).toEqual(nothing)
    })

    test('a connection that nobody accepts', async () => {
      const silent = createServer().listen(0, '127.0.0.1')
      onTestFinished(() => void silent.close())
      await once(silent, 'listening')
      // TLS never comes to be.
      const upstream = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`
      const { gateway, client } = await stage({ upstream })
      client.send(get('/'))
      await expect.poll(() => gateway.inFlight).toBe(1)
      client.reset()
      await expect
        .poll(() => ({ inFlight: gateway.inFlight, ...gateway.pool }))
        .toEqual({ inFlight: 0, connections: 0, idle: 0, waiting: 0 })
    })
  })
}
