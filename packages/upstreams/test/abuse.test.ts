/** Whatever clients, endpoints, hooks and operators do: each attempt is counted once, and nothing stays behind. */

import { random } from '@relayrace/fixtures/seed'
import type { Exchange } from '@relayrace/fixtures/wire'
import { strategies } from '@relayrace/strategies'
import { CountBreaker } from 'cockatiel'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type AttemptMessage, attemptEnded, leastInFlight } from '../src/index.ts'
import { busy, get, head, type ManualClock, manualClock, origin, post, reply, stage } from './stage.ts'

const upgrade = ['Connection: Upgrade', 'Upgrade: echo']

/** What an endpoint may do with a request. */
const moods: readonly ((exchange: Exchange) => unknown)[] = [
  (exchange) => exchange.send(reply('fine')),
  (exchange) => exchange.send(reply('fine')),
  (exchange) => exchange.send(reply('fine')),
  (exchange) => exchange.send(busy),
  ({ connection }) => connection.reset(),
  ({ connection }) => connection.close(),
  () => {},
  async (exchange) => {
    await exchange.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}begun`)
    exchange.connection.reset()
  },
  (exchange) => exchange.send('what?\r\n\r\n'),
]

/** What a client may ask. */
const requests: readonly string[] = [get('/'), get('/throw'), post('hello'), get('/', ...upgrade), get('/')]

describe.each(strategies)('C4 on %s', (name, create) => {
  test('each attempt is counted once, whatever happens', { timeout: 60_000 }, async () => {
    const dice = random(`abuse of upstreams on ${name}`)
    const one = <T>(list: readonly T[]): T => list[Math.floor(dice() * list.length)] as T
    const origins = await Promise.all(
      [1, 2, 3].map(() =>
        origin((exchange) => {
          if (exchange.message.has('upgrade') && dice() < 0.5)
            return exchange.send(head('HTTP/1.1 101 Switching Protocols', ...upgrade))
          return one(moods)(exchange)
        }),
      ),
    )
    const urls = ['http://127.0.0.1:1', ...origins.map(({ url }) => url.origin)]
    const ended = new Map<string, number>()
    const listen = (message: unknown): void => {
      const { endpoint } = message as AttemptMessage
      ended.set(endpoint, (ended.get(endpoint) ?? 0) + 1)
    }
    attemptEnded.subscribe(listen)
    onTestFinished(() => void attemptEnded.unsubscribe(listen))
    const clock: ManualClock = manualClock()
    const staged = await stage(
      create,
      urls,
      {
        clock,
        policy: leastInFlight(),
        ejection: { breaker: () => new CountBreaker({ threshold: 0.7, size: 10 }), coolOff: 1_000 },
      },
      {
        timeouts: { responseHead: 150, tunnel: 300 },
        rewrite({ path }) {
          if (path === '/throw') throw new Error('oh')
        },
      },
    )
    const { upstreams, gateway } = staged
    let asked = 0
    const visits = Array.from({ length: 12 }, async () => {
      while (asked++ < 300) {
        const client = await staged.client()
        client.send(one(requests))
        const leaves = dice()
        if (leaves < 0.1) client.reset()
        else if (leaves < 0.2) client.responding({ within: 40 }).then(client.close, client.close)
        else await client.responding().catch(() => {})
        client.close()
        clock.advance(100)
        if (dice() < 0.1) upstreams.replace(urls.filter(() => dice() < 0.8))
        if (dice() < 0.1) {
          const [first] = upstreams.state().endpoints.filter(({ condition }) => condition === 'up')
          if (first === undefined) continue
          upstreams.drain(first.id)
          if (dice() < 0.9) upstreams.resume(first.id)
        }
      }
    })
    await Promise.all(visits)
    upstreams.replace(urls)
    await expect.poll(() => gateway.inFlight).toBe(0)
    const { endpoints } = upstreams.state()
    for (const { id, inFlight, attempts, completed, failed, undecided } of endpoints) {
      expect([id, inFlight]).toEqual([id, 0])
      expect(completed + failed + undecided).toBe(attempts)
    }
    const all = [...ended.values()].reduce((sum, n) => sum + n, 0)
    expect(all).toBeGreaterThan(150)
    // Who has left the set meanwhile is forgotten, with what was counted.
    expect(endpoints.reduce((sum, { attempts }) => sum + attempts, 0)).toBeLessThanOrEqual(all)
    expect(origins.reduce((sum, { requests: { length } }) => sum + length, 0)).toBeLessThanOrEqual(all)
  })
})
