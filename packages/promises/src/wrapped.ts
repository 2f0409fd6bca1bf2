/** What every strategy promises whoever wraps its transport. */

import type { AsyncLocalStorage } from 'node:async_hooks'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { connect, type Origin, startOrigin } from '@relayrace/fixtures/wire'
import {
  type Exchange,
  GatewayError,
  type GatewayOptions,
  type Strategy,
  type Transport,
} from '@relayrace/gateway'
import { ConsecutiveBreaker, circuitBreaker, handleAll } from 'cockatiel'
import { expect, onTestFinished, test } from 'vitest'
import { get, head, reply, stageFor } from './stage.ts'

/** Nobody listens there. */
const refusing = 'http://127.0.0.1:1'
const busy = head('HTTP/1.1 503 Busy', 'Content-Length: 4')

/** Repeats once what has failed, at that upstream or at the same. */
const again =
  (upstream?: URL): Transport =>
  async (_, next) => {
    try {
      await next()
    } catch {
      await next(upstream)
    }
  }

/** Makes an answer of this status one that was refused. */
const refuse = (status: number): Pick<GatewayOptions, 'modifyResponse'> => ({
  modifyResponse(answer) {
    if (answer.status === status) throw new GatewayError('destination_unavailable', { phase: 'responseHead' })
  },
})

const upload = (method: string, content: string): string =>
  head(`${method} /x HTTP/1.1`, 'Host: a', 'Content-Length: 5') + content

/** What the example of a document exports that has this name in it. */
export async function example<E>(name: string & keyof E, document = 'docs/transport.md'): Promise<E> {
  const text = await readFile(new URL(`../../../${document}`, import.meta.url), 'utf8')
  const blocks = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code)
  const folder = new URL(`../.cache/examples/${process.pid}/`, import.meta.url)
  await mkdir(folder, { recursive: true })
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = new URL(`${name}.ts`, folder)
  await writeFile(
    file,
    blocks.find((code) => new RegExp(`export (?:const|function) ${name}\\b`).test(code)) ?? '',
  )
  return import(file.href)
}

async function another(): Promise<Origin> {
  const origin = await startOrigin()
  onTestFinished(() => origin[Symbol.asyncDispose]())
  return origin
}

