/** Seeded damage to messages: what a broken or hostile peer could send. */

import type { Entry } from './corpus.ts'

/** Longer than any limit of the readers, and short enough to be quick. */
const longest = 24_000

export class Mutator {
  readonly #random: () => number
  readonly #corpus: readonly Entry[]

  constructor(random: () => number, corpus: readonly Entry[]) {
    this.#random = random
    this.#corpus = corpus
  }

  /** An entry of the corpus, most often damaged in a few places, sometimes with a sound message behind it. */
  next(): string {
    let text = this.#pick(this.#corpus).text
    // Long entries are few, and slow.
    if (text.length > 2_000 && this.#chance(0.9)) text = this.#pick(this.#corpus).text
    for (let times = Math.floor(this.#random() ** 2 * 5); times > 0; times--) text = this.#mutate(text)
    if (this.#chance(0.3)) text += this.#pick(this.#corpus).text
    return text.slice(0, longest)
  }

  /** Where to cut, in order. */
  cuts(length: number): number[] {
    const places = Array.from({ length: Math.floor(this.#random() * 4) }, () => this.#below(length + 1))
    return places.sort((a, b) => a - b)
  }

  chance(probability: number): boolean {
    return this.#chance(probability)
  }

  #mutate(text: string): string {
    const at = this.#below(text.length + 1)
    const mutation = this.#pick(mutations)
    return mutation(text, at, {
      below: (limit) => this.#below(limit),
      pick: (from) => this.#pick(from),
      other: () => this.#pick(this.#corpus).text,
    })
  }

  #chance(probability: number): boolean {
    return this.#random() < probability
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)] as T
  }
}

interface Dice {
  below(limit: number): number
  pick<T>(from: readonly T[]): T
  other(): string
}

type Mutation = (text: string, at: number, dice: Dice) => string

const splice = (text: string, at: number, remove: number, insert = ''): string =>
  text.slice(0, at) + insert + text.slice(at + remove)

/** The place of a match at or after `at`, or of the first. */
function find(text: string, pattern: RegExp, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  const found = pattern.exec(text)
  if (found !== null || at === 0) return found
  pattern.lastIndex = 0
  return pattern.exec(text)
}

function replaceNext(text: string, pattern: RegExp, at: number, replacement: string): string {
  const found = find(text, pattern, at)
  return found === null ? text : splice(text, found.index, found[0].length, replacement)
}

const bytes = [
  ...'\r\n\t :;,=0123456789afgxAFGX"\\/?#%+-_.~*',
  '\0',
  '\x01',
  '\x0b',
  '\x0c',
  '\x7f',
  '\x80',
  '\xa0',
  '\xff',
]
const lineEnds = [
  '\n',
  '\r',
  '\n\r',
  '\r\r\n',
  '\r\n\r\n',
  '\r\n ',
  '\r\n\t',
  '',
  ' \r\n',
  '\t\r\n',
  '\0\r\n',
  '\x0b\r\n',
]
const spaces = ['', '  ', '\t', ' \t ', '\x0b', '\x0c', '\xa0', '\r', '\n', '\r\n ', '\0', '+']
const numbers = [
  '0',
  '00',
  '1',
  '2',
  '9',
  '10',
  'a',
  'A',
  '0a',
  '0x1',
  '-1',
  '+1',
  '1 ',
  ' 1',
  '1_0',
  '1e1',
  '1.0',
  '65536',
  '2147483647',
  '2147483648',
  '4294967295',
  '4294967296',
  '4294967301',
  '9007199254740992',
  '9223372036854775807',
  '9223372036854775808',
  '18446744073709551615',
  '18446744073709551616',
  '18446744073709551621',
  'ffffffff',
  '100000000',
  'ffffffffffffffff',
  '10000000000000005',
  '999999999999999',
  '1000000000000000',
  '',
]
const fields = [
  'Content-Length: 5',
  'Content-Length: 0',
  'Content-Length: 5, 5',
  'Content-Length:5',
  'content-length: 05',
  'Content-Length: ',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: Chunked',
  'transfer-encoding:chunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: ',
  'Transfer_Encoding: chunked',
  'Connection: close',
  'Connection: keep-alive',
  'Connection: upgrade',
  'Upgrade: h2c',
  'Host: b',
  'Host: ',
  'X: y',
  ': z',
  'X',
  ' folded',
  'Expect: 100-continue',
  'Expect: something',
  'Trailer: X',
  'TE: trailers',
  'Proxy-Connection: keep-alive',
]
const startLines = [
  'GET / HTTP/1.1',
  'GET / HTTP/1.0',
  'POST / HTTP/1.1',
  'HEAD / HTTP/1.1',
  'CONNECT a:1 HTTP/1.1',
  'OPTIONS * HTTP/1.1',
  'GET /',
  'GET / HTTP/1.2',
  'PRI * HTTP/2.0',
  'HTTP/1.1 200 OK',
  'HTTP/1.0 200 OK',
  'HTTP/1.1 204 No Content',
  'HTTP/1.1 304 Not Modified',
  'HTTP/1.1 100 Continue',
  'HTTP/1.1 101 Switching Protocols',
  'HTTP/1.1 200',
  'HTTP/1.1 99 X',
]

const mutations: readonly Mutation[] = [
  // A bit, a byte, a few bytes.
  (text, at, { below }) =>
    splice(text, at, 1, String.fromCharCode((text.charCodeAt(at) || 0) ^ (1 << below(8)))),
  (text, at, { pick }) => splice(text, at, 1, pick(bytes)),
  (text, at, { pick }) => splice(text, at, 0, pick(bytes)),
  (text, at, { below }) => splice(text, at, 0, String.fromCharCode(below(256))),
  (text, at) => splice(text, at, 1),
  (text, at, { below }) => splice(text, at, below(20)),
  (text, at, { below }) => splice(text, at, 0, text.slice(at, at + 1 + below(30))),
  (text, at) => text.slice(0, at),
  // Two messages in one.
  (text, at, { other, below }) => {
    const tail = other()
    return text.slice(0, at) + tail.slice(below(tail.length))
  },
  // Lines.
  (text, at, { pick }) => replaceNext(text, /\r\n/g, at, pick(lineEnds)),
  (text, at, { pick }) => replaceNext(text, /\r\n/g, at, pick(lineEnds)),
  (text, _at, { pick }) => text.replaceAll('\r\n', pick(lineEnds)),
  (text, at, { pick }) => replaceNext(text, /\r\n/g, at, `\r\n${pick(fields)}\r\n`),
  (text, at, { pick }) =>
    replaceNext(text, /\r\n/g, 0, `\r\n${pick(fields)}\r\n`) + (at % 2 === 0 ? '' : pick(fields)),
  (text, _at, { pick }) => replaceNext(text, /\r\n\r\n/g, 0, `\r\n${pick(fields)}\r\n\r\n`),
  (text, at, { pick }) => replaceNext(text, /[^\r\n]+:[^\r\n]*/g, at, pick(fields)),
  (text, at) => {
    const line = find(text, /[^\n]+\n/g, at)
    return line === null ? text : splice(text, line.index, 0, line[0])
  },
  (text, at) => {
    const line = find(text, /[^\n]*\n/g, at)
    return line === null ? text : splice(text, line.index, line[0].length)
  },
  (text, _at, { pick }) => replaceNext(text, /^[^\r\n]*/g, 0, pick(startLines)),
  // Words, spaces, numbers.
  (text, at, { pick }) => replaceNext(text, /[ \t:;,]/g, at, pick(spaces)),
  (text, at, { pick }) => {
    const found = find(text, /[ \t:;,]/g, at)
    return found === null ? text : splice(text, found.index + below01(at), 0, pick(spaces))
  },
  (text, at, { pick }) => replaceNext(text, /[0-9]+/g, at, pick(numbers)),
  (text, at, { pick }) => replaceNext(text, /(?<=\r\n)[0-9a-fA-F]+(?=\r\n|;)/g, at, pick(numbers)),
  (text, at) => {
    const word = find(text, /[A-Za-z]+/g, at)
    if (word === null) return text
    const upper = word[0].toUpperCase()
    return splice(text, word.index, word[0].length, word[0] === upper ? word[0].toLowerCase() : upper)
  },
]

const below01 = (at: number): number => at % 2
