import { describe, expect, test } from 'vitest'
import { contentLength, hasContent, requestFraming, responseFraming } from '../src/rules/framing.ts'

describe('contentLength', () => {
  test.each([
    [[], undefined],
    [['5'], 5],
    [['0'], 0],
    [['5', '5'], 5],
    [['5, 5'], 5],
    [['5', '6'], Number.NaN],
    [['5, 6'], Number.NaN],
    [[''], Number.NaN],
    [['+5'], Number.NaN],
    [['-1'], Number.NaN],
    [['0x5'], Number.NaN],
    [['5_0'], Number.NaN],
    [['5.0'], Number.NaN],
    [['1e3'], Number.NaN],
    [['\u0665'], Number.NaN],
    [['18446744073709551616'], Number.NaN],
  ])('%j is %s', (values, length) => {
    expect(contentLength(values)).toBe(length)
  })
})

describe('requestFraming (RFC 9112 §6.3)', () => {
  test('no field, no content', () => {
    expect(requestFraming('1.1', ['Host', 'a'])).toEqual({ kind: 'none' })
  })

  test('a length', () => {
    expect(requestFraming('1.0', ['content-LENGTH', '5'])).toEqual({ kind: 'length', length: 5 })
  })

  test('chunks', () => {
    expect(requestFraming('1.1', ['Transfer-Encoding', 'CHUNKED'])).toEqual({ kind: 'chunked' })
  })

  test.each([
    ['both', '1.1', ['Content-Length', '5', 'Transfer-Encoding', 'chunked'], 400],
    ['both, the other way round', '1.1', ['Transfer-Encoding', 'chunked', 'Content-Length', '5'], 400],
    ['two lengths', '1.1', ['Content-Length', '5', 'Content-Length', '6'], 400],
    ['no number', '1.1', ['Content-Length', 'five'], 400],
    ['chunks in HTTP/1.0', '1.0', ['Transfer-Encoding', 'chunked'], 400],
    ['another coding', '1.1', ['Transfer-Encoding', 'gzip'], 501],
    ['two codings', '1.1', ['Transfer-Encoding', 'gzip, chunked'], 501],
    ['chunked twice', '1.1', ['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'], 501],
    ['hardly chunked', '1.1', ['Transfer-Encoding', '"chunked"'], 501],
    ['\\vchunked', '1.1', ['Transfer-Encoding', '\vchunked'], 501],
  ])('refuses %s', (_, version, raw, status) => {
    expect(() => requestFraming(version, raw)).toThrow(expect.objectContaining({ status }))
  })
})

describe('responseFraming', () => {
  test('without a field it ends with the connection', () => {
    expect(responseFraming('GET', 200, [])).toEqual({ kind: 'close' })
  })

  test('a length', () => {
    expect(responseFraming('GET', 200, ['Content-Length', '5'])).toEqual({ kind: 'length', length: 5 })
  })

  test.each([
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ])('%s %i has no content, whatever it says', (method, status) => {
    expect(responseFraming(method, status, ['Content-Length', '5'])).toEqual({ kind: 'none' })
    expect(responseFraming(method, status, ['Transfer-Encoding', 'chunked'])).toEqual({ kind: 'none' })
  })

  test.each([
    ['two lengths', ['Content-Length', '2', 'Content-Length', '3']],
    ['both', ['Content-Length', '2', 'Transfer-Encoding', 'chunked']],
    ['another coding', ['Transfer-Encoding', 'gzip, chunked']],
  ])('refuses %s: 502', (_, raw) => {
    expect(() => responseFraming('GET', 200, raw)).toThrow(expect.objectContaining({ status: 502 }))
  })
})

test('interim responses have no content', () => {
  expect(hasContent('GET', 103)).toBe(false)
  expect(hasContent('GET', 200)).toBe(true)
})
