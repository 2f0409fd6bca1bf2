import { GatewayError } from '@relayrace/gateway'
import { describe, expect, test } from 'vitest'
import {
  fieldLines,
  parseFields,
  parseRequestHead,
  parseResponseHead,
  requestHead,
  responseHead,
} from '../src/head.ts'
import { fc } from './seed.ts'

const anyByte = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) })
const anything = fc.oneof(
  anyByte,
  fc.string({
    unit: fc.constantFrom('a', ' ', '\t', '\r', '\n', ':', ',', '\0', '\x7f', '\xa0', 'Ā', '😀'),
    maxLength: 12,
  }),
)
const token = fc.string({ unit: fc.constantFrom(..."!#$%&'*+-.^_`|~019azAZ"), minLength: 1, maxLength: 20 })
const valueUnit = fc.oneof(
  fc.constantFrom('\t', ' '),
  fc
    .integer({ min: 0x21, max: 0xff })
    .filter((code) => code !== 0x7f)
    .map((code) => String.fromCharCode(code)),
)
/** Without the whitespace around it, which is none of the value (RFC 9110 §5.5). */
const value = fc
  .string({ unit: valueUnit, maxLength: 30 })
  .map((text) => text.replace(/^[\t ]+|[\t ]+$/g, ''))
const raw = fc.array(fc.tuple(token, value), { maxLength: 8 }).map((fields) => fields.flat())
const target = fc.string({
  unit: valueUnit.filter((unit) => unit > ' ' && unit < '\x7f'),
  minLength: 1,
  maxLength: 40,
})
const reason = fc.string({ unit: valueUnit, maxLength: 20 })
const status = fc.integer({ min: 100, max: 999 })

describe('what is written is read as the same', () => {
  test('of requests', () => {
    fc.assert(
      fc.property(token, target, raw, (method, target, raw) => {
        expect(parseRequestHead(requestHead(method, target, raw))).toEqual({
          method,
          target,
          version: '1.1',
          raw,
        })
      }),
    )
  })

  test('of responses', () => {
    fc.assert(
      fc.property(status, reason, raw, (status, reason, raw) => {
        expect(parseResponseHead(responseHead(status, reason, raw))).toEqual({
          version: '1.1',
          status,
          reason,
          raw,
        })
      }),
    )
  })

  test('of trailers', () => {
    fc.assert(
      fc.property(raw, (raw) => {
        expect(parseFields(`${fieldLines(raw)}\r\n`, 0)).toEqual(raw)
      }),
    )
  })
})

describe('what a hook made up is either refused, or read as one head with these parts', () => {
  const hostileRaw = fc
    .array(fc.tuple(fc.oneof(token, anything), fc.oneof(value, anything)), { maxLength: 3 })
    .map((fields) => fields.flat())

  /** What was written, or undefined when it was refused. Anything but a TypeError is a fault. */
  const written = (write: () => string): string | undefined => {
    try {
      return write()
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError)
      return undefined
    }
  }
  const trimmed = (raw: readonly string[]) =>
    raw.map((text, i) => (i % 2 === 0 ? text : text.replace(/^[\t ]+|[\t ]+$/g, '')))

  test('of requests', () => {
    const property = fc.property(
      fc.oneof(token, anything),
      fc.oneof(target, anything),
      hostileRaw,
      (method, target, raw) => {
        const text = written(() => requestHead(method, target, raw))
        if (text === undefined) return
        expect(parseRequestHead(text)).toEqual({ method, target, version: '1.1', raw: trimmed(raw) })
      },
    )
    fc.assert(property, { numRuns: 2000 })
  })

  test('of responses', () => {
    const number = fc.oneof(
      status,
      fc.integer(),
      fc.double(),
      fc.constantFrom(0, 99, 1000, 200.5, Number.NaN),
    )
    const property = fc.property(number, fc.oneof(reason, anything), hostileRaw, (status, reason, raw) => {
      const text = written(() => responseHead(status, reason, raw))
      if (text === undefined) return
      expect(parseResponseHead(text)).toEqual({ version: '1.1', status, reason, raw: trimmed(raw) })
    })
    fc.assert(property, { numRuns: 2000 })
  })

  for (const [what, write] of [
    ['a line end in a value', () => fieldLines(['X', 'a\r\nSet-Cookie: b'])],
    ['a bare LF in a value', () => fieldLines(['X', 'a\nb'])],
    ['a bare CR in a value', () => fieldLines(['X', 'a\rb'])],
    ['a NUL in a value', () => fieldLines(['X', 'a\0b'])],
    ['a character that is cut to a line end on the wire', () => fieldLines(['X', 'a\u010d\u010aY: b'])],
    ['an empty name', () => fieldLines(['', 'a'])],
    ['a name with a colon', () => fieldLines(['X:', 'a'])],
    ['a name with a space', () => fieldLines(['X ', 'a'])],
    ['a name with a line end', () => fieldLines(['X\r\nY', 'a'])],
    ['a method with a space', () => requestHead('GET /admin HTTP/1.1\r\nX:', '/', [])],
    ['an empty method', () => requestHead('', '/', [])],
    ['a target with a space', () => requestHead('GET', '/ HTTP/1.1', [])],
    ['a target with a line end', () => requestHead('GET', '/\r\nX: y', [])],
    ['an empty target', () => requestHead('GET', '', [])],
    ['a reason with a line end', () => responseHead(200, 'OK\r\nSet-Cookie: a', [])],
    ['a status of two digits', () => responseHead(20, 'OK', [])],
    ['a status of four digits', () => responseHead(2000, 'OK', [])],
    ['a status that is no number', () => responseHead(Number.NaN, 'OK', [])],
  ] as const) {
    test(`${what} is refused`, () => {
      expect(write).toThrow(TypeError)
    })
  }
})

