import { strategies } from '@relayrace/strategies'
import { describe, expect, test } from 'vitest'
import { createUpstreams, type UpstreamsOptions } from '../src/index.ts'
import { answering, stage } from './stage.ts'

describe('an option that makes no sense is a TypeError that names it', () => {
  test.each<[unknown, string]>([
    [{ polcy: 1 }, 'Unknown option polcy. Known: name, policy, sticky'],
    [{ policy: 'round-robin' }, 'Option policy has to be a function, not round-robin'],
    [{ slowStart: -1 }, 'Option slowStart has to be a number, zero or more, not -1'],
    [{ slowStart: Number.NaN }, 'Option slowStart has to be a number, zero or more, not NaN'],
    [{ retry: { attempts: 0 } }, 'Option retry.attempts has to be 1 or more'],
    [
      { retry: { atempts: 2 } },
      'Unknown option retry.atempts. Known: attempts, budget, minPerSecond, statuses',
    ],
    [{ ejection: true }, 'Option ejection has to be an object'],
    [{ ejection: { coolOff: '1' } }, 'Option ejection.coolOff has to be a number, not 1'],
    [{ checks: { type: 'udp' } }, 'Option checks.type has to be http or tcp, not udp'],
    [{ checks: { path: '/a b' } }, 'Option checks.path has to be percent-encoded: /a b'],
    [{ checks: { path: 'healthz' } }, 'Option checks.path has to begin with a slash, not healthz'],
    [{ route: { to: 'http://a' } }, 'Option route.to is the set’s own to say'],
  ])('%o', (options, message) => {
    expect(() => createUpstreams(['http://a'], options as UpstreamsOptions)).toThrow(message)
  })

  test('and undefined is as good as nothing', () => {
    const options = { policy: undefined, retry: { attempts: undefined }, checks: undefined } as object
    expect(createUpstreams(['http://a'], options).state().name).toBe('upstreams')
  })
})

test('spread, it is two options of a gateway and nothing else', () => {
  expect(Object.keys({ ...createUpstreams(['http://a']) })).toEqual(['upstream', 'transport'])
})

describe.each(strategies)('on %s', (_, create) => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('oh')
      },
    ],
    ['chooses nobody', () => undefined as never],
  ])('a policy that %s is our own fault: 500', async (_, policy) => {
    const origins = [await answering('one'), await answering('two')]
    const staged = await stage(
      create,
      origins.map(({ url }) => url),
      { policy },
    )
    expect((await staged.ask()).status).toBe(500)
    expect(staged.upstreams.state().endpoints).toMatchObject([{ attempts: 0 }, { attempts: 0 }])
  })
})
