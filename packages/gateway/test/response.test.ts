import { describe, expect, test } from 'vitest'
import { GatewayError } from '../src/contract/errors.ts'
import { noContent } from '../src/rules/framing.ts'
import {
  announcedTrailers,
  dropsContent,
  Interim,
  responseFields,
  trailersToForward,
} from '../src/rules/response.ts'

/** What decides framing, routing, authentication or how content is read (RFC 9110 §6.5.1). */
const decisive = [
  'Authorization',
  'Cache-Control',
  'Content-Encoding',
  'Content-Length',
  'Content-Range',
  'Content-Type',
  'Cookie',
  'Forwarded',
  'Host',
  'Max-Forwards',
  'Set-Cookie',
  'Transfer-Encoding',
  'Via',
  'X-Forwarded-For',
  'X_Real_IP',
]

describe('trailers', () => {
  test.each(decisive)('do not go on as %s', (name) => {
    expect(trailersToForward([name, '1', 'X-Sum', '7']).raw).toEqual(['X-Sum', '7'])
  })

  test('that do not go on are not announced', () => {
    expect(announcedTrailers(['Trailer', 'Content-Length, X-Sum, Set-Cookie'])).toBe('x-sum')
    expect(announcedTrailers(['Trailer', 'Content-Length'])).toBeUndefined()
  })
})

describe('interim responses', () => {
  const limits = { interimResponses: 2, interimBytes: 30 } as Parameters<Interim['add']>[1]

  test('may be as many as the limit, and no more', () => {
    const interim = new Interim()
    interim.add([], limits)
    interim.add([], limits)
    expect(() => interim.add([], limits)).toThrow(GatewayError)
  })

  test('may be as large together as the limit, and no larger', () => {
    const interim = new Interim()
    interim.add(['a'.repeat(13), 'b'.repeat(13)], limits)
    expect(() => interim.add(['', ''], limits)).toThrow(GatewayError)
  })
})

test('a 204 says nothing of a length (RFC 9110 §8.6)', () => {
  expect(responseFields(noContent, 204, ['Content-Length', '5', 'X', '1']).raw).toEqual(['X', '1'])
})

test('content is dropped where a hook has made the status one without', () => {
  expect([204, 205, 304].map((status) => dropsContent(200, status))).toEqual([true, true, true])
  expect([dropsContent(304, 304), dropsContent(200, 201)]).toEqual([false, false])
})
