import { seeded } from '@relayrace/fixtures/random'
import { seed } from '@relayrace/fixtures/seed'
import { type Message, parser } from '@relayrace/fixtures/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

type Kind = 'request' | 'response'

/** What comes in is Latin-1 text; `cuts` are offsets. */
function parse(
  kind: Kind,
  text: string,
  cuts: readonly number[] = [],
  to = 'GET',
): { message: Message; rest: string } {
  const bytes = Buffer.from(text, 'latin1')
  const edges = [0, ...cuts.filter((at) => at <= bytes.length).sort((a, b) => a - b), bytes.length]
  const parsing = parser(kind, { to })
  let taken = 0
  for (const [index, edge] of edges.slice(1).entries()) {
    if (parsing.done) break
    taken += parsing.push(bytes.subarray(edges[index], edge))
  }
  parsing.end('fin')
  return { message: parsing.message, rest: text.slice(taken) }
}

const seen = ({ message, rest }: ReturnType<typeof parse>) => ({
  ...message,
  text: message.text,
  sha256: message.sha256,
  // After a malformed message nothing that follows has a meaning.
  rest: message.verdict === 'malformed' ? undefined : rest,
})

fc.configureGlobal({ seed })

const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}$/)
const value = fc.stringMatching(/^[!-~\x80-\xff]([ -~\x80-\xff]{0,20}[!-~\x80-\xff])?$/)
const fields = fc
  .array(fc.tuple(token, value), { maxLength: 5 })
  .map((all) => all.filter(([name]) => !/^(?:content-length|transfer-encoding|connection)$/i.test(name)))
const content = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1'))
const lines = (all: readonly (readonly [string, string])[]): string =>
  all.map(([name, text]) => `${name}: ${text}\r\n`).join('')

const message = fc
  .record({
    kind: fc.constantFrom<Kind>('request', 'response'),
    fields,
    trailers: fields,
    parts: fc.array(content),
  })
  .map(({ kind, fields, trailers, parts }) => {
    const start = kind === 'request' ? 'POST /x HTTP/1.1\r\n' : 'HTTP/1.1 200 OK\r\n'
    const filled = parts.filter((part) => part !== '')
    const chunks = filled.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')
    return {
      kind,
      content: filled.join(''),
      trailers,
      fields,
      whole: `${start}${lines(fields)}Content-Length: ${filled.join('').length}\r\n\r\n${filled.join('')}`,
      chunked: `${start}${lines(fields)}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n${lines(trailers)}\r\n`,
    }
  })
const cuts = fc.array(fc.nat(2000), { maxLength: 40 })
/** Damage: some bytes replaced, anywhere. */
const damage = fc.array(
  fc.tuple(fc.nat(300), fc.constantFrom('\r', '\n', ' ', ':', '\0', 'x', '0', '\xe9')),
  {
    maxLength: 3,
  },
)

