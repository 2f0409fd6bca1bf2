/** Who gets how much of the load, counted, and that nothing is lost when the set changes. */

import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { seeded } from '@relayrace/fixtures/random'
import type { Origin } from '@relayrace/fixtures/wire'
import { strategies } from '@relayrace/strategies'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createUpstreams, leastInFlight, type Policy, roundRobin, twoChoices } from '../src/index.ts'
import { answering, get, manualClock, origin, reply, type Stage, stage, stateOf } from './stage.ts'

const threeOf = (): Promise<Origin[]> => Promise.all([1, 2, 3].map((n) => answering(`${n}`)))

/** Asks so many times, one after the other. @returns how often each has been asked. */
async function shares(staged: Stage, origins: readonly Origin[], times: number): Promise<number[]> {
  const before = origins.map(({ requests }) => requests.length)
  const client = await staged.client()
  for (let i = 0; i < times; i++) {
    client.send(get('/'))
    expect((await client.response()).status).toBe(200)
    await expect.poll(() => staged.gateway.inFlight, { interval: 1 }).toBe(0)
  }
  return origins.map(({ requests }, i) => requests.length - (before[i] ?? 0))
}

/** Asks so many times, each by a client of its own. @returns how many wait at the endpoint that does not answer. */
async function stuck(staged: Stage, slow: Origin, times: number): Promise<number> {
  let waiting = 0
  for (let i = 0; i < times; i++) {
    const client = await staged.client()
    const decided = new AbortController()
    client.send(get('/'))
    await Promise.race([
      client.response(decided),
      slow.request(decided).then(() => {
        waiting++
      }),
    ])
    decided.abort()
  }
  return waiting
}

describe.each(strategies)('C4 on %s', (_, create) => {
  test.each<[string, () => Policy]>([
    ['round robin', roundRobin],
    ['least in flight, where nothing is', leastInFlight],
  ])('%s gives each endpoint exactly its weight', async (_, policy) => {
    const origins = await threeOf()
    const endpoints = origins.map(({ url }, i) => ({ to: url, weight: i + 1 }))
    const staged = await stage(create, endpoints, { policy: policy() })
    expect(await shares(staged, origins, 60)).toEqual([10, 20, 30])
  })

  test('round robin of equals goes round', async () => {
    const origins = await threeOf()
    const staged = await stage(
      create,
      origins.map(({ url }) => url),
    )
    const texts: string[] = []
    for (let i = 0; i < 6; i++) texts.push((await staged.ask()).text)
    expect(texts.join('')).toBe('123123')
  })

  test('two choices give each about its weight, where nothing is in flight', async () => {
    const origins = await threeOf()
    const staged = await stage(
      create,
      origins.map(({ url }) => url),
      { policy: twoChoices(seeded(1)) },
    )
    for (const share of await shares(staged, origins, 300)) {
      expect(share).toBeGreaterThan(70)
      expect(share).toBeLessThan(130)
    }
  })

  test.each<[string, () => Policy, number]>([
    ['round robin', roundRobin, 10],
    ['least in flight', leastInFlight, 1],
    ['two choices', () => twoChoices(seeded(1)), 1],
  ])('%s leaves so many of 20 with an endpoint that does not answer', async (_, policy, expected) => {
    const [slow, fast] = [await origin(), await answering('fast')]
    const staged = await stage(create, [fast.url, slow.url], { policy: policy() })
    expect(await stuck(staged, slow, 20)).toBe(expected)
  })

  test('an endpoint that is drained ends what it has, and gets nothing new', async () => {
    const [first, second] = [await origin(), await answering('second')]
    const staged = await stage(create, [first.url, second.url])
    const client = await staged.client()
    client.send(get('/'))
    const asked = await first.request()
    let drained = false
    const over = staged.upstreams.drain(first.url).then(() => {
      drained = true
    })
    for (let i = 0; i < 4; i++) expect((await staged.ask()).text).toBe('second')
    expect([drained, stateOf(staged, first).condition]).toEqual([false, 'draining'])
    await asked.send(reply('first'))
    expect((await client.response()).text).toBe('first')
    await over
    expect(first.requests).toHaveLength(1)
    staged.upstreams.replace([first.url, second.url])
    expect(stateOf(staged, first)).toMatchObject({ condition: 'draining', inFlight: 0 })
    staged.upstreams.resume(first.url)
    expect(stateOf(staged, first).condition).toBe('up')
  })

  test('while the set is replaced over and over, no exchange is lost', async () => {
    const origins = await threeOf()
    const sets = [[0, 1], [1, 2], [2, 0], [1]].map((set) => set.map((i) => origins[i]?.url as URL))
    const staged = await stage(create, sets[0] as URL[])
    let answered = 0
    const asking = Array.from({ length: 8 }, async () => {
      const client = await staged.client()
      for (let i = 0; i < 40; i++) {
        client.send(get('/'))
        const { status, verdict } = await client.response()
        expect([status, verdict]).toEqual([200, 'complete'])
        answered++
        staged.upstreams.replace(sets[answered % sets.length] as URL[])
      }
    })
    await Promise.all(asking)
    expect(answered).toBe(320)
    expect(origins.reduce((sum, { requests }) => sum + requests.length, 0)).toBe(320)
    expect(staged.upstreams.state()).toMatchObject({ refused: 0, retries: 0 })
  })

  test('an endpoint that leaves the set ends what it has, and then is forgotten', async () => {
    const [first, second] = [await origin(), await answering('second')]
    const staged = await stage(create, [first.url])
    const client = await staged.client()
    client.send(get('/'))
    const asked = await first.request()
    staged.upstreams.replace([second.url])
    expect(stateOf(staged, first)).toMatchObject({ condition: 'leaving', inFlight: 1 })
    expect((await staged.ask()).text).toBe('second')
    await asked.send(reply('first'))
    expect((await client.response()).text).toBe('first')
    await expect
      .poll(() => staged.upstreams.state().endpoints.map(({ id }) => id))
      .toEqual([second.url.origin])
  })

  test('who comes back to the set while something is under way there is who it was', async () => {
    const [first, second] = [await origin(), await answering('second')]
    const staged = await stage(create, [first.url])
    const client = await staged.client()
    client.send(get('/'))
    const asked = await first.request()
    staged.upstreams.replace([second.url])
    staged.upstreams.replace([second.url, first.url])
    const ids = staged.upstreams
      .state()
      .endpoints.map(({ id, condition, inFlight }) => [id, condition, inFlight])
    expect(ids).toEqual([
      [second.url.origin, 'up', 0],
      [first.url.origin, 'up', 1],
    ])
    await asked.send(reply('first'))
    expect((await client.response()).text).toBe('first')
    await expect.poll(() => stateOf(staged, first)).toMatchObject({ inFlight: 0, completed: 1 })
  })

  test('who stays in the set keeps what is known of it, but its weight', async () => {
    const origins = await threeOf()
    const staged = await stage(
      create,
      origins.map(({ url }) => url),
      { ejection: false },
    )
    await shares(staged, origins, 3)
    staged.upstreams.replace(origins.map(({ url }, i) => ({ to: url, weight: i === 0 ? 4 : 1 })))
    expect(await shares(staged, origins, 12)).toEqual([8, 2, 2])
    await expect.poll(() => origins.map((one) => stateOf(staged, one).completed)).toEqual([9, 3, 3])
  })

  test('who stays in the set gets the priority that it is given, or none', async () => {
    const [first, second] = [await answering('first'), await answering('second')]
    const behind = { to: second.url, priority: 1 }
    const staged = await stage(create, [first.url, behind])
    const texts: string[] = []
    for (const set of [
      [{ to: first.url, priority: 2 }, behind],
      [first.url, behind],
    ]) {
      staged.upstreams.replace(set)
      texts.push((await staged.ask()).text)
    }
    expect(texts).toEqual(['second', 'first'])
  })

  test('who comes to a set begins with little', async () => {
    const origins = await threeOf()
    const [first, second] = origins as [Origin, Origin, Origin]
    const clock = manualClock()
    const staged = await stage(create, [first.url], { slowStart: 10_000, clock })
    expect(stateOf(staged, first).currentWeight).toBe(1)
    staged.upstreams.replace([first.url, second.url])
    const both = [first, second]
    expect(stateOf(staged, second).currentWeight).toBe(0.1)
    expect(await shares(staged, both, 22)).toEqual([20, 2])
    clock.advance(5_000)
    expect(await shares(staged, both, 30)).toEqual([20, 10])
    clock.advance(5_000)
    expect(await shares(staged, both, 20)).toEqual([10, 10])
    await staged.upstreams.drain(second.url)
    staged.upstreams.resume(second.url)
    expect(stateOf(staged, second).currentWeight).toBe(0.1)
  })
})

