/** What passes a gateway and what does not: fields, framing, targets, addresses, limits of heads. */

import path from 'node:path'
import { cases, type Mutation, type SeenBy, tests } from './mutation.ts'

const gateway = (file: string, name?: string) => tests('packages/gateway', file, name)

const rule = (
  file: string,
  breaks: string,
  old: string,
  changed: string,
  seenBy: SeenBy = gateway(path.basename(file)),
): Mutation => ({
  file: `packages/gateway/src/${file}.ts`,
  breaks,
  old,
  new: changed,
  seenBy,
})

const guard = tests('packages/pipe-proxy', 'promises', 'F2 guarded')

export const gatewayRules: readonly Mutation[] = [
  rule(
    'contract/fields',
    'What an upstream proxy asks of us goes on to the client',
    "  'proxy-authenticate',\n",
    '',
  ),
  rule(
    'contract/fields',
    'The password for this hop goes on to the origin',
    "  'proxy-authorization',\n",
    '',
  ),
  rule(
    'contract/fields',
    'Keep-Alive of one connection goes on to the next',
    "const hopByHop: FieldNames = new FieldNames([\n  'connection',\n  'keep-alive',\n",
    "const hopByHop: FieldNames = new FieldNames([\n  'connection',\n",
  ),
  rule(
    'contract/fields',
    'Connection can take Content-Type away from a message',
    "  'content-type',\n  'date',\n",
    "  'date',\n",
  ),
  rule(
    'contract/fields',
    'Connection can take Content-Length away from a message',
    "const notNominable: FieldNames = new FieldNames([\n  'host',\n  'content-length',\n",
    "const notNominable: FieldNames = new FieldNames([\n  'host',\n",
  ),
  rule(
    'contract/fields',
    'What Connection nominates passes if its name has capitals',
    'named(name.toLowerCase())',
    'named(name)',
  ),
  rule(
    'contract/fields',
    'A line feed in a value begins a field of its own',
    '[\\x00-\\x08\\x0a-\\x1f\\x7f]',
    '[\\x00-\\x08\\x0b-\\x1f\\x7f]',
  ),
  rule(
    'contract/fields',
    'After set() a second line of that name is left',
    'this.#remove(lower, i + 2)',
    'this.#remove(lower, i + 4)',
  ),
  rule(
    'rules/framing',
    'Two lengths that differ are read as the last one',
    'length !== undefined && length !== Number(text)',
    'length !== undefined && length < 0',
  ),
  rule(
    'rules/framing',
    'A request with a length and chunks is taken: smuggling',
    "if (lengths.length > 0) throw refused('Content-Length and",
    "if (lengths.length > 1) throw refused('Content-Length and",
  ),
  rule(
    'rules/framing',
    'Transfer-Encoding of HTTP/1.0 is taken',
    "if (version === '1.0') throw refused('Transfer",
    "if (version === '0.9') throw refused('Transfer",
  ),
  rule(
    'rules/framing',
    'gzip, chunked is taken for chunked',
    "(codings[0] as string).toLowerCase() === 'chunked'",
    "(codings[0] as string).toLowerCase().endsWith('chunked')",
  ),
  rule('rules/framing', 'A 304 is waited for content that never comes', ' && status !== 304', ''),
  rule(
    'rules/forwarded',
    'What a client claims under new names that begin as X-Forwarded does goes to the origin',
    "    'x-forward',\n",
    "    'x-forwarded-for',\n",
  ),
  rule(
    'rules/upstream',
    'A dot segment behind a backslash leaves the base path',
    '(?:^|\\/|\\\\|%2f|%5c)(?:\\.',
    '(?:^|\\/|%2f|%5c)(?:\\.',
  ),
  rule(
    'guard/guard',
    'A redirect relative to a URL that was checked is not checked itself: SSRF by //host',
    'place.url = admit(/^[a-z][a-z\\d+.-]*:/i.test(location) ? location : next.href)',
    'place.url = /^[a-z][a-z\\d+.-]*:/i.test(location) ? admit(location) : next',
    guard,
  ),
  rule(
    'guard/guard',
    'One address that is not allowed among those of a name is dialled',
    'if (!wanted.every(',
    'if (!wanted.some(',
    guard,
  ),
  {
    file: 'packages/gateway/src/rules/forwarded.ts',
    breaks: 'Of X-Forwarded-For in several lines only the first goes on',
    old: "claimed.all('x-forwarded-for').join(', ')",
    new: "(claimed.get('x-forwarded-for') ?? '')",
    seenBy: tests('packages/gateway', 'test/forwarded'),
  },
  {
    file: 'packages/gateway/src/rules/forwarded.ts',
    breaks: 'A circle through a second proxy goes on for ever',
    old: "for (const member of value.split(',')) {",
    new: 'for (const member of [value]) {',
    seenBy: tests('packages/gateway', 'test/forwarded'),
  },
  {
    file: 'packages/gateway/src/rules/response.ts',
    breaks: 'One interim response fewer goes on than is allowed',
    old: 'this.#count > interimResponses',
    new: 'this.#count >= interimResponses',
    seenBy: tests('packages/gateway', 'test/response'),
  },
  {
    file: 'packages/gateway/src/rules/response.ts',
    breaks: 'A 304 says no more how long the content is',
    old: 'if (status === 204) return endToEnd',
    new: 'if (status === 204 || status === 304) return endToEnd',
    seenBy: cases('pipe-proxy', 'NOBODY-07'),
  },
  {
    file: 'packages/gateway/src/rules/upstream.ts',
    breaks: 'An empty query is lost',
    old: "search === '' && mark === -1 ?",
    new: "search === '' ?",
    seenBy: tests('packages/gateway', 'test/upstream'),
  },
  {
    file: 'packages/gateway/src/rules/request.ts',
    breaks: 'Trailers that are wanted with a weight are dropped',
    old: "member.split(';')[0]?.trim() === 'trailers'",
    new: "member === 'trailers'",
    seenBy: tests('packages/gateway', 'test/request'),
  },
  {
    file: 'packages/gateway/src/rules/upstream.ts',
    breaks: 'A base path with two slashes at its end keeps one',
    old: "url.pathname.replace(/\\/+$/, '')",
    new: "url.pathname.replace(/\\/$/, '')",
    seenBy: tests('packages/gateway', 'test/upstream'),
  },
  {
    file: 'packages/gateway/src/contract/fields.ts',
    breaks: 'Of many nominated fields none is dropped',
    old: 'nominated instanceof Set ? nominated.has(name)',
    new: 'nominated instanceof Set ? !nominated.has(name)',
    seenBy: tests('packages/gateway', 'test/fields'),
  },
  {
    file: 'packages/gateway/src/contract/fields.ts',
    breaks: 'A field that is set anew keeps its repeats',
    old: '      this.#remove(lower, i + 2)\n',
    new: '',
    seenBy: tests('packages/gateway', 'test/fields'),
  },
  {
    file: 'packages/gateway/src/rules/framing.ts',
    breaks: 'Another coding is called a broken request',
    old: "refused('Transfer-Encoding other than chunked', 501)",
    new: "refused('Transfer-Encoding other than chunked')",
    seenBy: tests('packages/gateway', 'test/framing'),
  },
  {
    file: 'packages/gateway/src/http/outgoing.ts',
    breaks: 'Cookies of a middleware change their order',
    old: 'Array.isArray(value) ? value.toReversed() : [String(value)]',
    new: 'Array.isArray(value) ? value : [String(value)]',
    seenBy: tests('packages/pipe-proxy', 'test/promises', 'has set beside is kept'),
  },
]
