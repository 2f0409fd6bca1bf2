/** The same client, or the same key, comes to the same endpoint. */

import type { Message, Origin } from '@relayrace/fixtures/wire'
import type { Exchange } from '@relayrace/gateway'
import { strategies } from '@relayrace/strategies'
import { describe, expect, test } from 'vitest'
import {
  byAddress,
  byCookie,
  byField,
  type Candidate,
  createUpstreams,
  hashed,
  type Key,
} from '../src/index.ts'
import { answering, get, manualClock, origin, post, reply, stage, stateOf } from './stage.ts'

const fourOf = (): Promise<Origin[]> => Promise.all([1, 2, 3, 4].map((n) => answering(`${n}`)))
const urlsOf = (origins: readonly Origin[]): URL[] => origins.map(({ url }) => url)
/** As a client sends it back. */
const cookieOf = (response: Message): string =>
  `Cookie: other=1; ${response.get('set-cookie')?.split(';')[0]}`

describe.each(strategies)('C4 on %s', (_, create) => {
  test.each<[string, Key, (key: string) => string]>([
    ['a field', byField('x-user'), (key) => `X-User: ${key}`],
    ['a cookie', byCookie('user'), (key) => `Cookie: a=b; user=${key}; user=x`],
  ])('the same endpoint is asked for the same value of %s', async (_, key, field) => {
    const origins = await fourOf()
    const staged = await stage(create, urlsOf(origins), { policy: hashed(key) })
    const asked = async (): Promise<string[]> => {
      const texts: string[] = []
      for (let i = 0; i < 20; i++) texts.push((await staged.ask(get('/', field(`user-${i}`)))).text)
      return texts
    }
    const first = await asked()
    expect(await asked()).toEqual(first)
    expect(new Set(first).size).toBeGreaterThan(1)
  })

  test('the same endpoint is asked for the same address', async () => {
    const staged = await stage(create, urlsOf(await fourOf()), { policy: hashed(byAddress) })
    const texts = new Set<string>()
    for (let i = 0; i < 8; i++) texts.add((await staged.ask()).text)
    expect(texts.size).toBe(1)
  })

  test('without a key they are asked in turn', async () => {
    const staged = await stage(create, urlsOf(await fourOf()), { policy: hashed(byField('x-user')) })
    const texts: string[] = []
    for (let i = 0; i < 4; i++) texts.push((await staged.ask()).text)
    expect(texts).toEqual(['1', '2', '3', '4'])
  })

  test('a client stays with who has answered it first, and is told so once', async () => {
    const staged = await stage(create, urlsOf(await fourOf()), { sticky: { secret: 'a' } })
    const first = await staged.ask()
    expect(first.get('set-cookie')).toMatch(/^endpoint=[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax$/)
    for (let i = 0; i < 3; i++) {
      const again = await staged.ask(get('/', cookieOf(first)))
      expect([again.text, again.has('set-cookie')]).toEqual([first.text, false])
    }
    expect((await staged.ask()).text).not.toBe(first.text)
  })

  test('a client whose endpoint is drained goes to another one, and stays there', async () => {
    const origins = await fourOf()
    const staged = await stage(create, urlsOf(origins), { sticky: { secret: 'a', cookie: 'at' } })
    const first = await staged.ask()
    await staged.upstreams.drain(origins[0]?.url as URL)
    const second = await staged.ask(get('/', cookieOf(first)))
    expect([first.text, second.text, second.get('set-cookie')]).toEqual([
      '1',
      '2',
      expect.stringMatching(/^at=/),
    ])
    expect((await staged.ask(get('/', cookieOf(second)))).text).toBe('2')
  })

  test('a client whose endpoint fails goes to another one, and stays there', async () => {
    let well = true
    const bad = await origin((exchange) => (well ? exchange.send(reply('bad')) : exchange.connection.reset()))
    const good = await answering('good')
    const staged = await stage(create, [bad.url, good.url], { sticky: { secret: 'a' }, clock: manualClock() })
    const first = await staged.ask()
    well = false
    const second = await staged.ask(get('/', cookieOf(first)))
    expect([first.text, second.text]).toEqual(['bad', 'good'])
    expect((await staged.ask(get('/', cookieOf(second)))).text).toBe('good')
    expect(stateOf(staged, bad)).toMatchObject({ attempts: 2, failed: 1 })
  })

  test('what an endpoint sets itself stays beside it', async () => {
    const one = await origin((exchange) => exchange.send(reply('', 'Set-Cookie: its=1', 'Set-Cookie: own=2')))
    const staged = await stage(create, [one.url], { sticky: { secret: 'a' } })
    expect((await staged.ask(post('x'))).all('set-cookie')).toHaveLength(3)
  })
})

describe('C4 of hashed keys', () => {
  const candidate = (n: number, weight = 1): Candidate => ({
    id: `http://10.0.0.${n}:8080`,
    weight,
    currentWeight: weight,
    inFlight: 0,
  })
  const keys = Array.from({ length: 10_000 }, (_, i) => `user-${i}`)

  /** Which endpoint is chosen for each. */
  function chosen(candidates: readonly Candidate[]): string[] {
    let key = ''
    const policy = hashed(() => key)
    return keys.map((one) => {
      key = one
      return policy(candidates, {} as Exchange).id
    })
  }

  test('each endpoint gets its weight, within 5 %', () => {
    const candidates = [candidate(1), candidate(2, 2), candidate(3), candidate(4, 4)]
    const shares = Map.groupBy(chosen(candidates), (id) => id)
    for (const { id, weight } of candidates) {
      const share = (shares.get(id)?.length ?? 0) / ((keys.length * weight) / 8)
      expect(share).toBeGreaterThan(0.95)
      expect(share).toBeLessThan(1.05)
    }
  })

  test('only those of an endpoint that goes are moved', () => {
    const all = [candidate(1), candidate(2), candidate(3), candidate(4)]
    const [before, after] = [chosen(all), chosen(all.slice(1))]
    const moved = keys.filter((_, i) => before[i] !== after[i])
    expect(moved).toHaveLength(before.filter((id) => id === all[0]?.id).length)
  })

  test('those that an endpoint gets when it comes are a fair share, and no others move', () => {
    const all = [candidate(1), candidate(2), candidate(3), candidate(4)]
    const [before, after] = [chosen(all.slice(1)), chosen(all)]
    const moved = after.filter((id, i) => before[i] !== id)
    expect(new Set(moved)).toEqual(new Set([all[0]?.id]))
    expect(moved.length / keys.length).toBeCloseTo(1 / 4, 1)
  })
})

test.each([
  [{ secret: '' }, 'sticky.secret has to be a text'],
  [{ secret: 'a', cookie: 'a b' }, 'sticky.cookie is no name of a cookie: "a b"'],
])('a cookie that makes no sense is a TypeError: %o', (sticky, message) => {
  expect(() => createUpstreams(['http://a'], { sticky })).toThrow(message)
})