export function wrappedTransportsOf(create: Strategy): void {
  const stage = stageFor(create)

  test('logs and times, and connections stay in use', async () => {
    const { logged } = await example<{ logged(log: (line: string) => void): Transport }>('logged')
    const log: string[] = []
    const { origin, client, gateway } = await stage({ transport: logged((line) => log.push(line)) })
    for (const target of ['/1', '/2', '/3']) {
      client.send(get(target))
      await (await origin.request()).send(reply(target))
      expect((await client.response()).text).toBe(target)
    }
    await expect.poll(() => log.length).toBe(3)
    const lines = [1, 2, 3].map((nth) => expect.stringMatching(`^GET /${nth} 200 \\d.* ms$`))
    expect(log).toEqual(lines)
    expect(origin.connections).toHaveLength(1)
    await expect.poll(() => [gateway.inFlight, gateway.pool.idle]).toEqual([0, 1])
  })

  test('sees how much content has passed so far', async () => {
    let seen: Exchange | undefined
    const { origin, client } = await stage({
      transport(exchange, next) {
        seen = exchange
        return next()
      },
    })
    client.send(upload('PUT', 'he'))
    const asked = await origin.request()
    await expect.poll(() => [seen?.requestBytes, seen?.responseBytes]).toEqual([2, 0])
    client.send('llo')
    asked.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 9')}four`)
    await expect.poll(() => [seen?.requestBytes, seen?.responseBytes]).toEqual([5, 4])
  })

  test('asks one upstream after the other, when nobody listens or it is busy', async () => {
    const { retried, refuseBusy } = await example<{
      retried(...backups: string[]): Transport
      refuseBusy: NonNullable<GatewayOptions['modifyResponse']>
    }>('retried')
    const [first, second] = [await another(), await another()]
    const { client, ended } = await stage({
      upstream: refusing,
      transport: retried(first.url.href, second.url.href),
      modifyResponse: refuseBusy,
    })
    client.send(get('/'))
    ;(await first.request()).send(`${busy}busy`)
    ;(await second.request()).send(reply('ok'))
    expect((await client.response()).text).toBe('ok')
    expect((await ended()).outcome).toBe('completed')
  })

  test.each([
    ['PUT', 'with content, which waits for a connection', 'hello'],
    ['POST', 'which nobody can have acted upon', 'hello'],
  ])('asks another upstream when nobody listens: %s, %s', async (method, _, content) => {
    const backup = await another()
    const hosts: (string | undefined)[] = []
    const { client, ended } = await stage({
      upstream: refusing,
      rewrite({ fields }) {
        hosts.push(fields.get('host'))
      },
      transport: again(new URL('/base', backup.url)),
    })
    client.send(upload(method, content))
    const exchange = await backup.request()
    expect([exchange.message.method, exchange.message.target]).toEqual([method, '/base/x'])
    expect(String(await exchange.body(5))).toBe('hello')
    exchange.send(reply('ok'))
    expect((await client.response()).text).toBe('ok')
    expect(hosts).toEqual(['127.0.0.1:1', backup.url.host])
    expect(await ended()).toMatchObject({ outcome: 'completed', requestBytes: 5, status: 200 })
  })

  test('a chunked upload goes to the other upstream as it came', async () => {
    const backup = await another()
    const { client } = await stage({ upstream: refusing, transport: again(backup.url) })
    client.send(`${head('PUT / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')}5\r\nhello\r\n`)
    const exchange = await backup.request()
    client.send('1\r\n!\r\n0\r\n\r\n')
    expect((await exchange.done()).text).toBe('hello!')
    exchange.send(reply('ok'))
    expect((await client.response()).text).toBe('ok')
  })

  test('asks again after an answer that was refused, on the connection that it came on', async () => {
    const { origin, client, ended } = await stage({ ...refuse(503), transport: again() })
    client.send(get('/'))
    ;(await origin.request()).send(`${busy}busy`)
    ;(await origin.request()).send(reply('ok'))
    expect((await client.response()).text).toBe('ok')
    expect(origin.connections).toHaveLength(1)
    expect(await ended()).toMatchObject({ outcome: 'completed', responseBytes: 2 })
  })

  test('closes the connection of a refused answer whose content is yet to come', async () => {
    const { origin, client } = await stage({ ...refuse(503), transport: again() })
    client.send(get('/'))
    const first = await origin.request()
    first.send(`${busy}bu`)
    ;(await origin.request()).send(reply('ok'))
    expect((await client.response()).text).toBe('ok')
    await first.connection.ended()
    expect(origin.connections).toHaveLength(2)
  })

  test.each([
    ['what may have been acted upon', head('POST / HTTP/1.1', 'Host: a'), /POST may have been acted upon/],
    ['content that has been read', upload('PUT', 'hello'), /content has been read/],
  ])('does not send twice %s', async (_, request, why) => {
    const errors: unknown[] = []
    const { origin, client } = await stage({
      transport: async (exchange, next) => {
        await again()(exchange, next).catch((error) => {
          errors.push(error)
          throw error
        })
      },
    })
    client.send(request)
    const { connection, done } = await origin.request()
    await done()
    connection.reset()
    const response = await client.response()
    expect([response.status, response.get('proxy-status')]).toEqual([
      502,
      expect.stringMatching(/error=connection_terminated$/),
    ])
    expect(errors).toMatchObject([{ message: expect.stringMatching(why), status: 502 }])
    expect(origin.requests).toHaveLength(1)
  })

  test('nothing is asked again once an answer has begun', async () => {
    const { origin, client, ended } = await stage({ transport: again() })
    client.send(get('/'))
    const { send, connection } = await origin.request()
    await send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}begun`)
    const incoming = await client.responding()
    await incoming.body(5)
    connection.reset()
    expect((await incoming.done()).verdict).not.toBe('complete')
    expect((await ended()).outcome).toBe('failed')
    expect(origin.requests).toHaveLength(1)
  })

  test.each<[string, Transport, number, string]>([
    ['does nothing', async () => {}, 500, 'proxy_internal_error'],
    [
      'throws',
      () => {
        throw new Error('a secret')
      },
      500,
      'proxy_internal_error',
    ],
    [
      'rejects with a GatewayError',
      async () => {
        throw new GatewayError('destination_unavailable', { phase: 'connect' })
      },
      503,
      'destination_unavailable',
    ],
    ['names what is no upstream', (_, next) => next('ftp://x/'), 500, 'proxy_internal_error'],
    [
      'swallows the failure',
      async (_, next) => {
        await next(refusing).catch(() => {})
      },
      502,
      'connection_refused',
    ],
    [
      'waits for nothing',
      async (_, next) => {
        void next(refusing)
      },
      502,
      'connection_refused',
    ],
  ])('a transport that %s does no harm', async (_, transport, status, type) => {
    const told: unknown[] = []
    const { origin, client, gateway, ended } = await stage({
      transport,
      onError(error) {
        told.push(error.type)
        return undefined
      },
    })
    client.send(get('/'))
    const response = await client.response()
    expect([response.status, /secret/.test(response.text)]).toEqual([status, false])
    expect((await ended()).errorType).toBe(type)
    expect(told).toEqual([type])
    expect(origin.requests).toHaveLength(0)
    await expect.poll(() => gateway.inFlight).toBe(0)
  })

  test('an answer is relayed for a transport that does not wait', async () => {
    const { origin, client } = await stage({
      async transport(_, next) {
        void next()
      },
    })
    client.send(get('/'))
    ;(await origin.request()).send(reply('ok'))
    expect((await client.response()).text).toBe('ok')
  })

  test('next() twice at a time, and once more after the end, asks once', async () => {
    const { promise: misused, resolve } = Promise.withResolvers<unknown[]>()
    const { origin, client } = await stage({
      async transport(_, next) {
        const first = next()
        const beside = await next().catch((error) => error.message)
        await first
        resolve([beside, await next().catch((error) => error.message)])
      },
    })
    client.send(get('/'))
    ;(await origin.request()).send(reply('ok'))
    expect((await client.response()).text).toBe('ok')
    expect(await misused).toEqual([
      'next() was called again before it had settled',
      'next() was called when the exchange was over',
    ])
    expect(origin.requests).toHaveLength(1)
  })

  test('throwing while next() is under way ends that too', async () => {
    const { origin, client, gateway } = await stage({
      async transport(_, next) {
        await Promise.all([next(), next()])
      },
    })
    client.send(get('/'))
    expect((await client.response()).status).toBe(500)
    await expect.poll(() => gateway.inFlight).toBe(0)
    await expect.poll(() => origin.connections.every(({ ending }) => ending !== undefined)).toBe(true)
  })

  test('a client that leaves ends all of it, wherever the transport is', async () => {
    const { promise: rejected, resolve } = Promise.withResolvers<unknown>()
    const { origin, client, gateway, url, ended } = await stage({
      async transport(exchange, next) {
        const why = (error: GatewayError): string => error.type
        resolve([await next().catch(why), await next().catch(why)])
        if (exchange.request.target === '/hangs') await new Promise(() => {})
      },
    })
    client.send(get('/'))
    const { connection } = await origin.request()
    client.close()
    await connection.ended()
    expect(await rejected).toEqual(['client_closed', 'client_closed'])
    expect((await ended()).outcome).toBe('aborted')
    expect(origin.requests).toHaveLength(1)

    const second = await connect(url)
    second.send(get('/hangs'))
    for (let attempts = 0; attempts < 2; attempts++) (await origin.request()).connection.reset()
    second.close()
    expect((await ended(2)).outcome).toBe('aborted')
    await expect.poll(() => gateway.inFlight).toBe(0)
  })

  test('closing the gateway ends it too', async () => {
    const { client, gateway } = await stage({ transport: () => new Promise(() => {}) })
    client.send(get('/'))
    await expect.poll(() => gateway.inFlight).toBe(1)
    await gateway.close(0)
    expect((await client.response()).status).toBe(503)
  })

  test('a limit of a phase ends one attempt, and begins anew with the next', async () => {
    const failures: unknown[] = []
    const { origin, client } = await stage({
      timeouts: { responseHead: 1_000 },
      async transport(_, next) {
        await next().catch((error) => failures.push([error.status, error.phase]))
        await next()
      },
    })
    client.send(get('/'))
    const first = await origin.request()
    const second = await origin.request()
    second.send(reply('ok'))
    expect((await client.response()).text).toBe('ok')
    expect(failures).toEqual([[504, 'responseHead']])
    await first.connection.ended()
  })

  test('no limit of an attempt runs on while the transport waits', async () => {
    const backup = await another()
    const { client } = await stage({
      upstream: refusing,
      timeouts: { connect: 1_000, responseHead: 1_000 },
      async transport(_, next) {
        await next().catch(() => wait(1_500))
        await next(backup.url)
      },
    })
    client.send(get('/'))
    ;(await backup.request()).send(reply('ok'))
    expect((await client.response()).text).toBe('ok')
  })

  test('a client that has to wait for a connection is not called slow', async () => {
    const origin = await another()
    const { client } = await stage({
      upstream: `http://upstream.example:${origin.port}`,
      timeouts: { requestBody: 1_000 },
      lookup: (_, { all }, callback) => {
        const found = { address: '127.0.0.1', family: 4 }
        void wait(1_500).then(() => (all === true ? callback(null, [found]) : callback(null, '127.0.0.1', 4)))
      },
      transport: (_, next) => next(),
    })
    client.send(upload('PUT', 'hello'))
    const exchange = await origin.request()
    await exchange.done()
    exchange.send(reply('ok'))
    expect((await client.response()).text).toBe('ok')
  })

  test('many attempts leave nothing behind them', async () => {
    const warnings: Error[] = []
    const warned = (warning: Error): unknown => warnings.push(warning)
    process.on('warning', warned)
    onTestFinished(() => {
      process.off('warning', warned)
    })
    const { origin, client } = await stage({
      upstream: refusing,
      async transport(_, next) {
        for (let attempts = 0; attempts < 20; attempts++) await next().catch(() => {})
        await next(origin.url)
      },
    })
    client.send(get('/'))
    ;(await origin.request()).send(reply('ok'))
    expect((await client.response()).text).toBe('ok')
    expect(warnings).toEqual([])
  })

  test('the limit of the whole exchange goes on over all attempts', async () => {
    const { origin, client, ended } = await stage({
      timeouts: { responseHead: 200, total: 1_500 },
      async transport(exchange, next) {
        while (!exchange.signal.aborted) await next().catch(() => {})
      },
    })
    client.send(get('/'))
    expect((await client.response()).status).toBe(504)
    expect((await ended()).error?.phase).toBe('total')
    expect(origin.requests.length).toBeGreaterThan(1)
    await expect.poll(() => origin.connections.every(({ ending }) => ending !== undefined)).toBe(true)
  })

  test('a request that found its connection stale is sent again within one next()', async () => {
    let calls = 0
    const { origin, client } = await stage({
      transport: (_, next) => {
        calls++
        return next()
      },
    })
    client.send(get('/1'))
    const first = await origin.request()
    first.send(reply('1'))
    await client.response()
    client.send(get('/2'))
    ;(await origin.request()).connection.reset()
    ;(await origin.request()).send(reply('2'))
    expect((await client.response()).text).toBe('2')
    expect(calls).toBe(2)
  })

  test('stands around a tunnel', async () => {
    const backup = await another()
    const statuses: number[] = []
    const { client, gateway } = await stage({
      upstream: refusing,
      async transport(exchange, next) {
        await next().catch(() => next(backup.url))
        statuses.push(exchange.status)
      },
    })
    client.send(get('/', 'Connection: Upgrade', 'Upgrade: echo'))
    const { connection } = await backup.request()
    connection.send(head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: echo'))
    expect((await client.response()).status).toBe(101)
    client.send('ping')
    expect(String(await connection.take(4))).toBe('ping')
    expect(statuses).toEqual([])
    connection.end()
    client.end()
    await expect.poll(() => statuses).toEqual([101])
    await expect.poll(() => gateway.inFlight).toBe(0)
  })

  test('what next() calls runs in the context that it was called in', async () => {
    const { traced, context } = await example<{ traced: Transport; context: AsyncLocalStorage<string> }>(
      'traced',
    )
    const seen: unknown[] = []
    const { origin, client } = await stage({
      transport: traced,
      async modifyResponse(_, exchange) {
        seen.push([exchange.request.target, context.getStore()])
      },
    })
    for (const target of ['/1', '/2']) {
      client.send(get(target))
      ;(await origin.request()).send(reply('ok'))
      await client.response()
    }
    expect(seen).toEqual([
      ['/1', '/1'],
      ['/2', '/2'],
    ])
    expect(origin.connections).toHaveLength(1)
  })

  test('runs behind a circuit breaker', async () => {
    const { broken } = await example<{ broken(breaker: object): Transport }>('broken')
    const breaker = circuitBreaker(handleAll, { breaker: new ConsecutiveBreaker(2), halfOpenAfter: 60_000 })
    let answered = 0
    const { origin, client } = await stage({
      transport: broken(breaker),
      ...refuse(503),
      onError(error) {
        if (error.phase === 'responseHead') answered++
        return undefined
      },
    })
    const statuses: number[] = []
    for (let i = 0; i < 4; i++) {
      client.send(get('/'))
      if (i < 2) (await origin.request()).send(`${busy}busy`)
      statuses.push((await client.response()).status)
    }
    expect(statuses).toEqual([503, 503, 503, 503])
    expect([answered, origin.requests.length]).toEqual([2, 2])
  })
}
