import { parser } from '@relayrace/fixtures/wire'
import { noContent } from '@relayrace/gateway/strategy'
import { describe, expect, test } from 'vitest'
import { MessageReader } from '../src/message.ts'
import { cut, type Reading, type ReadingOptions, read } from './reading.ts'
import { fc } from './seed.ts'

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

const token = fc.string({
  unit: fc.constantFrom(..."!#$%&'*+-.^_`|~09azAZ"),
  minLength: 1,
  maxLength: 12,
})
const valueUnit = fc.constantFrom(
  'a',
  'Z',
  '0',
  ' ',
  '\t',
  ',',
  ';',
  '=',
  '"',
  ':',
  '\x80',
  '\xff',
  '\xa0',
  '/',
)
const value = fc.string({ unit: valueUnit, maxLength: 20 })
const framingNames = new Set(['content-length', 'transfer-encoding', 'connection', 'host'])
const fieldLines = fc
  .array(fc.tuple(token, fc.constantFrom('', ' ', '\t', '  '), value), { maxLength: 6 })
  .map((fields) =>
    fields
      .filter(([name]) => !framingNames.has(name.toLowerCase()))
      .map(([name, space, value]) => `${name}:${space}${value}\r\n`)
      .join(''),
  )

const content = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1'))
const extension = fc.constantFrom('', '', '', ';a', ';a=b', ';a="b;c\\"d"', ';x;y=1', ';q="\xe9"')
const chunkedContent = fc
  .tuple(
    fc.array(
      fc.tuple(
        content.filter((piece) => piece !== ''),
        extension,
        fc.boolean(),
      ),
      { maxLength: 5 },
    ),
    extension,
    fieldLines,
  )
  .map(([chunks, lastExtension, trailers]) => ({
    text: `${chunks
      .map(([data, extension, upper]) => {
        const size = data.length.toString(16)
        return `${upper ? size.toUpperCase() : `0${size}`}${extension}\r\n${data}\r\n`
      })
      .join('')}0${lastExtension}\r\n${trailers}\r\n`,
    content: chunks.map(([data]) => data).join(''),
  }))

interface Sample {
  readonly text: string
  readonly content: string
}

const withContent = (startLine: fc.Arbitrary<string>): fc.Arbitrary<Sample> =>
  fc.tuple(startLine, fieldLines, fc.oneof(content, chunkedContent)).map(([line, fields, body]) =>
    typeof body === 'string'
      ? { text: `${line}\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`, content: body }
      : {
          text: `${line}\r\nTransfer-Encoding: chunked\r\n${fields}\r\n${body.text}`,
          content: body.content,
        },
  )

const request = fc.oneof(
  withContent(fc.constantFrom('POST /upload?x=%zz HTTP/1.1', 'PUT * HTTP/1.1')),
  fieldLines.map((fields) => ({ text: `GET /a HTTP/1.1\r\nHost: a\r\n${fields}\r\n`, content: '' })),
  // A remnant of the message before (RFC 9112 §2.2).
  fieldLines.map((fields) => ({ text: `\r\n\r\nGET /a HTTP/1.1\r\n${fields}\r\n`, content: '' })),
)
const response = fc.oneof(
  withContent(
    fc.constantFrom('HTTP/1.1 200 OK', 'HTTP/1.1 404 ', 'HTTP/1.1 299 \xe9\t!', 'HTTP/1.0 200'),
  ).filter(({ text }) => !text.startsWith('HTTP/1.0') || !text.includes('chunked')),
  fieldLines.map((fields) => ({ text: `HTTP/1.1 103 Early Hints\r\n${fields}\r\n`, content: '' })),
  fieldLines.map((fields) => ({ text: `HTTP/1.1 304 Not Modified\r\n${fields}\r\n`, content: '' })),
)
const untilClose = fc
  .tuple(fieldLines, content)
  .map(([fields, content]) => ({ text: `HTTP/1.1 200 OK\r\n${fields}\r\n${content}`, content }))

/** One byte is changed, doubled or lost, or none. */
const damaged = (samples: fc.Arbitrary<readonly Sample[]>): fc.Arbitrary<Buffer> =>
  fc
    .tuple(
      samples,
      fc.nat(),
      fc.constantFrom('nothing', 'set', 'double', 'lose'),
      fc.constantFrom(...'\r\n \t\0:;0f'),
    )
    .map(([messages, place, what, byte]) => {
      const text = messages.map(({ text }) => text).join('')
      const at = place % (text.length + 1)
      const insert = what === 'set' ? byte : what === 'double' ? text.slice(at, at + 1).repeat(2) : ''
      return latin1(what === 'nothing' ? text : text.slice(0, at) + insert + text.slice(at + 1))
    })

const places = fc.array(fc.nat(), { maxLength: 12 })

/** What must not depend on how the bytes were cut. */
function sayings(reading: Reading, verbatim: boolean) {
  return {
    refused: reading.refused !== undefined,
    messages: reading.messages.map(({ content, ...message }) => ({
      ...message,
      content: verbatim ? 'compared by its meaning' : content.toString('latin1'),
    })),
  }
}

