/** What every strategy promises of a route that has TLS settings of its own: nothing of them reaches another one. */

import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket, TlsOptions } from 'node:tls'
import { type Certificates, certificates } from '@relayrace/fixtures/certificates'
import { type Origin, startOrigin } from '@relayrace/fixtures/wire'
import type { Choice, Strategy, UpstreamTls } from '@relayrace/gateway'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { get, head, reply, type Stage, stageFor } from './stage.ts'

/** Answers with the name that it was asked for, and that of who asks. */
async function mirror(options: TlsOptions): Promise<string> {
  const mirror = createServer(
    { ...options, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const socket = request.socket as TLSSocket & { servername: string | false }
      const { subject } = socket.getPeerCertificate()
      response.end(`${socket.servername} ${subject?.CN ?? 'nobody'}`)
    },
  )
  mirror.on('upgrade', (_, socket) => {
    const { subject } = (socket as TLSSocket).getPeerCertificate()
    socket.end(
      head('HTTP/1.1 101 Switching', 'Connection: Upgrade', 'Upgrade: name') + (subject?.CN ?? 'nobody'),
    )
  })
  mirror.listen(0, '127.0.0.1')
  onTestFinished(() => {
    mirror.close()
    mirror.closeAllConnections()
  })
  await once(mirror, 'listening')
  return `https://127.0.0.1:${(mirror.address() as AddressInfo).port}`
}

