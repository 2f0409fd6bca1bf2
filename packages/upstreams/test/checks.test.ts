/** Endpoints that are asked whether they are well. Time goes when it is told to. */

import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { certificates } from '@relayrace/fixtures/certificates'
import { type Exchange, type Origin, startOrigin } from '@relayrace/fixtures/wire'
import { strategies } from '@relayrace/strategies'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  type Checks,
  createUpstreams,
  type EndpointMessage,
  type Entry,
  endpointChanged,
  type Upstreams,
} from '../src/index.ts'
import {
  answering,
  busy,
  get,
  head,
  type ManualClock,
  manualClock,
  origin,
  refusing,
  reply,
  stage,
} from './stage.ts'

const interval = 5_000

interface Checked {
  readonly upstreams: Upstreams
  readonly clock: ManualClock
  /** Lets the next check come to its end. @returns the condition then, and what was wrong. */
  next(): Promise<[condition: string | undefined, result: string | undefined]>
}

function checked(endpoint: URL | string | Entry, checks: Partial<Checks> = {}): Checked {
  const clock = manualClock()
  let ends = 0
  const upstreams = createUpstreams([endpoint], {
    clock,
    checks: {
      ...checks,
      // Asked for the time of the next one, when one has ended.
      random() {
        ends++
        return 0.5
      },
    },
  })
  onTestFinished(() => upstreams.close())
  let due = 0
  return {
    upstreams,
    clock,
    async next() {
      clock.advance(due++ === 0 ? 0 : interval)
      await expect.poll(() => ends, { interval: 1 }).toBe(due)
      const [state] = upstreams.state().endpoints
      return [state?.condition, state?.check]
    },
  }
}

/** Answers as long as it is well. */
async function moody(answer: (exchange: Exchange) => unknown = (exchange) => exchange.send(busy)) {
  const mood = { isWell: true }
  const it = await origin((exchange) => (mood.isWell ? exchange.send(reply('')) : answer(exchange)))
  return Object.assign(mood, { url: it.url, requests: () => it.requests })
}