const bytewise = (bytes: Buffer): Buffer[] => Array.from(bytes, (byte) => Buffer.of(byte))

function sameInPieces(
  kind: 'request' | 'response',
  bytes: Buffer,
  at: readonly number[],
  options?: ReadingOptions,
) {
  const verbatim = options?.verbatim === true
  const whole = sayings(read(kind, [bytes], options), verbatim)
  // An error can hide an end of the message before it is known: what was complete before it must be the same.
  expect(sayings(read(kind, cut(bytes, at), options), verbatim)).toEqual(whole)
  expect(sayings(read(kind, bytewise(bytes), options), verbatim)).toEqual(whole)
}

describe('any split of the input gives the same events', () => {
  const requests = fc.array(request, { minLength: 1, maxLength: 3 })
  const responses = fc.array(response, { minLength: 1, maxLength: 3 })

  test('of pipelined requests', () => {
    fc.assert(
      fc.property(damaged(requests), places, (bytes, at) => sameInPieces('request', bytes, at)),
      { numRuns: 1500 },
    )
  })

  test('of responses', () => {
    fc.assert(
      fc.property(damaged(responses), places, (bytes, at) => sameInPieces('response', bytes, at)),
      { numRuns: 1500 },
    )
  })

  test('of a response that the end of the connection ends', () => {
    const one = untilClose.map((sample) => [sample])
    const property = fc.property(damaged(one), places, (bytes, at) =>
      sameInPieces('response', bytes, at, { fin: true }),
    )
    fc.assert(property, { numRuns: 500 })
  })

  test('of content that is handed on with its chunk framing', () => {
    const property = fc.property(damaged(requests), places, (bytes, at) =>
      sameInPieces('request', bytes, at, { verbatim: true }),
    )
    fc.assert(property, { numRuns: 500 })
  })

  test('of an empty line before a request that is cut in two', () => {
    for (const empty of ['\r\n', '\r\n\r\n']) {
      const bytes = latin1(`${empty}GET / HTTP/1.1\r\nHost: a\r\n\r\n`)
      for (let at = 1; at < bytes.length; at++) sameInPieces('request', bytes, [at])
    }
  })
})

describe('what is read', () => {
  test('is the content that was sent, message by message', () => {
    const property = fc.property(fc.array(request, { minLength: 1, maxLength: 4 }), places, (samples, at) => {
      const reading = read('request', cut(latin1(samples.map(({ text }) => text).join('')), at))
      expect(reading.refused).toBeUndefined()
      expect(reading.messages.map(({ complete, content }) => [complete, content.toString('latin1')])).toEqual(
        samples.map(({ content }) => [true, content]),
      )
    })
    fc.assert(property, { numRuns: 500 })
  })

  test('is what an independent strict parser reads', () => {
    const property = fc.property(request, places, ({ text }, at) => {
      const bytes = latin1(text.replace(/^(\r\n)+/, ''))
      const [message] = read('request', cut(bytes, at)).messages
      const judge = parser('request')
      expect(judge.push(bytes)).toBe(bytes.length)
      expect(judge.message.verdict).toBe('complete')
      expect(message?.raw).toEqual(judge.message.fields.flat())
      expect(message?.trailers).toEqual(judge.message.trailers.flat())
      expect(message?.content.equals(judge.message.body)).toBe(true)
    })
    fc.assert(property, { numRuns: 500 })
  })

  test('with its chunk framing, and a last chunk, is a message with the same content', () => {
    const property = fc.property(chunkedContent, places, ({ text, content }, at) => {
      const head = 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n'
      const [message] = read('request', cut(latin1(head + text), at), { verbatim: true }).messages
      const judge = parser('request')
      judge.push(Buffer.concat([latin1(head), message?.content as Buffer, latin1('0\r\n\r\n')]))
      expect(judge.message.verdict).toBe('complete')
      expect(judge.message.text).toBe(content)
      expect(message?.contentBytes).toBe(content.length)
    })
    fc.assert(property, { numRuns: 1000 })
  })

  test('ends where the next message begins', () => {
    const property = fc.property(request, request, (first, second) => {
      const reading = read('request', [latin1(first.text + second.text)], { more: () => false })
      expect(reading.taken).toBe(first.text.length)
    })
    fc.assert(property)
  })

  test('between two messages is idle, and not after the first byte of the next', () => {
    const nothing = { head: () => noContent, content: () => {}, end: () => {} }
    const reader = new MessageReader(nothing, { head: 16_384 })
    const idle = [...'GET / HTTP/1.1\r\nHost: a\r\n\r\nG'].map((byte) => {
      reader.read(latin1(byte))
      return reader.idle
    })
    expect(idle.map((now, at) => (now ? at : -1)).filter((at) => at >= 0)).toEqual([26])
    expect(new MessageReader(nothing, { head: 16_384 }).idle).toBe(true)
  })
})

