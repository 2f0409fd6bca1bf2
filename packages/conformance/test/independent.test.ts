/** What the suite reads somebody else's parser reads too: 1 000 random messages, a third of them damaged. */

import { random, seed } from '@relayrace/fixtures/seed'
import { parser } from '@relayrace/fixtures/wire'
import { HTTPParser } from 'http-parser-js'
import { expect, test } from 'vitest'

const count = 1_000

HTTPParser.encoding = 'latin1'

type Kind = 'request' | 'response'

interface Sample {
  readonly kind: Kind
  /** Latin-1. */
  readonly text: string
  /** The method that a response answers. */
  readonly to: string
  readonly damaged: boolean
}

/** What a message says, whoever has read it. */
interface Reading {
  readonly start: readonly (string | number)[]
  readonly fields: readonly string[]
  readonly content: string
  readonly trailers: readonly string[]
}

const dice = random('independent')
const below = (n: number): number => Math.floor(dice() * n)
const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T
const several = <T>(most: number, make: () => T): T[] => Array.from({ length: below(most + 1) }, make)
const text = (letters: string, least: number, most: number): string =>
  Array.from({ length: least + below(most - least + 1) }, () => pick([...letters])).join('')

const tokens = "!#$%&'*+-.^_`|~019AZaz"
const visible = `${tokens}"(),/:;<=>?@[]{}\xe9\xff`
const noContent = [204, 304]

/** Those that say how content is framed or a connection goes on are added where they belong. */
function field(): string {
  const name = `X${text(tokens, 1, 8)}`
  const value = several(3, () => text(visible, 1, 10)).join(pick([' ', '\t', ', ']))
  return `${name}:${pick(['', ' ', '\t', '  '])}${value}${pick(['', '', ' ', '\t'])}\r\n`
}

function sample(): Sample {
  const kind = pick<Kind>(['request', 'response'])
  const to = kind === 'response' && below(8) === 0 ? 'HEAD' : 'GET'
  const status = pick([200, 201, 206, 299, 404, 500, 999, ...noContent])
  const start =
    kind === 'request'
      ? `${pick(['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])} /${text(visible.replace('"', ''), 0, 20)} HTTP/1.1\r\n`
      : `HTTP/1.1 ${status} ${pick(['', 'OK', 'Not at all', 'caf\xe9'])}\r\n`
  const content = several(3, () => text(`${visible}\r\n\0 `, 1, 60))
  // 204 has none (RFC 9110 §8.6, RFC 9112 §6.1).
  const framings =
    kind === 'response' && status === 204
      ? ['none']
      : ['none', 'length', 'length', 'chunked', 'chunked', ...(kind === 'response' ? ['close'] : [])]
  const framing = pick(framings)
  const silent = kind === 'response' && (to === 'HEAD' || noContent.includes(status))
  const before = several(4, field).join('')
  const after = several(2, field).join('')
  let body = content.join('')
  let framed = ''
  if (framing === 'none') body = kind === 'request' ? '' : body
  if (framing === 'length') framed = `${pick(['Content-Length', 'content-length'])}: ${body.length}\r\n`
  if (framing === 'chunked') {
    framed = `${pick(['Transfer-Encoding', 'transfer-encoding'])}: ${pick(['chunked', 'Chunked'])}\r\n`
    const chunks = content.map((part) => {
      const size = `${pick(['', '0', '00'])}${pick([part.length.toString(16), part.length.toString(16).toUpperCase()])}`
      return `${size}${pick(['', '', ';a', ';a=b', ';a="b;c"'])}\r\n${part}\r\n`
    })
    body = `${chunks.join('')}0\r\n${several(2, field).join('')}\r\n`
  }
  const whole = `${start + before + framed + after}\r\n${silent ? '' : body}`
  const damaged = below(3) === 0
  return { kind, to, damaged, text: damaged ? damage(whole) : whole }
}

/** A byte replaced, left out, put in, or the end cut off: behind the method, of which the other parser knows some by name. */
function damage(whole: string): string {
  const from = whole.indexOf(' ') + 1
  const at = from + below(whole.length - from)
  const byte = pick(['\r', '\n', ' ', ':', '\0', 'x', '0', ';', '\xe9'])
  return pick([
    whole.slice(0, at) + byte + whole.slice(at + 1),
    whole.slice(0, at) + whole.slice(at + 1),
    whole.slice(0, at) + byte + whole.slice(at),
    whole.slice(0, at),
  ])
}

function ours({ kind, text, to }: Sample): { verdict: string; problem: string; reading: Reading } {
  const parsing = parser(kind, { to })
  // In pieces of any length.
  for (let rest = Buffer.from(text, 'latin1'); rest.length > 0 && !parsing.done; ) {
    const length = 1 + below(rest.length)
    const taken = parsing.push(rest.subarray(0, length))
    rest = rest.subarray(parsing.done ? taken : length)
  }
  parsing.end('fin')
  const { message } = parsing
  return {
    verdict: message.verdict,
    problem: message.problem,
    reading: {
      start: kind === 'request' ? [message.method, message.target] : [message.status, message.reason],
      fields: message.fields.flat(),
      content: message.text,
      trailers: message.trailers.flat(),
    },
  }
}

/** @returns undefined when it refuses the message, or there is more to come. */
function theirs({ kind, text, to }: Sample): Reading | undefined {
  const reading = new HTTPParser(kind === 'request' ? HTTPParser.REQUEST : HTTPParser.RESPONSE)
  let start: Reading['start'] = []
  let fields: string[] = []
  let content = ''
  let trailers: string[] = []
  let complete = false
  reading[HTTPParser.kOnHeadersComplete] = ({ method, url, statusCode, statusMessage, headers }) => {
    if (complete) return 0
    start = kind === 'request' ? [HTTPParser.methods[method] ?? '', url] : [statusCode, statusMessage]
    fields = headers
    // Whoever asked has to tell it where there is no content.
    return to === 'HEAD' || noContent.includes(statusCode) ? 1 : 0
  }
  reading[HTTPParser.kOnBody] = (bytes, offset, length) => {
    if (!complete) content += bytes.toString('latin1', offset, offset + length)
  }
  reading[HTTPParser.kOnHeaders] = (lines) => {
    if (!complete) trailers = lines
  }
  reading[HTTPParser.kOnMessageComplete] = () => {
    complete = true
  }
  const taken = reading.execute(Buffer.from(text, 'latin1'))
  if (!complete && typeof taken === 'number') reading.finish()
  return complete ? { start, fields, content, trailers } : undefined
}

test(`the verdicts of the suite are those of an independent parser: ${count} messages, SEED=${seed}`, () => {
  const counts: Record<string, number> = {}
  for (let i = 0; i < count; i++) {
    const one = sample()
    const { verdict, problem, reading } = ours(one)
    const said = `SEED=${seed}, message ${i}: ${JSON.stringify(one.text)} to ${one.to} is ${verdict}: ${problem}`
    const other = theirs(one)
    counts[verdict] = (counts[verdict] ?? 0) + 1
    // What is whole and well-formed for everybody. It takes more than we do, so what is malformed is our word alone.
    if (!one.damaged) expect(verdict, said).toBe('complete')
    if (verdict === 'complete') expect(other, said).toEqual(reading)
    if (verdict === 'incomplete') expect(other, said).toBeUndefined()
  }
  expect(counts.complete).toBeGreaterThan(count / 2)
  expect(counts.incomplete).toBeGreaterThan(count / 50)
  expect(counts.malformed).toBeGreaterThan(count / 50)
})
