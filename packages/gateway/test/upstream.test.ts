import { describe, expect, test } from 'vitest'
import type { Origin } from '../src/application.ts'
import { endpoint, isHost, joinTarget, readTarget } from '../src/rules/upstream.ts'

describe('joinTarget', () => {
  // As in Go's TestSingleJoinSlash, TestJoinURLPath and TestReverseProxyQuery, but that nothing is ever decoded.
  test.each([
    ['http://o', '/', '/'],
    ['http://o', '/x', '/x'],
    ['http://o', '//x', '//x'],
    ['http://o', '/a%2Fb/../c', '/a%2Fb/../c'],
    ['http://o', '/?', '/?'],
    ['http://o/', '/x', '/x'],
    ['http://o/b', '/', '/b/'],
    ['http://o/b', '/x', '/b/x'],
    ['http://o/b/', '/x', '/b/x'],
    ['http://o/b//', '/x', '/b/x'],
    ['http://o/b', '//x', '/b//x'],
    ['http://o/b%2Fc', '/x%2Fy', '/b%2Fc/x%2Fy'],
    ['http://o/b', '/x?', '/b/x?'],
    ['http://o/b', '/x?q', '/b/x?q'],
    ['http://o?s=1', '/x', '/x?s=1'],
    ['http://o?s=1', '/x?', '/x?s=1'],
    ['http://o?s=1', '/x?q=2', '/x?s=1&q=2'],
    ['http://o/b?s=1', '/x?q=%zz;y', '/b/x?s=1&q=%zz;y'],
    ['http://o/b', '*', '*'],
    ['http://o/b', '/..x/x../...', '/b/..x/x../...'],
  ])('%s and %s', (origin, target, joined) => {
    expect(joinTarget(endpoint(origin), target)).toBe(joined)
  })

  test.each([
    '/..',
    '/../x',
    '/x/..',
    '/./x',
    '/%2e%2e/x',
    '/%2E./x',
    '/..%2fx',
    '/x%2f..',
    '/..;/x',
    '/..%3bx',
    '/..\\x',
    '/\\..',
    '/%5c../x',
  ])('%s does not get out of a base path', (target) => {
    expect(joinTarget(endpoint('http://o/b'), target)).toBeUndefined()
  })
})

describe('readTarget (RFC 9112 §3.2)', () => {
  test.each([
    ['GET', '/x?y', { path: '/x?y', authority: undefined }],
    ['GET', '//evil/x', { path: '//evil/x', authority: undefined }],
    ['GET', 'http://h:1/x?y', { path: '/x?y', authority: 'h:1' }],
    ['GET', 'HTTP://h', { path: '/', authority: 'h' }],
    ['GET', 'http://h?y', { path: '/?y', authority: 'h' }],
    ['OPTIONS', '*', { path: '*', authority: undefined }],
    ['OPTIONS', 'http://h', { path: '*', authority: 'h' }],
    ['GET', '*', undefined],
    ['GET', 'x', undefined],
    ['GET', '', undefined],
    ['GET', '/a b', undefined],
    ['GET', '/a#b', undefined],
    ['GET', '/a\tb', undefined],
    ['GET', 'ftp://h/x', undefined],
    ['GET', 'http:///x', undefined],
    ['GET', 'http://u@h/x', undefined],
    ['CONNECT', 'h:443', undefined],
  ])('%s %s', (method, target, read) => {
    expect(readTarget(method, target)).toEqual(read)
  })
})

test.each([
  ['a', true],
  ['a:80', true],
  ['[::1]:80', true],
  ['a_b', true],
  ['a, b', false],
  ['a@b', false],
  ['a b', false],
  ['a/b', false],
  ['a:80:90', false],
  ['a:x', false],
])('isHost %s: %s', (value, is) => {
  expect(isHost(value)).toBe(is)
})

describe('endpoint', () => {
  test('takes an origin apart', () => {
    expect(endpoint('https://h.example/b/?q')).toMatchObject({
      secure: true,
      hostname: 'h.example',
      port: 443,
      authority: 'h.example',
      basePath: '/b',
      baseQuery: 'q',
    })
  })

  test('dials IPv6 without its brackets', () => {
    expect(endpoint('http://[::1]:81')).toMatchObject({ hostname: '::1', port: 81, authority: '[::1]:81' })
  })

  test.each<[string, Origin]>([
    ['ftp:', 'ftp://h'],
    ['not a URL', 'h:80x'],
    ['credentials', 'http://u:p@h'],
  ])('refuses what it cannot dial: %s', (_, origin) => {
    expect(() => endpoint(origin)).toThrow(TypeError)
  })
})
