import { describe, expect, test } from 'vitest'
import { Fields } from '../src/contract/fields.ts'
import {
  agreesWith,
  hostOf,
  isFinalRecipient,
  offeredProtocols,
  wantsTrailers,
} from '../src/rules/request.ts'

describe('another protocol', () => {
  const offer = (...protocols: string[]): string[] => [
    'Connection',
    'Upgrade',
    'Upgrade',
    protocols.join(', '),
  ]

  test('is never HTTP/2 in the clear', () => {
    expect(offeredProtocols('1.1', offer('h2c', 'echo/1', 'H2C/2'))).toEqual(['echo/1'])
  })

  test('is offered only as an option of the connection, and not by HTTP/1.0', () => {
    expect(offeredProtocols('1.1', ['Upgrade', 'echo'])).toEqual([])
    expect(offeredProtocols('1.0', offer('echo'))).toEqual([])
  })

  test('is agreed on only when all that were chosen were offered', () => {
    expect(agreesWith(['echo', 'Other'], offer('other', 'ECHO'))).toBe(true)
    expect(agreesWith(['echo'], offer('echo', 'other'))).toBe(false)
    expect(agreesWith(['echo'], [])).toBe(false)
  })

  test('is agreed on only as an option of the connection', () => {
    expect(agreesWith(['echo'], ['Upgrade', 'echo'])).toBe(false)
    expect(agreesWith(['echo'], ['Connection', 'close', 'Upgrade', 'echo'])).toBe(false)
  })
})

test('trailers are wanted by the word alone, with or without a weight', () => {
  expect(wantsTrailers(['TE', 'gzip;q=1, trailers'])).toBe(true)
  expect(wantsTrailers(['TE', 'trailers;q=0.5'])).toBe(true)
  expect(wantsTrailers(['TE', 'trailersx', 'X', 'trailers'])).toBe(false)
})

test('a Host that is none is refused', () => {
  expect(() => hostOf(['Host', 'a b'])).toThrow('Host is not a host')
  expect(hostOf(['X', '1'])).toBeUndefined()
})

test.each([
  [undefined, false, undefined],
  ['0', true, '0'],
  ['1', false, '0'],
  ['10', false, '9'],
])('Max-Forwards %s: the end is here: %s, and it goes on as %s', (value, isFinal, left) => {
  const fields = Fields.from(value === undefined ? {} : { 'Max-Forwards': value })
  expect([isFinalRecipient(fields), fields.get('max-forwards')]).toEqual([isFinal, left])
})

test.each(['', '-1', '1.5', '1e3', '1234567890'])('Max-Forwards %j is refused', (value) => {
  expect(() => isFinalRecipient(Fields.from({ 'Max-Forwards': value }))).toThrow(
    'Max-Forwards is not a number',
  )
})
