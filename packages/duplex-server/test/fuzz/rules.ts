/**
 * Where our reader and Node's may disagree, and what the standard says to it. A rule looks at the bytes, not only at
 * what our reader says is wrong with them: a reader that is wrong about its reason is not excused.
 */

import { METHODS } from 'node:http'
import { headLimit } from '@relayrace/promises/damage/node-parser'
import { type Disagreement, type Input, token } from './compare.ts'

export interface Rule {
  readonly name: string
  /**
   * We refuse what Node reads; or we read what Node refuses. The second is a fault, unless the standard asks for just
   * this reading and what goes on is written anew, so that nobody behind us can read it in another way.
   */
  readonly sort: 'stricter' | 'laxer'
  /** Where the standard speaks of it. */
  readonly section: string
  explains(disagreement: Disagreement, input: Input): boolean
}

/** We refuse it for that reason, and its bytes look like that. */
function stricter(name: string, section: string, reason: RegExp, shape: (rest: string) => boolean): Rule {
  return {
    name,
    sort: 'stricter',
    section,
    explains: (one) => one.sort === 'stricter' && reason.test(one.reason) && shape(one.rest),
  }
}

function laxer(name: string, section: string, shape: (one: Disagreement, input: Input) => boolean): Rule {
  return { name, sort: 'laxer', section, explains: (one, input) => one.sort === 'laxer' && shape(one, input) }
}

const firstLine = (rest: string): string => /^[\r\n]*([^\r\n]*)/.exec(rest)?.[1] ?? ''
const headOf = (rest: string): string => rest.replace(/^[\r\n]+/, '').split('\r\n\r\n', 1)[0] as string
const afterHead = (rest: string): string => /\r\n\r\n([\s\S]*)/.exec(rest.replace(/^[\r\n]+/, ''))?.[1] ?? ''

/** The values of a field in a head that came as lines, without the whitespace around them. */
function values(rest: string, name: string): string[] {
  const line = new RegExp(`^${name}:([^\\r\\n]*)`, 'gim')
  return [...headOf(rest).matchAll(line)].map(([, value = '']) => plain(value))
}

const plain = (value: string): string => value.replace(/^[ \t]+|[ \t]+$/g, '')