describe.each(strategies)('C4 on %s', (_, create) => {
  test('a Unix domain socket is an endpoint like others', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'upstreams-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const socketPath = path.join(folder, 'socket')
    const server = createServer((_, response) => response.end('socket')).listen(socketPath)
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const other = await answering('other')
    const staged = await stage(create, [{ to: { socketPath } }, other.url])
    const texts: string[] = []
    for (let i = 0; i < 4; i++) texts.push((await staged.ask()).text)
    expect(texts).toEqual(['socket', 'other', 'socket', 'other'])
    expect(staged.upstreams.state().endpoints[0]).toMatchObject({ id: `unix:${socketPath}` })
  })
})

test('an endpoint is drained by what it was made of, or by its id', () => {
  const socket = { socketPath: '/run/app.sock' }
  const upstreams = createUpstreams(['http://a', 'http://b/base/', { to: socket }, 'http://c'])
  const conditions = (): unknown[] => upstreams.state().endpoints.map(({ condition }) => condition)
  upstreams.drain(new URL('http://a'))
  upstreams.drain('http://b/base')
  upstreams.drain('unix:/run/app.sock')
  expect(conditions()).toEqual(['draining', 'draining', 'draining', 'up'])
  upstreams.resume(socket)
  expect(conditions()).toEqual(['draining', 'draining', 'up', 'up'])
  expect(() => upstreams.drain('http://d')).toThrow('upstreams has no endpoint http://d')
})

describe('an endpoint', () => {
  test.each<[string, unknown[], string]>([
    ['that is none', ['nowhere'], 'The upstream is not a URL'],
    [
      'with a weight that is none',
      [{ to: 'http://a', weight: 0 }],
      'The weight of an endpoint is a number above zero',
    ],
    ['that is there twice', ['http://a', new URL('http://a/')], 'upstreams has the endpoint http://a twice'],
  ])('%s is a TypeError, and the set stays as it was', (_, wrong, message) => {
    const upstreams = createUpstreams(['http://b'])
    expect(() => upstreams.replace(wrong as string[])).toThrow(message)
    expect(upstreams.state().endpoints.map(({ id }) => id)).toEqual(['http://b'])
  })
})