export function securedBy(create: Strategy): void {
  const stage = stageFor(create)
  let made: Certificates
  beforeAll(async () => {
    made = await certificates()
  })

  async function origin(tls: TlsOptions): Promise<Origin> {
    const origin = await startOrigin({ tls })
    onTestFinished(() => origin[Symbol.asyncDispose]())
    return origin
  }

  /** A gateway that goes where each request says by its path: a name of one of these. */
  async function along(routes: Readonly<Record<string, () => Choice>>, tls?: UpstreamTls): Promise<Stage> {
    return stage({
      upstream: ({ request }) => routes[request.path.slice(1)]?.() ?? { status: 404 },
      ...(tls && { tls }),
    })
  }

  async function asked({ client }: Stage, name: string): Promise<string> {
    client.send(get(`/${name}`))
    const { status, text } = await client.response()
    return status === 200 ? text : `${status}`
  }

  describe('a route with tls of its own', () => {
    test('trusts whom it says, and nobody else', async () => {
      const { ca, server, selfSigned } = made
      const one = await mirror(server)
      const other = await mirror(selfSigned)
      const [trustsOne, trustsOther] = [{ ca }, { ca: selfSigned.cert }]
      const routes = {
        one: { to: one, tls: trustsOne },
        other: { to: other, tls: trustsOther },
        crossed: { to: one, tls: trustsOther },
        'crossed-too': { to: other, tls: trustsOne },
        'as-the-gateway': { to: one },
        whoever: { to: one, tls: { rejectUnauthorized: false } },
      }
      const gateway = await along(
        Object.fromEntries(Object.entries(routes).map(([name, route]) => [name, () => route])),
      )
      for (let round = 0; round < 2; round++) {
        for (const [name, expected] of [
          ['one', 'false nobody'],
          ['other', 'false nobody'],
          ['whoever', 'false nobody'],
          ['crossed', '502'],
          ['crossed-too', '502'],
          ['as-the-gateway', '502'],
          ['one', 'false nobody'],
        ] as const)
          expect([name, await asked(gateway, name)]).toEqual([name, expected])
      }
    })

    test('shows its certificate, and no other one', async () => {
      const { ca, server, client, selfSigned } = made
      const to = await mirror({ ...server, ca })
      const ours = { to, tls: { ca, ...client } }
      const theirs = { to, tls: { ca, ...selfSigned } }
      const none = { to, tls: { ca } }
      const gateway = await along(
        { ours: () => ours, theirs: () => theirs, none: () => none, gateway: () => to },
        { ca, ...client },
      )
      const subject = 'false relayrace test client'
      for (let round = 0; round < 2; round++) {
        expect(await asked(gateway, 'gateway')).toBe(subject)
        expect(await asked(gateway, 'none')).toBe('false nobody')
        expect(await asked(gateway, 'ours')).toBe(subject)
        const another = await asked(gateway, 'theirs')
        expect(another).not.toBe(subject)
        expect(another).not.toBe('false nobody')
      }
    })

    test('says its servername', async () => {
      const { ca, server } = made
      const to = await mirror(server)
      const routes = {
        local: { to, tls: { ca, servername: 'localhost' } },
        elsewhere: { to, tls: { ca, servername: 'elsewhere.example', rejectUnauthorized: false } },
        wrong: { to, tls: { ca, servername: 'elsewhere.example' } },
        none: { to, tls: { ca } },
      }
      const gateway = await along(
        Object.fromEntries(Object.entries(routes).map(([name, route]) => [name, () => route])),
      )
      for (let round = 0; round < 2; round++) {
        expect(await asked(gateway, 'local')).toBe('localhost nobody')
        expect(await asked(gateway, 'elsewhere')).toBe('elsewhere.example nobody')
        expect(await asked(gateway, 'wrong')).toBe('502')
        expect(await asked(gateway, 'none')).toBe('false nobody')
      }
    })

    test('shares connections with what has the same object, and with nothing else', async () => {
      const { ca, server } = made
      const secure = await origin(server)
      const to = secure.url.href.replace('127.0.0.1', 'localhost')
      const tls = { ca }
      const gateway = await along(
        {
          made: () => ({ to, tls }),
          'made-with': () => ({ to, tls: { ca } }),
          gateway: () => to,
        },
        { ca },
      )
      const connectionOf = async (name: string): Promise<unknown> => {
        gateway.client.send(get(`/${name}`))
        const exchange = await secure.request()
        await exchange.send(reply('ok'))
        expect((await gateway.client.response()).text).toBe('ok')
        return exchange.connection
      }
      const first = await connectionOf('made')
      expect(await connectionOf('made')).toBe(first)
      const second = await connectionOf('made-with')
      const third = await connectionOf('made-with')
      const fourth = await connectionOf('gateway')
      expect(new Set([first, second, third, fourth]).size).toBe(4)
      expect(await connectionOf('gateway')).toBe(fourth)
    })

    test('made anew each time leaves no more connections than may be idle', async () => {
      const { ca, server } = made
      const to = await mirror(server)
      const { client, gateway } = await stage({
        upstream: () => ({ to, tls: { ca } }),
        pool: { idle: 2 },
      })
      for (let i = 0; i < 6; i++) {
        client.send(get('/'))
        expect((await client.response()).status).toBe(200)
      }
      await expect.poll(() => gateway.pool.connections).toBeLessThanOrEqual(2)
    })

    test.each([
      ['a ca that is none', { ca: 'nonsense' }],
      ['a certificate without its key', { cert: 'nonsense' }],
      ['a servername that is none', { servername: 1 as never }],
      ['a tls that is none', 'nonsense' as never],
    ])('with %s is the gateway’s fault: 500, and the others are served', async (_, tls: UpstreamTls) => {
      const { ca, server } = made
      const to = await mirror(server)
      const gateway = await along({ wrong: () => ({ to, tls }), right: () => ({ to, tls: { ca } }) })
      for (let round = 0; round < 2; round++) {
        expect(await asked(gateway, 'wrong')).toBe('500')
        expect(await asked(gateway, 'right')).toBe('false nobody')
      }
    })

    test('shows its certificate for a tunnel as well', async () => {
      const { ca, server, client: ours } = made
      const to = await mirror({ ...server, ca })
      const { client } = await along({ tunnel: () => ({ to, tls: { ca, ...ours } }) })
      client.send(get('/tunnel', 'Connection: Upgrade', 'Upgrade: name'))
      expect((await client.response()).status).toBe(101)
      expect(String(await client.take(21))).toBe('relayrace test client')
    })

    test('is where an answer turns a request to', async () => {
      const { ca, server } = made
      const to = await mirror(server)
      const first = await startOrigin()
      onTestFinished(() => first[Symbol.asyncDispose]())
      const { client } = await stage({
        upstream: first.url,
        modifyResponse: ({ status }) => (status === 302 ? { to, tls: { ca } } : undefined),
      })
      client.send(get('/'))
      await (await first.request()).send(head('HTTP/1.1 302 Found', 'Location: /', 'Content-Length: 0'))
      expect((await client.response()).text).toBe('false nobody')
    })
  })
}