describe('a limit holds exactly', () => {
  const splits = fc.array(fc.nat(), { maxLength: 5 })
  const accepts = (text: string, limit: number, at: number[], options = {}) =>
    read('request', cut(latin1(text), at), { limit, ...options })

  test('of a head', () => {
    const property = fc.property(fc.integer({ min: 40, max: 400 }), splits, (limit, at) => {
      const head = (length: number) => `GET / HTTP/1.1\r\nX: ${'v'.repeat(length - 23)}\r\n\r\n`
      expect(head(limit)).toHaveLength(limit)
      expect(accepts(head(limit), limit, at)).toMatchObject({
        refused: undefined,
        messages: [{ complete: true }],
      })
      expect(accepts(head(limit + 1), limit, at)).toMatchObject({ tooLarge: 'head', messages: [] })
    })
    fc.assert(property, { numRuns: 200 })
  })

  test('of a head that never ends', () => {
    const property = fc.property(fc.integer({ min: 16, max: 400 }), splits, (limit, at) => {
      expect(accepts('G'.repeat(limit), limit, at).refused).toBeUndefined()
      expect(accepts('G'.repeat(limit + 1), limit, at).tooLarge).toBe('head')
    })
    fc.assert(property, { numRuns: 200 })
  })

  test('of empty lines before a head, however they come', () => {
    const lines = (count: number) => Array.from({ length: count }, () => latin1('\r\n'))
    expect(read('request', lines(20), { limit: 40 }).refused).toBeUndefined()
    expect(read('request', lines(21), { limit: 40 }).tooLarge).toBe('head')
  })

  test('of a chunk-size line: 1024 bytes', () => {
    const property = fc.property(splits, fc.boolean(), (at, verbatim) => {
      const text = (length: number) =>
        `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;${'e'.repeat(length - 4)}\r\nx\r\n0\r\n\r\n`
      const options = { verbatim }
      expect(accepts(text(1024), 400, at, options)).toMatchObject({
        refused: undefined,
        messages: [{ contentBytes: 1 }],
      })
      expect(accepts(text(1025), 400, at, options)).toMatchObject({
        tooLarge: 'line',
        messages: [{ complete: false }],
      })
    })
    fc.assert(property, { numRuns: 200 })
  })

  test('of trailers, which is that of a head', () => {
    const property = fc.property(fc.integer({ min: 60, max: 400 }), splits, (limit, at) => {
      const text = (length: number) =>
        `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: ${'t'.repeat(length - 7)}\r\n\r\n`
      expect(accepts(text(limit), limit, at)).toMatchObject({
        refused: undefined,
        messages: [{ complete: true }],
      })
      expect(accepts(text(limit + 1), limit, at)).toMatchObject({
        tooLarge: 'trailers',
        messages: [{ complete: false }],
      })
    })
    fc.assert(property, { numRuns: 200 })
  })

  test('of what is kept: a line of chunk size that never ends is refused at once', () => {
    const reading = read('request', [
      latin1('POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n'),
      Buffer.alloc(100_000, '0'),
    ])
    expect(reading.tooLarge).toBe('line')
  })
})

describe('chunked content is refused', () => {
  const refused = [
    ...[
      '',
      'x',
      '0x5',
      ' 5',
      '5 ',
      '5\t',
      '-5',
      '+5',
      '5;',
      '5; a',
      '5 ;a',
      '5;a =b',
      '5;a="b',
      '5,5',
      '1'.repeat(13),
    ],
    ...['5;a=b c', '5;\x01', '5;a="\x00"', '5\x00', '５', '5\r', '5\n;a'],
  ]
  for (const line of refused) {
    test(`with the chunk size ${JSON.stringify(line)} (RFC 9112 §7.1)`, () => {
      const bytes = latin1(
        `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${line}\r\nhello\r\n0\r\n\r\n`,
      )
      expect(read('request', [bytes]).refused).toBeDefined()
      expect(read('request', bytewise(bytes)).refused).toBeDefined()
    })
  }

  for (const [what, end] of [
    ['no line end after the data', '5\r\nhello0\r\n\r\n'],
    ['a bare LF after the data', '5\r\nhello\n0\r\n\r\n'],
    ['a bare LF after the size', '5\nhello\r\n0\r\n\r\n'],
    ['more data than announced', '4\r\nhello\r\n0\r\n\r\n'],
    ['a bare LF in the trailers', '0\r\nA: b\n\r\n'],
    ['a bare LF at the end', '0\r\n\n'],
    ['a folded trailer', '0\r\nA: b\r\n c\r\n\r\n'],
    ['a trailer that is none', '0\r\nGET / HTTP/1.1\r\n\r\n'],
  ] as const) {
    test(`with ${what}`, () => {
      const bytes = latin1(`POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${end}`)
      expect(read('request', [bytes]).refused).toBeDefined()
      expect(read('request', bytewise(bytes)).refused).toBeDefined()
    })
  }
})

test('the empty lines before each of many messages are counted anew (RFC 9112 §2.2)', () => {
  const message = '\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'
  const { messages, refused } = read('request', [latin1(message.repeat(100))], { limit: 100 })
  expect([messages.length, refused]).toEqual([100, undefined])
  const { tooLarge } = read('request', [latin1(`${'\r\n'.repeat(51)}${message}`)], { limit: 100 })
  expect(tooLarge).toBe('head')
})