describe('the strict parser', () => {
  test('gives the same result for any split of a well-formed message', () => {
    fc.assert(
      fc.property(message, cuts, ({ kind, whole, chunked }, at) => {
        for (const text of [whole, chunked])
          expect(seen(parse(kind, text, at))).toEqual(seen(parse(kind, text)))
      }),
      { verbose: true },
    )
  })

  test('gives the same result for any split of a damaged message', () => {
    fc.assert(
      fc.property(message, cuts, damage, ({ kind, chunked }, at, places) => {
        let text = chunked
        for (const [offset, char] of places) text = text.slice(0, offset) + char + text.slice(offset + 1)
        expect(seen(parse(kind, text, at))).toEqual(seen(parse(kind, text)))
      }),
      { verbose: true },
    )
  })

  test('gives back what was written', () => {
    fc.assert(
      fc.property(message, ({ kind, fields, trailers, content, whole, chunked }) => {
        for (const text of [whole, chunked]) {
          const { message, rest } = parse(kind, `${text}next`)
          expect(message.verdict, message.problem).toBe('complete')
          expect(message.text).toBe(content)
          expect(message.fields.slice(0, -1)).toEqual(fields)
          expect(rest).toBe('next')
        }
        expect(parse(kind, chunked).message.trailers).toEqual(trailers)
      }),
      { verbose: true },
    )
  })

  test('calls every proper part of a message incomplete', () => {
    fc.assert(
      fc.property(message, fc.nat(), ({ kind, chunked }, at) => {
        const part = chunked.slice(0, at % chunked.length)
        expect(parse(kind, part).message.verdict).toBe('incomplete')
      }),
      { verbose: true },
    )
  })

  test.each([
    ['both framings', 'Content-Length: 2\r\nTransfer-Encoding: chunked'],
    ['two lengths', 'Content-Length: 2\r\nContent-Length: 2'],
    ['a list of lengths', 'Content-Length: 2, 2'],
    ['a signed length', 'Content-Length: +2'],
    ['a coding that is not chunked', 'Transfer-Encoding: gzip'],
    ['chunked and more', 'Transfer-Encoding: chunked, identity'],
    ['two codings', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'],
    ['a space before the colon', 'X : 1'],
    ['a folded field', 'X: 1\r\n 2'],
    ['a bare LF', 'X: 1\nY: 2'],
    ['a bare CR', 'X: 1\rY: 2'],
    ['a NUL', 'X: \0'],
    ['no name', ': 1'],
    ['no colon', 'X'],
  ])('calls a message with %s malformed', (_, line) => {
    expect(parse('response', `HTTP/1.1 200 OK\r\n${line}\r\n\r\nok`).message.verdict).toBe('malformed')
    expect(parse('request', `POST / HTTP/1.1\r\n${line}\r\n\r\nok`).message.verdict).toBe('malformed')
  })

  test.each([
    ['an extension without semicolon', '5 a\r\nhello\r\n0\r\n\r\n'],
    ['a prefix', '0x5\r\nhello\r\n0\r\n\r\n'],
    ['too many digits', '00000000000005\r\nhello\r\n0\r\n\r\n'],
    ['bytes after the chunk', '5\r\nhello!\r\n0\r\n\r\n'],
    ['a bare LF', '5\nhello\r\n0\r\n\r\n'],
    ['nothing', '\r\nhello\r\n0\r\n\r\n'],
  ])('calls a chunk size with %s malformed', (_, chunks) => {
    const text = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`
    expect(parse('response', text).message.verdict).toBe('malformed')
  })

  test.each([
    ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['304 with Content-Length', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n'],
    ['the response to HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n'],
    ['101', 'GET', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'],
    ['the response to CONNECT', 'CONNECT', 'HTTP/1.1 200 OK\r\n\r\n'],
  ])('ends %s with its head', (_, to, text) => {
    const { message, rest } = parse('response', `${text}more`, [], to)
    expect(message.verdict).toBe('complete')
    expect(rest).toBe('more')
  })

  test.each(
    ['100 Continue', '103 Early Hints', '204 No Content'].flatMap((status) => [
      [status, 'Content-Length: 0'],
      [status, 'Transfer-Encoding: chunked'],
    ]),
  )('calls %s with %s malformed (RFC 9110 §8.6, RFC 9112 §6.1)', (status, line) => {
    expect(parse('response', `HTTP/1.1 ${status}\r\n${line}\r\n\r\n`).message.verdict).toBe('malformed')
  })

  test('takes a close for the end of content without length, and a reset for a cut', () => {
    const text = Buffer.from('HTTP/1.1 200 OK\r\n\r\nhello')
    for (const [how, verdict] of [
      ['fin', 'complete'],
      ['reset', 'incomplete'],
    ] as const) {
      const parsing = parser('response')
      parsing.push(text)
      parsing.end(how)
      expect(parsing.message.verdict).toBe(verdict)
    }
  })

  test('keeps no more content than it was asked to, and counts and hashes all of it', () => {
    const random = seeded(1)
    const content = Buffer.from(Uint8Array.from({ length: 1000 }, () => random() * 256))
    const parsing = parser('response', { keep: 10 })
    parsing.push(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n'))
    parsing.push(content)
    expect(parsing.message.body).toEqual(content.subarray(0, 10))
    expect(parsing.message.bodyLength).toBe(1000)
  })
})