const authority = /^(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z\-._~!$&'()*+;=%]+)(?::\d{0,5})?$/

const plainVersion = /^[^ ]+ [^ ]+ HTTP\/1\.\d$/

export const rules: readonly Rule[] = [
  // ---- request lines
  stricter('a request line without a version, as HTTP/0.9 had', 'RFC 9112 §3, §2.3', /request line/, (rest) =>
    /^[^ ]+ [^ ]*$/.test(firstLine(rest)),
  ),
  stricter('another protocol in the request line', 'RFC 9112 §2.3', /request line/, (rest) =>
    / (?:RTSP|ICE)\/\d/.test(firstLine(rest)),
  ),
  stricter('more than one space in the request line', 'RFC 9112 §3', /request line/, (rest) =>
    / {2}/.test(firstLine(rest)),
  ),
  stricter('a bare CR before the first line', 'RFC 9112 §2.2', /request line|status line/, (rest) =>
    /^(?:\r\n)*\r(?!\n)/.test(rest),
  ),
  stricter('a major version that is not 1', 'RFC 9110 §15.6.6', /HTTP version/, (rest) =>
    / HTTP\/[02-9]\.\d$/.test(firstLine(rest)),
  ),
  stricter('a request target in none of the four forms', 'RFC 9112 §3.2', /request target/, (rest) => {
    const [method = '', target = ''] = firstLine(rest).split(' ')
    if (target.includes('#')) return true
    if (target.startsWith('*')) return target !== '*' || method !== 'OPTIONS'
    // In absolute form its authority must be one that a Host field can say.
    return !target.startsWith('/') && !authority.test(/^https?:\/\/([^/?#]*)/i.exec(target)?.[1] ?? '')
  }),
  stricter('CONNECT, which is not served', 'RFC 9110 §9.3.6', /CONNECT/, (rest) =>
    firstLine(rest).startsWith('CONNECT '),
  ),

  // ---- status lines
  stricter('a status line of another major version', 'RFC 9112 §2.3', /status line/, (rest) =>
    /^HTTP\/[02-9]\.\d /.test(firstLine(rest)),
  ),
  stricter('a status below 100', 'RFC 9110 §15', /status line/, (rest) =>
    /^HTTP\/1\.\d 0\d\d/.test(firstLine(rest)),
  ),
  stricter('a control character in a reason', 'RFC 9112 §4', /status line/, (rest) =>
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    /^HTTP\/1\.\d \d{3} .*[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(firstLine(rest)),
  ),

  // ---- lines
  stricter('a bare LF', 'RFC 9112 §2.2', /bare LF|line|field|chunk/, (rest) => /(?:^|[^\r])\n/.test(rest)),

  stricter(
    'a head above the limit, with all of its bytes counted',
    'RFC 9110 §5.4',
    /head too long/,
    (rest) => headOf(rest).length + 4 > headLimit,
  ),

  // ---- framing
  stricter(
    'a transfer coding other than a plain chunked',
    'RFC 9112 §6.1',
    /Transfer-Encoding other|transfer coding/,
    (rest) => {
      const codings = values(rest, 'transfer-encoding')
      return codings.length !== 1 || codings[0]?.toLowerCase() !== 'chunked'
    },
  ),
  stricter(
    'a transfer coding in HTTP/1.0',
    'RFC 9112 §6.1',
    /HTTP\/1.0|transfer coding/,
    (rest) => /HTTP\/1\.0/.test(firstLine(rest)) && values(rest, 'transfer-encoding').length > 0,
  ),
  stricter('a length of more than fifteen digits', 'RFC 9110 §8.6', /Content-Length/, (rest) =>
    values(rest, 'content-length').some((value) => /^\d{16,}$/.test(value)),
  ),
  stricter('a chunk-size line of more than 1 KiB', 'RFC 9112 §7.1.1', /line too long/, (rest) =>
    /(?:^|\n)[0-9A-Fa-f]+[^\n]{1010,}/.test(afterHead(rest)),
  ),
  stricter('a chunk size of more than twelve digits', 'RFC 9112 §7.1', /chunk size/, (rest) =>
    /(?:^|\r\n)[0-9A-Fa-f]{13,}[\r;]/.test(afterHead(rest)),
  ),
  stricter('a chunk extension that is none', 'RFC 9112 §7.1.1', /chunk size/, (rest) =>
    /(?:^|\r\n)[0-9A-Fa-f]+;/.test(afterHead(rest)),
  ),

  // ---- what the standard asks us to read
  laxer('a method that Node does not know', 'RFC 9110 §9.1, §16.1', ({ reason, rest }) => {
    const [method = ''] = firstLine(rest).split(' ')
    return (
      /METHOD|VERSION/.test(reason) &&
      (plainVersion.test(firstLine(rest)) || !/[\r\n]/.test(rest.replace(/^[\r\n]+/, ''))) &&
      token.test(method) &&
      (!METHODS.includes(method) || method === 'SOURCE' || method === 'PRI')
    )
  }),
  laxer(
    'a minor version that is not known yet',
    'RFC 9110 §2.5',
    ({ reason, rest }) => /VERSION/.test(reason) && /^[^ ]+ [^ ]+ HTTP\/1\.[2-9]$/.test(firstLine(rest)),
  ),
  laxer('one length, said more than once', 'RFC 9110 §8.6', ({ reason, rest }) => {
    const lengths = values(rest, 'content-length').flatMap((value) => value.split(',').map(plain))
    return (
      /CONTENT_LENGTH/.test(reason) &&
      lengths.length > 1 &&
      lengths.every((length) => /^\d{1,15}$/.test(length) && Number(length) === Number(lengths[0]))
    )
  }),
  laxer(
    'an interim response that ends nothing, for Node the connection',
    'RFC 9110 §15.2',
    ({ reason, rest }, { kind, text }) => {
      const before = text.slice(0, text.length - rest.length)
      return (
        kind === 'response' &&
        reason === 'HPE_CLOSED_CONNECTION' &&
        /^HTTP\/1\.\d 1\d\d/m.test(before) &&
        /^HTTP\/1\.0|^connection:.*close/im.test(before)
      )
    },
  ),
  laxer(
    'Proxy-Connection, which ends nothing but for Node',
    'RFC 9112 §C.2.2',
    ({ reason, rest }, { kind, text }) =>
      kind === 'request' &&
      reason === 'HPE_CLOSED_CONNECTION' &&
      /^proxy-connection:[^\n]*close/im.test(text.slice(0, text.length - rest.length)),
  ),
  laxer(
    'Connection in the trailers of the message before, where it means nothing',
    'RFC 9110 §6.5.1',
    ({ reason, rest }, { kind, text }) =>
      kind === 'request' &&
      reason === 'HPE_CLOSED_CONNECTION' &&
      /^0+[^\n]*\n(?:[^\n]+\n)*?connection:[^\n]*close/im.test(text.slice(0, text.length - rest.length)),
  ),
  laxer(
    'a framing field in the trailers, where it means nothing',
    'RFC 9110 §6.5.1',
    ({ reason, rest, ours, nodes }) =>
      /CONTENT_LENGTH|TRANSFER_ENCODING/.test(reason) &&
      ours?.framing === 'chunked' &&
      nodes?.content === ours.content.toString('latin1') &&
      /^0+[^\n]*\n(?:[^\n]+\n)*?(?:[^\n:]+:)?(?:content-length|transfer-encoding)[\s\S]*:/im.test(
        afterHead(rest),
      ),
  ),
  {
    name: 'a tab around a value, where Node sees another value',
    sort: 'laxer',
    section: 'RFC 9110 §5.6.3',
    explains: ({ sort, rest }) =>
      sort !== 'stricter' || values(rest, 'transfer-encoding').length === 1
        ? /^(?:content-length:[ \t]*\d{1,15}|transfer-encoding:[ \t]*chunked)[ \t]*$/im.test(headOf(rest)) &&
          /^(?:content-length|transfer-encoding):.*\t/im.test(headOf(rest))
        : false,
  },
]
