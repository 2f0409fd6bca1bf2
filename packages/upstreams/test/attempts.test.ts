/** What becomes of an exchange when an endpoint fails, in every way it can, and how that is counted. */

import type { Exchange } from '@relayrace/fixtures/wire'
import { GatewayError } from '@relayrace/gateway'
import { strategies } from '@relayrace/strategies'
import { CountBreaker } from 'cockatiel'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type AttemptMessage, attemptEnded, createUpstreams, unavailable } from '../src/index.ts'
import {
  answering,
  busy,
  get,
  head,
  manualClock,
  origin,
  post,
  refusing,
  reply,
  stage,
  stateOf,
} from './stage.ts'

const begun = `${head('HTTP/1.1 200 OK', 'Content-Length: 10')}begun`

/** How an endpoint can fail before there is an answer. */
const failures: readonly (readonly [string, (exchange: Exchange) => unknown])[] = [
  ['resets before the head', ({ connection }) => connection.reset()],
  ['closes before the head', ({ connection }) => connection.close()],
  ['hangs', () => {}],
  ['answers 503', (exchange) => exchange.send(busy)],
  ['answers no HTTP', (exchange) => exchange.send('what?\r\n\r\n')],
]

describe.each(strategies)('C4 on %s', (_, create) => {
  describe('an endpoint that', () => {
    test.each(failures)('%s is not the end: another one is asked', async (_, fail) => {
      const [bad, good] = [await origin(fail), await answering('good')]
      const staged = await stage(create, [bad.url, good.url], {}, { timeouts: { responseHead: 300 } })
      expect((await staged.ask()).text).toBe('good')
      expect(stateOf(staged, bad)).toMatchObject({ failed: 1, completed: 0, inFlight: 0 })
      await expect.poll(() => stateOf(staged, good)).toMatchObject({ completed: 1, failed: 0, inFlight: 0 })
      expect(staged.upstreams.state().retries).toBe(1)
    })

    test('refuses connections is not the end, for what is not idempotent either', async () => {
      const good = await answering('good')
      const staged = await stage(create, [refusing, good.url])
      expect((await staged.ask(post('hello'))).text).toBe('good')
      expect(staged.upstreams.state().endpoints[0]).toMatchObject({ id: refusing, failed: 1, inFlight: 0 })
    })

    test('resets when it may have acted is the end', async () => {
      const [bad, good] = [await origin(({ connection }) => connection.reset()), await answering('good')]
      const staged = await stage(create, [bad.url, good.url])
      expect((await staged.ask(post('hello'))).status).toBe(502)
      expect(good.requests).toHaveLength(0)
      expect(stateOf(staged, bad)).toMatchObject({ failed: 1, inFlight: 0 })
      expect(stateOf(staged, good)).toMatchObject({ attempts: 0 })
      expect(staged.upstreams.state().retries).toBe(0)
    })

    test('resets midway breaks the answer off, and that is its failure', async () => {
      const bad = await origin(async (exchange) => {
        await exchange.send(begun)
        exchange.connection.reset()
      })
      const good = await answering('good')
      const staged = await stage(create, [bad.url, good.url])
      expect((await staged.ask()).verdict).not.toBe('complete')
      expect(good.requests).toHaveLength(0)
      await expect.poll(() => stateOf(staged, bad)).toMatchObject({ failed: 1, completed: 0, inFlight: 0 })
    })

    test.each([
      ['is kept, is not the end', 10, 200, 1],
      ['is not kept, is the end', 0, 502, 0],
    ])('resets when content has been read that %s', async (_, replay, status, retries) => {
      const bad = await origin(async ({ body, connection }) => {
        await body(5)
        connection.reset()
      })
      const good = await origin(async (exchange) => exchange.send(reply(String(await exchange.body(5)))))
      const staged = await stage(create, [bad.url, good.url], {}, { limits: { replay } })
      const put = `${head('PUT / HTTP/1.1', 'Host: a', 'Content-Length: 5')}hello`
      const response = await staged.ask(put)
      expect(response.status).toBe(status)
      if (status === 200) expect(response.text).toBe('hello')
      expect(staged.upstreams.state().retries).toBe(retries)
    })

    test('answers 503 to content is believed', async () => {
      const [bad, good] = [await origin((exchange) => exchange.send(busy)), await answering('good')]
      const staged = await stage(create, [bad.url, good.url])
      expect(await staged.ask(post('hello'))).toMatchObject({ status: 503, text: 'busy' })
      expect(good.requests).toHaveLength(0)
      expect(stateOf(staged, bad)).toMatchObject({ failed: 1 })
    })

    test('is the last that answers 503 is believed', async () => {
      const all = [
        await origin((exchange) => exchange.send(busy)),
        await origin((exchange) => exchange.send(busy)),
      ]
      const staged = await stage(
        create,
        all.map(({ url }) => url),
      )
      expect(await staged.ask()).toMatchObject({ status: 503, text: 'busy' })
      expect(all.map(({ requests }) => requests.length)).toEqual([1, 1])
    })
  })

  test('an attempt is counted once when the client leaves, and says nothing of the endpoint', async () => {
    const slow = await origin()
    const staged = await stage(create, [slow.url])
    const client = await staged.client()
    client.send(get('/'))
    await slow.request()
    expect(stateOf(staged, slow).inFlight).toBe(1)
    client.close()
    await expect.poll(() => stateOf(staged, slow)).toMatchObject({ undecided: 1, failed: 0, inFlight: 0 })
  })

  test.each([
    ['rewrite', 'throws', 500],
    ['modifyResponse', 'throws', 502],
  ])('an attempt is counted once when %s %s', async (hook, _, status) => {
    const fine = await answering('fine')
    const staged = await stage(
      create,
      [fine.url],
      {},
      {
        [hook]() {
          throw new Error('oh')
        },
      },
    )
    expect((await staged.ask()).status).toBe(status)
    expect(stateOf(staged, fine)).toMatchObject({ attempts: 1, undecided: 1, inFlight: 0 })
  })

  test('hooks of the gateway hold at every endpoint', async () => {
    const fine = await answering('fine')
    const staged = await stage(
      create,
      [fine.url],
      {},
      {
        rewrite: ({ fields }) => fields.set('X-Hook', 'rewrite'),
        modifyResponse: ({ fields }) => fields.set('X-Hook', 'modify'),
      },
    )
    expect((await staged.ask()).get('x-hook')).toBe('modify')
    expect(fine.requests[0]?.get('x-hook')).toBe('rewrite')
  })

  test('what is asked elsewhere by modifyResponse is not the failure of who said so', async () => {
    const moved = await origin((exchange) => exchange.send(head('HTTP/1.1 302 Found', 'Content-Length: 0')))
    const staged = await stage(
      create,
      [moved.url],
      {},
      {
        modifyResponse: ({ status }) => (status === 302 ? { to: refusing } : undefined),
      },
    )
    expect((await staged.ask()).status).toBe(502)
    expect(stateOf(staged, moved)).toMatchObject({ attempts: 1, completed: 1, failed: 0, inFlight: 0 })
  })

  test('a tunnel is in flight until it ends', async () => {
    const other = await origin()
    const staged = await stage(create, [other.url])
    const client = await staged.client()
    const upgrade = ['Connection: Upgrade', 'Upgrade: echo']
    client.send(get('/', ...upgrade))
    const asked = await other.request()
    await asked.send(head('HTTP/1.1 101 Switching Protocols', ...upgrade))
    expect((await client.response()).status).toBe(101)
    expect(stateOf(staged, other)).toMatchObject({ inFlight: 1, completed: 0 })
    client.end()
    asked.connection.end()
    await expect.poll(() => stateOf(staged, other)).toMatchObject({ inFlight: 0, completed: 1 })
  })

  describe('retries', () => {
    test('stay within a share of the requests', async () => {
      const good = await answering('good')
      const clock = manualClock()
      const staged = await stage(create, [refusing, good.url], {
        ejection: false,
        retry: { budget: 0.2, minPerSecond: 0 },
        clock,
      })
      const statuses: number[] = []
      for (let i = 0; i < 40; i++) statuses.push((await staged.ask()).status)
      const refused = statuses.filter((status) => status === 502).length
      // Every second request begins at the one that refuses: the last of those is the 39th.
      const retried = Math.floor(39 * 0.2)
      expect([refused, staged.upstreams.state().retries]).toEqual([20 - retried, retried])
    })

    test('that the gateway does not allow cost nothing', async () => {
      const [bad, good] = [await origin(({ connection }) => connection.reset()), await answering('good')]
      const staged = await stage(create, [bad.url, { to: good.url, priority: 1 }], {
        ejection: false,
        // One in ten seconds.
        retry: { budget: 0, minPerSecond: 0.1 },
        clock: manualClock(),
      })
      for (let i = 0; i < 3; i++) expect((await staged.ask(post('hello'))).status).toBe(502)
      expect((await staged.ask()).text).toBe('good')
    })

    test('are no more than there are endpoints, and no more than were asked for', async () => {
      const all = await Promise.all([1, 2, 3, 4].map(() => origin(({ connection }) => connection.reset())))
      const staged = await stage(
        create,
        all.map(({ url }) => url),
        { retry: { attempts: 2 } },
      )
      expect((await staged.ask()).status).toBe(502)
      expect(all.map(({ requests }) => requests.length)).toEqual([1, 1, 0, 0])
    })

    test('are not made when they are not wanted', async () => {
      const [bad, good] = [await origin((exchange) => exchange.send(busy)), await answering('good')]
      const staged = await stage(create, [bad.url, good.url], { retry: false })
      expect((await staged.ask()).text).toBe('busy')
      expect(good.requests).toHaveLength(0)
    })
  })

  describe('who keeps failing', () => {
    const set = (bad: { url: URL }, ...others: { url: URL }[]) => [bad, ...others].map(({ url }) => url)

    test('is ejected, tried once when it has cooled off, and then is back', async () => {
      let ill = true
      const bad = await origin((exchange) =>
        ill ? exchange.connection.reset() : exchange.send(reply('bad')),
      )
      const good = await answering('good')
      const clock = manualClock()
      const staged = await stage(create, set(bad, good), { clock })
      for (let i = 0; i < 20; i++) expect((await staged.ask()).text).toBe('good')
      expect(bad.requests).toHaveLength(5)
      expect(stateOf(staged, bad)).toMatchObject({ condition: 'ejected', coolOff: 10_000, ejections: 1 })
      clock.advance(10_000)
      expect(stateOf(staged, bad).condition).toBe('trial')
      for (let i = 0; i < 4; i++) expect((await staged.ask()).text).toBe('good')
      expect(bad.requests).toHaveLength(6)
      expect(stateOf(staged, bad)).toMatchObject({ condition: 'ejected', coolOff: 20_000, ejections: 2 })
      ill = false
      clock.advance(20_000)
      const texts: string[] = []
      for (let i = 0; i < 4; i++) texts.push((await staged.ask()).text)
      expect(texts.filter((text) => text === 'bad')).toHaveLength(2)
      expect(stateOf(staged, bad).condition).toBe('up')
    })

    test('is ejected by whatever breaker says so', async () => {
      let nth = 0
      const bad = await origin((exchange) => exchange.send(nth++ % 3 === 0 ? reply('') : busy))
      const staged = await stage(create, [bad.url], {
        ejection: { breaker: () => new CountBreaker({ threshold: 0.5, size: 10 }) },
      })
      for (let i = 0; i < 11; i++) await staged.ask()
      expect(stateOf(staged, bad)).toMatchObject({ condition: 'ejected', completed: 4, failed: 7 })
    })

    test('is tried by one exchange at a time, and by another one when that has told nothing', async () => {
      let mood: 'ill' | 'silent' | 'well' = 'ill'
      const bad = await origin((exchange) => {
        if (mood === 'ill') exchange.connection.reset()
        if (mood === 'well') exchange.send(reply('bad'))
      })
      const good = await answering('good')
      const clock = manualClock()
      const staged = await stage(create, set(bad, good), { clock })
      for (let i = 0; i < 12; i++) await staged.ask()
      mood = 'silent'
      clock.advance(10_000)
      const waiting = await staged.client()
      for (let i = 0; i < 2 && stateOf(staged, bad).inFlight === 0; i++) {
        waiting.send(get('/'))
        await Promise.race([waiting.response(), expect.poll(() => stateOf(staged, bad).inFlight).toBe(1)])
      }
      for (let i = 0; i < 6; i++) expect((await staged.ask()).text).toBe('good')
      expect(stateOf(staged, bad).inFlight).toBe(1)
      waiting.close()
      await expect.poll(() => stateOf(staged, bad)).toMatchObject({ inFlight: 0, condition: 'trial' })
      mood = 'well'
      const texts = [(await staged.ask()).text, (await staged.ask()).text]
      expect(texts.toSorted()).toEqual(['bad', 'good'])
    })

    test.each<[string, string, string]>([
      ['stream', get('/'), head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')],
      [
        'tunnel',
        get('/', 'Connection: Upgrade', 'Upgrade: echo'),
        head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: echo'),
      ],
    ])(
      'is back, and gets its share little by little, when a %s begins that may never end',
      async (_, asks, begins) => {
        let answer = ''
        const bad = await origin((exchange) => (answer ? exchange.send(answer) : exchange.connection.reset()))
        const clock = manualClock()
        const staged = await stage(create, [bad.url], { clock, slowStart: 1_000 })
        for (let i = 0; i < 5; i++) await staged.ask()
        clock.advance(10_000)
        answer = begins
        const client = await staged.client()
        client.send(asks)
        await client.responding()
        answer = reply('ok')
        expect((await staged.ask()).text).toBe('ok')
        expect(stateOf(staged, bad)).toMatchObject({ condition: 'up', currentWeight: 0.1, failed: 5 })
      },
    )

    test.each([
      [false, 503],
      [true, 200],
    ])('and is the only one: in panic (%s) the answer is %i', async (panic, status) => {
      let ill = true
      const bad = await origin((exchange) =>
        ill ? exchange.connection.reset() : exchange.send(reply('bad')),
      )
      const clock = manualClock()
      const staged = await stage(create, [bad.url], { clock, panic })
      for (let i = 0; i < 5; i++) expect((await staged.ask()).status).toBe(502)
      ill = false
      clock.advance(2_500)
      const told: unknown[] = []
      const listen = (message: unknown): void => void told.push(message)
      unavailable.subscribe(listen)
      onTestFinished(() => void unavailable.unsubscribe(listen))
      const response = await staged.ask()
      expect(response.status).toBe(status)
      if (panic) return
      expect(response.get('retry-after')).toBe('8')
      expect(bad.requests).toHaveLength(5)
      expect(told).toHaveLength(1)
      expect(staged.upstreams.state().refused).toBe(1)
    })
  })

  test('each attempt is told once', async () => {
    const told: unknown[] = []
    const listen = (message: unknown): void => {
      const { endpoint, outcome, error } = message as AttemptMessage
      told.push([endpoint, outcome, error?.type])
    }
    attemptEnded.subscribe(listen)
    onTestFinished(() => void attemptEnded.unsubscribe(listen))
    const good = await answering('good')
    const staged = await stage(create, [refusing, good.url])
    await staged.ask()
    await expect
      .poll(() => told)
      .toEqual([
        [refusing, 'failed', 'connection_refused'],
        [good.url.origin, 'completed', undefined],
      ])
  })

  test('without the transport nothing would be counted: 500', async () => {
    const good = await answering('good')
    const errors: unknown[] = []
    const staged = await stage(create, [good.url], {}, {
      transport: undefined,
      onError: (error: GatewayError) => void errors.push(error.type),
    } as object)
    expect((await staged.ask()).status).toBe(500)
    expect(errors).toEqual(['proxy_configuration_error'])
    expect(good.connections).toHaveLength(0)
  })

  test('a transport around it may ask again', async () => {
    const good = await answering('good')
    const { upstream, transport } = createUpstreams([refusing, good.url], { retry: false })
    const staged = await stage(
      create,
      [],
      {},
      {
        upstream,
        transport: (exchange, next) =>
          transport(exchange, next).catch((error: unknown) => {
            if (!(error instanceof GatewayError)) throw error
            return transport(exchange, next)
          }),
      },
    )
    expect((await staged.ask()).text).toBe('good')
  })
})