test.each([
  ['1.0', '1.0'],
  ['1.1', '1.1'],
  ['1.2', '1.1'],
  ['1.9', '1.1'],
])('a request of HTTP/%s is read as one of HTTP/%s (RFC 9110 §2.5)', (said, version) => {
  expect(parseRequestHead(`GET / HTTP/${said}\r\n\r\n`).version).toBe(version)
})

describe('a request head is refused', () => {
  const head = (lines: string) => () => parseRequestHead(`${lines}\r\n\r\n`)
  for (const [what, lines, section] of [
    ['with whitespace before the colon', 'GET / HTTP/1.1\r\nHost : a', '§5.1'],
    ['with an empty name', 'GET / HTTP/1.1\r\n: a', '§5.1'],
    ['with a space in a name', 'GET / HTTP/1.1\r\nNa me: a', '§5.1'],
    ['with a folded line', 'GET / HTTP/1.1\r\nA: b\r\n c', '§5.2'],
    ['with a first field that begins with a space', 'GET / HTTP/1.1\r\n A: b', '§2.2'],
    ['with a bare LF', 'GET / HTTP/1.1\r\nA: b\nB: c', '§2.2'],
    ['with a bare CR', 'GET / HTTP/1.1\r\nA: b\rB: c', '§2.2'],
    ['with a NUL', 'GET / HTTP/1.1\r\nA: b\0', '§5.5'],
    ['with a DEL', 'GET / HTTP/1.1\r\nA: b\x7f', '§5.5'],
    ['with a line without a colon', 'GET / HTTP/1.1\r\nA', '§5'],
    ['with a target that is not ASCII', 'GET /\xe9 HTTP/1.1', '§3.2'],
    ['with two spaces in its first line', 'GET  / HTTP/1.1', '§3'],
    ['with a tab in its first line', 'GET\t/ HTTP/1.1', '§3'],
    ['with a space at the end of its first line', 'GET / HTTP/1.1 ', '§3'],
    ['without a version', 'GET /', '§2.3'],
    ['with a version in small letters', 'GET / http/1.1', '§2.3'],
    ['with another version', 'GET / HTTP/1.10', '§2.3'],
    ['with an empty line within', 'GET / HTTP/1.1\r\nA: b\r\n\r\nC: d', '§2.1'],
  ] as const) {
    test(`${what} (RFC 9112 ${section})`, () => {
      expect(head(lines)).toThrow(GatewayError)
      expect(head(lines)).toThrow(expect.objectContaining({ status: 400 }))
    })
  }

  test('of another major version, as 505', () => {
    expect(head('GET / HTTP/2.0')).toThrow(expect.objectContaining({ status: 505 }))
  })
})

describe('a response head is refused', () => {
  for (const line of [
    'HTTP/2.0 200 OK',
    'HTTP/1.1200 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 099 OK',
    'HTTP/1.1  200 OK',
    'ICY 200 OK',
    'HTTP/1.1 200 \x01',
    'HTTP/1.1\t200 OK',
    'HTTP/1.1 2 0 OK',
    '',
  ])
    test(`with the status line ${JSON.stringify(line)} (RFC 9112 §4)`, () => {
      expect(() => parseResponseHead(`${line}\r\nA: b\r\n\r\n`)).toThrow(
        expect.objectContaining({ status: 502 }),
      )
    })
})

test('reading takes time in proportion to the length, whatever the bytes', () => {
  const milliseconds = (length: number): number => {
    const worst = [
      `GET / HTTP/1.1\r\nA:${' '.repeat(length)}\x01\r\n\r\n`,
      `GET / HTTP/1.1\r\nA:${'\t '.repeat(length / 2)}b${' \t'.repeat(length / 2)}\x01\r\n\r\n`,
      `GET / HTTP/1.1\r\n${'A'.repeat(length)}\x01\r\n\r\n`,
      `GET / HTTP/1.1\r\nA: ${'b '.repeat(length / 2)}\n\r\n\r\n`,
    ]
    const before = process.cpuUsage()
    for (const text of worst) expect(() => parseRequestHead(text)).toThrow(GatewayError)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
  // 256 KiB: a few milliseconds in proportion, minutes in proportion to the square.
  expect(milliseconds(256 * 1024)).toBeLessThan(2_000)
})

test('whitespace around a value is no part of it (RFC 9110 §5.5)', () => {
  const { raw } = parseResponseHead('HTTP/1.1 200 OK\r\nA: \t1 2 \t\r\nB:\t \r\n\r\n')
  expect(raw).toEqual(['A', '1 2', 'B', ''])
})