describe('C4 a check', () => {
  test('asks for a path, as whoever should be asked', async () => {
    const asked = await moody()
    const { next } = checked(asked.url, { path: '/healthz?now', host: 'app.example' })
    expect(await next()).toEqual(['up', 'passed'])
    const [request] = asked.requests()
    expect([request?.method, request?.target, request?.get('host'), request?.get('connection')]).toEqual([
      'GET',
      '/healthz?now',
      'app.example',
      'close',
    ])
  })

  test('takes an endpoint out after three failures, and back after two that passed', async () => {
    const asked = await moody()
    const { next } = checked(asked.url)
    const told: string[] = []
    const listen = (message: unknown): void => void told.push((message as EndpointMessage).why)
    endpointChanged.subscribe(listen)
    onTestFinished(() => void endpointChanged.unsubscribe(listen))
    const conditions: unknown[] = []
    for (const isWell of [true, false, false, true, false, false, false, true, true]) {
      asked.isWell = isWell
      conditions.push((await next())[0])
    }
    expect(conditions).toEqual(['up', 'up', 'up', 'up', 'up', 'up', 'down', 'down', 'up'])
    expect(told).toEqual(['checked-down', 'checked-up'])
  })

  test('decides at once when it is the first', async () => {
    const { next } = checked(refusing)
    expect(await next()).toEqual(['down', 'ECONNREFUSED'])
  })

  test.each<[string, (exchange: Exchange) => unknown, string]>([
    ['answers 503', (exchange) => exchange.send(busy), 'status 503'],
    ['resets', ({ connection }) => connection.reset(), 'ECONNRESET'],
    ['closes', ({ connection }) => connection.end(), 'ECONNRESET'],
    ['answers no HTTP', (exchange) => exchange.send('what?\r\n\r\n'), 'HPE_INVALID_CONSTANT'],
    [
      'changes the protocol',
      (exchange) =>
        exchange.send(head('HTTP/1.1 101 Switching Protocols', 'Connection: upgrade', 'Upgrade: a')),
      'status 101',
    ],
  ])('fails if the endpoint %s', async (_, answer, result) => {
    const { next } = checked((await origin(answer)).url)
    expect(await next()).toEqual(['down', result])
  })

  test('fails if there is no answer in time', async () => {
    const hanging = await origin()
    const { next, clock } = checked(hanging.url)
    const first = next()
    await hanging.request()
    clock.advance(2_000)
    expect(await first).toEqual(['down', 'timeout'])
  })

  test('does not wait for the end of an answer', async () => {
    const endless = await origin((exchange) =>
      exchange.send(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')),
    )
    const { next } = checked(endless.url)
    expect(await next()).toEqual(['up', 'passed'])
    await expect.poll(() => endless.connections[0]?.ending).toMatch(/fin|reset/)
  })

  test('may expect another status', async () => {
    const { next } = checked((await origin((exchange) => exchange.send(busy))).url, {
      expect: (status) => status === 503,
    })
    expect(await next()).toEqual(['up', 'passed'])
  })

  test.each([
    ['trusts whom it is told to', true, ['up', 'passed']],
    ['trusts nobody else', false, ['down', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE']],
  ])('of an endpoint that speaks TLS %s', async (_, trusted, expected) => {
    const { ca, server } = await certificates()
    const asked = await startOrigin({ tls: server })
    onTestFinished(() => asked[Symbol.asyncDispose]())
    asked.request().then(
      (exchange) => exchange.send(reply('')),
      () => {},
    )
    const { next } = checked(asked.url, trusted ? { tls: { ca } } : {})
    expect(await next()).toEqual(expected)
  })

  test.each(['http', 'tcp'] as const)('reaches a Unix domain socket: %s', async (type) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'checks-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const socketPath = path.join(folder, 'socket')
    const server = createServer((_, response) => response.end()).listen(socketPath)
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { next } = checked({ to: { socketPath } }, { type })
    expect(await next()).toEqual(['up', 'passed'])
  })

  test('may be a connection that is made', async () => {
    const asked: Origin = await origin()
    const { next } = checked(asked.url, { type: 'tcp' })
    expect(await next()).toEqual(['up', 'passed'])
    const { next: none } = checked(refusing, { type: 'tcp' })
    expect(await none()).toEqual(['down', 'ECONNREFUSED'])
    expect(asked.requests).toHaveLength(0)
  })

  test('is not made any more once the set is closed, nor is one that is under way waited for', async () => {
    const hanging = await origin()
    const { upstreams, clock } = checked(hanging.url)
    clock.advance(0)
    await hanging.request()
    await upstreams.close()
    await expect.poll(() => hanging.connections[0]?.ending).toMatch(/fin|reset/)
    clock.advance(60_000)
    expect(hanging.requests).toHaveLength(1)
  })

  test('is not made any more of who has left the set', async () => {
    const [one, two] = [await moody(), await moody()]
    const { upstreams, next, clock } = checked(one.url)
    await next()
    upstreams.replace([two.url])
    clock.advance(0)
    await expect.poll(() => upstreams.state().endpoints[0]?.check).toBe('passed')
    clock.advance(interval)
    await expect.poll(() => two.requests().length).toBe(2)
    expect(one.requests()).toHaveLength(1)
  })
})

describe.each(strategies)('C4 on %s', (_, create) => {
  test('who comes back to the set while something is under way there is checked again', async () => {
    let checks = 0
    const it = await origin((exchange) => {
      if (exchange.message.target !== '/check') return undefined
      checks++
      return exchange.send(reply(''))
    })
    const clock = manualClock()
    const staged = await stage(create, [it.url], { clock, checks: { path: '/check' } })
    clock.advance(0)
    await expect.poll(() => checks).toBe(1)
    const client = await staged.client()
    client.send(get('/'))
    await expect.poll(() => staged.upstreams.state().endpoints[0]?.inFlight).toBe(1)
    staged.upstreams.replace([])
    staged.upstreams.replace([it.url])
    clock.advance(0)
    await expect.poll(() => checks).toBe(2)
  })

  test('who is down is asked nothing, and if all are the answer is 503 at once', async () => {
    const good = await answering('good')
    const clock = manualClock()
    const bad = await origin((exchange) =>
      exchange.send(exchange.message.target === '/health' ? busy : reply('bad')),
    )
    const staged = await stage(create, [bad.url, good.url], { clock, checks: { path: '/health' } })
    clock.advance(0)
    const conditions = (): unknown[] => staged.upstreams.state().endpoints.map(({ condition }) => condition)
    await expect.poll(conditions).toEqual(['down', 'up'])
    for (let i = 0; i < 4; i++) expect((await staged.ask(get('/'))).text).toBe('good')
    staged.upstreams.replace([bad.url])
    const response = await staged.ask(get('/'))
    expect([response.status, response.get('retry-after')]).toEqual([503, '5'])
    expect(bad.requests.map(({ target }) => target)).toEqual(['/health'])
  })
})

test.each<[string, Partial<Checks>, string]>([
  [
    'a function that throws',
    {
      expect: () => {
        throw new Error('broken')
      },
    },
    'broken',
  ],
  ['a host that no field can have', { host: 'a\r\nb' }, 'ERR_INVALID_CHAR'],
])('C4 %s is a check that has failed, and ends nothing', async (_, checks, why) => {
  const { url } = await moody()
  expect(await checked(url, checks).next()).toEqual(['down', why])
})
