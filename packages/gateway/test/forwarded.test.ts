import { describe, expect, test } from 'vitest'
import {
  appendForwarded,
  type Exchange,
  Fields,
  preserveHost,
  type RequestHead,
  setForwarded,
} from '../src/application.ts'
import { forwardingFields, passedBefore } from '../src/rules/forwarded.ts'

function exchange(
  remoteAddress: string | undefined,
  claimed: Record<string, string> = {},
  secure = false,
): Exchange {
  return {
    request: {
      method: 'GET',
      target: '/',
      originalTarget: '/',
      path: '/',
      authority: 'a.example:8080',
      version: '1.1',
      fields: Fields.from({ Host: 'a.example:8080', ...claimed }),
      remoteAddress,
      remotePort: 1,
      secure,
    },
    phase: 'requestHead',
    status: 0,
    attempts: 0,
    requestBytes: 0,
    responseBytes: 0,
    signal: new AbortController().signal,
  }
}

const out = (): RequestHead => ({ method: 'GET', path: '/', fields: Fields.from({ Host: 'origin' }) })

describe('setForwarded', () => {
  test('says the same in both dialects', () => {
    const head = out()
    setForwarded(head, exchange('192.0.2.1'))
    expect(head.fields.get('x-forwarded-for')).toBe('192.0.2.1')
    expect(head.fields.get('x-forwarded-proto')).toBe('http')
    expect(head.fields.get('x-forwarded-host')).toBe('a.example:8080')
    expect(head.fields.get('forwarded')).toBe('for=192.0.2.1;host="a.example:8080";proto=http')
  })

  test('puts IPv6 in brackets and quotes (RFC 7239 §6)', () => {
    const head = out()
    setForwarded(head, exchange('2001:db8::1', {}, true))
    expect(head.fields.get('forwarded')).toMatch(/^for="\[2001:db8::1\]";.*;proto=https$/)
  })

  test('nobody known is unknown', () => {
    const head = out()
    setForwarded(head, exchange(undefined))
    expect(head.fields.get('x-forwarded-for')).toBe('unknown')
    expect(head.fields.get('forwarded')).toMatch(/^for=unknown;/)
  })
})

test('appendForwarded keeps what the one before said, and adds itself', () => {
  const head = out()
  const claimed = {
    'X-Forwarded-For': '198.51.100.7',
    'X-Forwarded-Proto': 'https',
    Forwarded: 'for=198.51.100.7',
  }
  appendForwarded(head, exchange('192.0.2.1', claimed))
  expect(head.fields.all('x-forwarded-for')).toEqual(['198.51.100.7, 192.0.2.1'])
  expect(head.fields.all('x-forwarded-proto')).toEqual(['https'])
  expect(head.fields.all('forwarded')).toEqual([
    'for=198.51.100.7, for=192.0.2.1;host="a.example:8080";proto=http',
  ])
})

test('appendForwarded keeps all lines of what came in several', () => {
  const head = out()
  const asked = exchange('192.0.2.1')
  for (const name of ['X-Forwarded-For', 'Forwarded'])
    for (const hop of ['1', '2']) asked.request.fields.append(name, `for=${hop}`)
  appendForwarded(head, asked)
  expect(head.fields.all('x-forwarded-for')).toEqual(['for=1, for=2, 192.0.2.1'])
  expect(head.fields.all('forwarded')).toEqual([expect.stringMatching(/^for=1, for=2, for=192\.0\.2\.1;/)])
})

test('preserveHost replaces the Host, and there is one', () => {
  const head = out()
  preserveHost(head, exchange('192.0.2.1'))
  expect(head.fields.all('host')).toEqual(['a.example:8080'])
})

describe('passedBefore', () => {
  test.each([
    [['1.1 me'], true],
    [['1.1 other, 1.0 me'], true],
    [['1.1 other', 'HTTP/1.1\tme (a comment)'], true],
    [['1.1 me-too'], false],
    [['1.1 not (me)'], false],
    [[], false],
  ])('%j: %s', (via, passed) => {
    expect(passedBefore(via, 'me')).toBe(passed)
  })
})

describe('forwardingFields', () => {
  test.each([
    'CF-Connecting-IP',
    'Client-Cert',
    'Client-Cert-Chain',
    'Client-IP',
    'Forwarded',
    'Remote-User',
    'SSL-Client-Verify',
    'True-Client-IP',
    'X-Auth-Request-Email',
    'X-Client-IP',
    'X-Forward-For',
    'X-Forwarded',
    'X-Forwarded-For',
    'X-Forwarded-Tls-Client-Cert',
    'X-Forwarded-Whatever-Comes-Next',
    'X-Original-URL',
    'X-Real-IP',
    'X-RealIP',
    'X-Remote-User',
    'X-Rewrite-URL',
    'X-SSL-Client-Cert',
  ])('has %s, with underscores and in capitals too', (name) => {
    for (const spelling of [name, name.replaceAll('-', '_'), name.replace('-', '_'), name.toUpperCase()])
      expect([spelling, forwardingFields.has(spelling)]).toEqual([spelling, true])
  })

  test.each(['X-For', 'Client-Version', 'Remote', 'X-Request-ID', 'X-Client', 'Cookie', 'User-Agent', ''])(
    'has no %j',
    (name) => {
      expect(forwardingFields.has(name)).toBe(false)
    },
  )
})
