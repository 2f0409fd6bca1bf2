import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type Origin, startOrigin } from '@relayrace/fixtures/wire'
import { reply } from '@relayrace/promises/stage'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createFetchProxy } from '../src/index.ts'

describe('B4 the pool is counted in total by gateway.fetch too', () => {
  async function between() {
    const silent = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void silent.close())
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const [one, two] = await Promise.all([startOrigin(), startOrigin()])
    for (const origin of [one, two]) onTestFinished(() => origin[Symbol.asyncDispose]())
    const upstreams: Record<string, string | URL> = {
      '/one': one.url,
      '/two': two.url,
      // It accepts, and says nothing: TLS never comes to be.
      '/silent': `https://127.0.0.1:${port}`,
    }
    const gateway = createFetchProxy({
      pool: { connections: 1 },
      // Nothing but what is tested ends what is being made.
      timeouts: { connect: Number.POSITIVE_INFINITY, tls: Number.POSITIVE_INFINITY },
      upstream: ({ request }) => upstreams[request.target] as string | URL,
    })
    onTestFinished(() => gateway.close(0))
    const ask = (path: string, signal?: AbortSignal) =>
      gateway.fetch(new Request(`http://gateway.example${path}`, signal === undefined ? {} : { signal }))
    return { one, two, silent, gateway, ask }
  }

  async function answered(asked: Promise<Response>, origin: Origin) {
    const exchange = await origin.request()
    await exchange.send(reply('ok'))
    expect(await (await asked).text()).toBe('ok')
    return exchange
  }

  test('an idle one makes room for one to another origin', async () => {
    const { one, two, gateway, ask } = await between()
    const first = await answered(ask('/one'), one)
    await expect.poll(() => gateway.pool.idle).toBe(1)
    await answered(ask('/two'), two)
    await first.connection.ended()
  })

  test('who finds no room waits, and is forgotten when it is given up', async () => {
    const { one, two, gateway, ask } = await between()
    const first = ask('/one')
    const exchange = await one.request()
    const given = new AbortController()
    const second = ask('/two', given.signal)
    await expect.poll(() => gateway.pool.waiting).toBe(1)
    given.abort()
    await second
    expect(gateway.pool.waiting).toBe(0)
    await exchange.send(reply('ok'))
    expect(await (await first).text()).toBe('ok')
    expect(two.connections).toHaveLength(0)
  })

  test('one that is being made ends with its exchange', async () => {
    const { one, silent, ask } = await between()
    const given = new AbortController()
    const asked = ask('/silent', given.signal)
    const [dialled] = (await once(silent, 'connection')) as [Socket]
    const ended = once(dialled.on('error', () => {}).resume(), 'close')
    given.abort()
    await ended
    await asked
    await answered(ask('/one'), one)
  })
})
