import { describe, expect, test } from 'vitest'
import {
  defaultLimits,
  defaultPool,
  defaultTimeouts,
  type GatewayOptions,
  setForwarded,
} from '../src/application.ts'
import { endpointOf, resolveSettings } from '../src/exchange/settings.ts'

const upstream = 'http://origin.example'

describe('resolveSettings', () => {
  test('fills in every default', () => {
    const settings = resolveSettings('x', { upstream })
    expect(settings.timeouts).toEqual(defaultTimeouts)
    expect(settings.limits).toEqual(defaultLimits)
    expect(settings.pool).toEqual(defaultPool)
    expect(settings.rewrite).toBe(setForwarded)
    expect(settings.endpoint?.authority).toBe('origin.example')
  })

  test('keeps what is given, beside the defaults', () => {
    const { timeouts } = resolveSettings('x', {
      upstream,
      timeouts: { connect: 5, drain: Number.POSITIVE_INFINITY },
    })
    expect(timeouts).toEqual({ ...defaultTimeouts, connect: 5, drain: Number.POSITIVE_INFINITY })
  })

  test('two gateways have two pseudonyms, so that a loop is told from a chain', () => {
    expect(resolveSettings('x', { upstream }).pseudonym).not.toBe(
      resolveSettings('x', { upstream }).pseudonym,
    )
    expect(resolveSettings('x', { upstream, pseudonym: 'me' }).pseudonym).toBe('me')
  })

  test.each<[string, string, object]>([
    ['an unknown name', 'Did you mean modifyResponse?', { modifyRespons: () => {} }],
    ['one in another case', 'Did you mean upstream?', { Upstream: upstream }],
    ['one of another proxy', 'Unknown option changeOrigin. Known: upstream, ', { changeOrigin: true }],
    ['one of a group', 'Did you mean timeouts.connect?', { timeouts: { conect: 1 } }],
    ['one of TLS', 'Did you mean tls.rejectUnauthorized?', { tls: { rejectUnauthorised: false } }],
    ['a number for a certificate', 'Option tls.ca has to be text or bytes', { tls: { ca: 1 } }],
    [
      'text for a switch',
      'Option tls.rejectUnauthorized has to be true or',
      { tls: { rejectUnauthorized: 'no' } },
    ],
    ['one of a socket', 'Did you mean upstream.host?', { upstream: { socketPath: '/a', hots: 'b' } }],
    ['one that every object has', 'Unknown option toString', { toString: () => '' }],
    ['a number for a group', 'Option timeouts has to be an object', { timeouts: 5_000 }],
    ['an object for a hook', 'Option rewrite has to be a function', { rewrite: {} }],
    ['null for a hook', 'Option onEnd has to be a function', { onEnd: null }],
    ['no upstream', 'Option upstream is missing', { upstream: undefined }],
    ['a pseudonym that cannot stand in Via', 'Option pseudonym has to be a token', { pseudonym: 'Ω' }],
    ['a pseudonym of two words', 'Option pseudonym has to be a token', { pseudonym: 'my proxy' }],
  ])('refuses %s and says what to do', (_, message, options) => {
    const make = (): unknown => resolveSettings('x', { upstream, ...options } as GatewayOptions)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(message)
  })

  test('takes an option that is undefined for one that is left out', () => {
    expect(resolveSettings('x', { upstream, onEnd: undefined } as never).onEnd).toBeUndefined()
  })

  test.each<[string, object]>([
    ['timeouts.conect', { timeouts: { conect: 1 } }],
    ['timeouts.connect', { timeouts: { connect: -1 } }],
    ['limits.requestBody', { limits: { requestBody: Number.NaN } }],
    ['pool.idle', { pool: { idle: '5' } }],
  ])('names %s when it makes no sense', (option, options) => {
    expect(() => resolveSettings('x', { upstream, ...options } as GatewayOptions)).toThrow(option)
  })

  test('a choice is made later', () => {
    const choose = (): string => upstream
    expect(resolveSettings('x', { upstream: choose })).toMatchObject({ endpoint: undefined, choose })
  })
})

test('endpointOf takes a URL object apart once', () => {
  const url = new URL(upstream)
  expect(endpointOf(url)).toBe(endpointOf(url))
})
