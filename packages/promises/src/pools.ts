/** One meaning of `pool.connections` and `pool.idle`: all upstream connections of the gateway, whatever origin they are to. */

import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { certificates } from '@relayrace/fixtures/certificates'
import { type Client, connect, type Exchange, type Origin, startOrigin } from '@relayrace/fixtures/wire'
import type { GatewayOptions, Pool, Strategy } from '@relayrace/gateway'
import { describe, expect, onTestFinished, test } from 'vitest'
import { get, head, reply, type Stage, stageFor } from './stage.ts'

export function totalsOf(create: Strategy): void {
  describe('B4 the pool is counted in total', () => totals(stageFor(create)))
}

function totals(stage: ReturnType<typeof stageFor>): void {
  /** A gateway before two origins, told apart by the first letters of the path. */
  async function between(
    pool: Partial<Pool>,
    tls?: { cert: string; key: string },
    elsewhere?: string,
    modifyResponse?: GatewayOptions['modifyResponse'],
  ) {
    const { ca } = await certificates()
    const [one, two] = await Promise.all([startOrigin(), startOrigin(tls === undefined ? {} : { tls })])
    for (const origin of [one, two]) onTestFinished(() => origin[Symbol.asyncDispose]())
    const options: Partial<GatewayOptions> = {
      pool,
      tls: { ca },
      ...(modifyResponse && { modifyResponse }),
      // Nothing but what is tested ends what is being made.
      timeouts: { connect: Number.POSITIVE_INFINITY, tls: Number.POSITIVE_INFINITY },
      upstream: ({ request: { target } }) =>
        elsewhere !== undefined && target === '/elsewhere'
          ? elsewhere
          : target.startsWith('/one')
            ? one.url
            : two.url,
    }
    const { gateway, client, url } = await stage(options)
    const another = async (): Promise<Client> => {
      const other = await connect(url)
      onTestFinished(() => other.close())
      return other
    }
    return { one, two, gateway, client, another }
  }

  async function answered(client: Client, origin: Origin, text: string): Promise<Exchange> {
    client.send(text)
    const exchange = await origin.request()
    await exchange.send(reply('ok'))
    expect((await client.response()).text).toBe('ok')
    return exchange
  }

  const settled = ({ gateway }: Pick<Stage, 'gateway'>, idle: number): Promise<void> =>
    expect.poll(() => ({ ...gateway.pool })).toEqual({ connections: idle, idle, waiting: 0 })

  test.each([
    ['plain', false],
    ['over TLS', true],
  ])('pool.connections: an idle one makes room for one to another origin, %s', async (_, secure) => {
    const tls = secure ? (await certificates()).server : undefined
    const { one, two, client, gateway } = await between({ connections: 1 }, tls)
    const first = await answered(client, one, get('/one'))
    await settled({ gateway }, 1)
    await answered(client, two, get('/two'))
    await first.connection.ended()
    await settled({ gateway }, 1)
    await answered(client, one, get('/one'))
    expect([one.connections.length, two.connections.length]).toEqual([2, 1])
  })

  test.each([
    ['an upgrade', get('/two', 'Connection: Upgrade', 'Upgrade: echo')],
    ['an expectation', head('POST /two HTTP/1.1', 'Host: a', 'Expect: 100-continue', 'Content-Length: 0')],
    ['OPTIONS *', head('OPTIONS * HTTP/1.1', 'Host: a')],
  ])('pool.connections: an idle one makes room for %s', async (_, text) => {
    const { one, two, client, gateway } = await between({ connections: 1 })
    const first = await answered(client, one, get('/one'))
    await settled({ gateway }, 1)
    client.send(text)
    await two.request()
    await first.connection.ended()
  })

  test('one that has refused an upgrade is not asked again: many end it then, and do not say so', async () => {
    const { one, client, gateway } = await between({})
    const refused = await answered(client, one, get('/one', 'Connection: Upgrade', 'Upgrade: echo'))
    await refused.connection.ended()
    await settled({ gateway }, 0)
  })

  test('nor one whose refusal a hook does not pass on', async () => {
    const { one, client, gateway } = await between({}, undefined, undefined, async () => {
      throw new Error('not that')
    })
    client.send(get('/one', 'Connection: Upgrade', 'Upgrade: echo'))
    const { send, connection } = await one.request()
    await send(reply('no'))
    expect((await client.response()).status).toBe(502)
    await connection.ended()
    await settled({ gateway }, 0)
  })

  test('pool.connections: never are more open than that, in use and idle together', async () => {
    const { one, two, another, gateway } = await between({ connections: 3 })
    let most = 0
    const answering = [one, two].map(async (origin) => {
      for (let i = 0; i < 20; i++) {
        const { send } = await origin.request()
        most = Math.max(most, gateway.pool.connections)
        await send(reply('ok'))
      }
    })
    const clients = await Promise.all(Array.from({ length: 8 }, another))
    await Promise.all(
      clients.map(async (client, i) => {
        for (let j = 0; j < 5; j++) {
          client.send(get((i + j) % 2 === 0 ? '/one' : '/two'))
          expect((await client.response()).text).toBe('ok')
        }
      }),
    )
    await Promise.all(answering)
    expect(most).toBe(3)
  })

  test('pool.idle: they are counted over all origins, and the freshest are kept', async () => {
    const { one, two, client, gateway } = await between({ idle: 1 })
    const first = await answered(client, one, get('/one'))
    await settled({ gateway }, 1)
    await answered(client, two, get('/two'))
    await first.connection.ended()
    await settled({ gateway }, 1)
    await answered(client, two, get('/two'))
    expect(two.connections).toHaveLength(1)
  })

  test('pool.idle: as many of one origin are kept', async () => {
    const { one, client, another, gateway } = await between({ idle: 1 })
    const other = await another()
    client.send(get('/one/1'))
    other.send(get('/one/2'))
    for (const { send } of [await one.request(), await one.request()]) await send(reply('ok'))
    await Promise.all([client.response(), other.response()])
    await settled({ gateway }, 1)
  })

  test('one that is being made ends with its exchange, and leaves its place to the next', async () => {
    // It accepts, and says nothing: TLS never comes to be.
    const silent = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void silent.close())
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const { one, client, another } = await between({ connections: 1 }, undefined, `https://127.0.0.1:${port}`)
    client.send(get('/elsewhere'))
    const [dialled] = (await once(silent, 'connection')) as [Socket]
    const ended = once(dialled.on('error', () => {}).resume(), 'close')
    client.close()
    await ended
    await answered(await another(), one, get('/one'))
  })

  describe('one that a client has logged in to', () => {
    const credentials = 'Authorization: NTLM x'

    test('is not given up for somebody else, who waits', async () => {
      const { one, two, client, another, gateway } = await between({ connections: 1 })
      const { connection } = await answered(client, one, get('/one', credentials))
      await settled({ gateway }, 1)
      const other = await another()
      other.send(get('/two'))
      await expect.poll(() => gateway.pool.waiting).toBe(1)
      expect((await answered(client, one, get('/one'))).connection.id).toBe(connection.id)
      client.close()
      await (await two.request()).send(reply('ok'))
      expect((await other.response()).text).toBe('ok')
    })

    test('is given up for its own client', async () => {
      const { one, two, client, gateway } = await between({ connections: 1 })
      const { connection } = await answered(client, one, get('/one', credentials))
      await settled({ gateway }, 1)
      await answered(client, two, get('/two'))
      await connection.ended()
    })

    test('is kept before those of nobody in particular', async () => {
      const { one, two, client, another, gateway } = await between({ idle: 1 })
      await answered(client, one, get('/one', credentials))
      await settled({ gateway }, 1)
      const other = await answered(await another(), two, get('/two'))
      await other.connection.ended()
      await settled({ gateway }, 1)
      await answered(client, one, get('/one'))
      expect(one.connections).toHaveLength(1)
    })
  })
}
