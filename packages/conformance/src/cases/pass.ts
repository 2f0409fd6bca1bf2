/** PASS: what an intermediary has no business with. RFC 9110 §7.7, §8, §13 to §15. */

import { gzipSync } from 'node:zlib'
import type { Message } from '@relayrace/fixtures/wire'
import { type Case, each, get, head, reply } from '../case.ts'
import { answered, check, complete, equal, lacks, values } from '../expect.ts'

const atOrigin = 'the request at the origin'
const gzipped = gzipSync('hello world '.repeat(100)).toString('latin1')
const brotli = '\x8b\x05\x80hello world\x03'
const zstandard = '\x28\xb5\x2f\xfd\x04\x58\x59\x00\x00hello world\x68\x69\x1e\xb2'

export const pass: readonly Case[] = [
  {
    id: 'PASS-01',
    rule: 'RFC 9110 §7.7, §8.4',
    level: 'MUST',
    title: 'relays encoded content as it is, with its fields, whatever the client accepts',
    run: each(
      {
        gzip: ['gzip', gzipped, 'Accept-Encoding: gzip'],
        'gzip to a client that names none': ['gzip', gzipped, ''],
        'gzip to a client that wants none': ['gzip', gzipped, 'Accept-Encoding: identity'],
        br: ['br', brotli, 'Accept-Encoding: br'],
        'br to a client that names none': ['br', brotli, ''],
        zstd: ['zstd', zstandard, 'Accept-Encoding: zstd'],
        deflate: ['deflate', 'no deflate at all', 'Accept-Encoding: deflate'],
        'a coding unheard of': ['x-unheard', '\x00\x01\xfe\xff', ''],
        'gzip that is none': ['gzip', 'plain text', ''],
      },
      async ({ exchange, recover }, [coding = '', content = '', accept = '']) => {
        const { client, response } = await exchange(
          get('/pass', ...(accept ? [accept] : [])),
          reply(content, `Content-Encoding: ${coding}`, 'ETag: "1"', 'Vary: Accept-Encoding'),
        )
        answered(response, 200, content)
        values(response, 'content-encoding', [coding], 'the response')
        values(response, 'etag', ['"1"'], 'the response')
        // It may be chunked anew, but not lie.
        if (response.has('content-length'))
          values(response, 'content-length', [`${content.length}`], 'the response')
        await recover(client)
      },
    ),
  },
  {
    id: 'PASS-02',
    rule: 'RFC 9110 §7.7, §14',
    level: 'MUST',
    title: 'relays ranges and the parts that answer them unchanged',
    run: each(
      {
        'one range': [
          head('HTTP/1.1 206 Partial Content', 'Content-Range: bytes 2-5/10', 'Content-Length: 4'),
          '2345',
        ],
        'several ranges': [
          head(
            'HTTP/1.1 206 Partial Content',
            'Content-Type: multipart/byteranges; boundary=B',
            'Content-Length: 66',
          ),
          '--B\r\nContent-Range: bytes 2-3/10\r\n\r\n23\r\n--B\r\n\r\n\r\nabcdefghij\r\n--B--',
        ],
        'none to satisfy': [
          head('HTTP/1.1 416 Range Not Satisfiable', 'Content-Range: bytes */10', 'Content-Length: 0'),
          '',
        ],
        'the whole': [head('HTTP/1.1 200 OK', 'Accept-Ranges: bytes', 'Content-Length: 2'), 'ok'],
      },
      async ({ exchange }, [sent = '', content = '']) => {
        const asked = ['Range: bytes=2-5, 7-', 'If-Range: "1"'] as const
        const { request, response } = await exchange(get('/pass', ...asked), sent + content)
        carries(request, asked, atOrigin)
        lacks(request, 'accept-encoding', atOrigin)
        equal(complete(response).status, Number(sent.split(' ')[1]), 'the status of the response')
        equal(response.text, content, 'the content of the response')
        const told = sent
          .split('\r\n')
          .filter((line) => /^(?:Content-Range|Content-Type|Accept-R)/.test(line))
        carries(response, told, 'the response')
      },
    ),
  },
  {
    id: 'PASS-03',
    rule: 'RFC 9110 §7.7, §13',
    level: 'MUST',
    title: 'relays conditions, validators and the fields of caches unchanged',
    async run({ exchange }) {
      const asked = [
        'If-None-Match: "1", W/"2"',
        'If-Match: *',
        'If-Modified-Since: Sat, 29 Oct 1994 19:43:31 GMT',
        'If-Unmodified-Since: Sat, 29 Oct 1994 19:43:31 GMT',
        'Cache-Control: max-age=0, no-cache="a, b"',
        'Pragma: no-cache',
      ]
      const told = [
        'ETag: W/"a,b"',
        'Last-Modified: Sat, 29 Oct 1994 19:43:31 GMT',
        'Vary: Accept-Encoding, X-A',
        'Cache-Control: private, max-age=60, ext="x, y"',
        'Age: 12',
        'Expires: 0',
        'Warning: 110 a "Response is Stale"',
      ]
      const { request, response } = await exchange(get('/pass', ...asked), reply('ok', ...told))
      carries(request, asked, atOrigin)
      carries(answered(response, 200, 'ok'), told, 'the response')
    },
  },
  {
    id: 'PASS-04',
    rule: 'RFC 9110 §15.4',
    level: 'MUST',
    title: 'leaves redirects to the client: one request, and Location as it came',
    run: each(
      { 301: '301', 302: '302', 303: '303', 307: '307', 308: '308' },
      async ({ exchange, origin }, status) => {
        const { response } = await exchange(
          get('/pass'),
          `${head(`HTTP/1.1 ${status} Elsewhere`, 'Location: /elsewhere?a=b#c', 'Content-Length: 4')}over`,
        )
        answered(response, Number(status), 'over')
        values(response, 'location', ['/elsewhere?a=b#c'], 'the response')
        equal(origin.requests.length, 1, 'the number of requests at the origin')
      },
    ),
  },
  {
    id: 'PASS-05',
    rule: 'RFC 9112 §4, RFC 9110 §15',
    level: 'MUST',
    title: 'relays any status, or answers 502 to what is none, and never breaks over a reason phrase',
    run: {
      ...each(
        {
          'no phrase': '200 ',
          'an unusual phrase': '200 All is  well, (really)!',
          'obs-text in the phrase': '200 Tr\xe8s bien',
          299: '299 Unassigned',
          499: '499 Unassigned',
          599: '599 Unassigned',
          451: '451 Unavailable For Legal Reasons',
        },
        async ({ exchange, recover }, line) => {
          const sent = `${head(`HTTP/1.1 ${line}`, 'Content-Length: 2')}ok`
          const { client, response } = await exchange(get('/pass'), sent)
          answered(response, Number(line.slice(0, 3)), 'ok')
          await recover(client)
        },
      ),
      ...each(
        { 'no space before no phrase': '200', 600: '600 Outside', 999: '999 Far outside' },
        async ({ exchange, recover }, line) => {
          const sent = `${head(`HTTP/1.1 ${line}`, 'Content-Length: 2')}ok`
          const { client, response } = await exchange(get('/pass'), sent)
          complete(response)
          if (response.status !== 502) answered(response, Number(line.slice(0, 3)), 'ok')
          await recover(client)
        },
      ),
    },
  },
  {
    id: 'PASS-06',
    rule: 'RFC 9110 §7.7',
    level: 'MUST',
    title: 'adds no encoding to content that must not be transformed',
    async run({ exchange }) {
      const text = 'the same again and again '.repeat(200)
      const { response } = await exchange(
        get('/pass', 'Accept-Encoding: gzip, br, zstd'),
        reply(text, 'Content-Type: text/plain', 'Cache-Control: no-transform'),
      )
      answered(response, 200, text)
      lacks(response, 'content-encoding', 'the response')
      values(response, 'cache-control', ['no-transform'], 'the response')
    },
  },
  {
    id: 'PASS-07',
    rule: 'RFC 9110 §12.5',
    level: 'SHOULD',
    title: 'leaves it to the client which content it prefers',
    run: each(
      {
        'Accept-Encoding': 'Accept-Encoding: gzip;q=0.5, br, *;q=0',
        'no coding at all': 'Accept-Encoding: identity;q=1, *;q=0',
        'an empty list': 'Accept-Encoding:',
        Accept: 'Accept: text/html;level=1, */*;q=0.1',
        'Accept-Language': 'Accept-Language: da, en-gb;q=0.8',
        'User-Agent': 'User-Agent: client/1 (a; b) c/2',
      },
      async ({ exchange }, line) => {
        const { request, response } = await exchange(get('/pass', line), reply('ok'))
        answered(response, 200, 'ok')
        carries(request, [line], atOrigin)
      },
    ),
  },
  {
    id: 'PASS-08',
    rule: 'RFC 9110 §7.7, §8.4',
    level: 'MUST',
    title: 'forwards encoded content of a request as it is',
    async run({ exchange }) {
      const fields = ['Content-Encoding: gzip', 'Content-Type: application/json; charset=utf-8']
      const { request, response } = await exchange(
        head('PUT /pass HTTP/1.1', 'Host: a', `Content-Length: ${gzipped.length}`, ...fields) + gzipped,
        reply('ok'),
      )
      answered(response, 200, 'ok')
      equal(request.text, gzipped, 'the content at the origin')
      carries(request, fields, atOrigin)
    },
  },
  {
    id: 'PASS-09',
    rule: 'RFC 9110 §7.7, §8',
    level: 'MUST',
    title: 'relays the fields that describe content byte for byte',
    async run({ exchange }) {
      const told = [
        'Content-Type: TEXT/html;  charset="UTF-8"; x=y',
        'Content-Disposition: attachment; filename="a \\"b\\".txt"; filename*=UTF-8\'\'%e2%82%ac',
        'Content-Language: mi, en',
        'Content-Location: ../other?x=%2F',
        'Last-Modified: Sat, 29 Oct 1994 19:43:31 GMT',
        'Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==',
        'Digest: sha-256=abc=',
      ]
      const { response } = await exchange(get('/pass'), reply('ok', ...told))
      carries(answered(response, 200, 'ok'), told, 'the response')
    },
  },
  {
    id: 'PASS-10',
    rule: 'RFC 9110 §11.6',
    level: 'MUST',
    title: 'changes nothing in credentials and challenges that are not its own',
    async run({ exchange }) {
      const asked = ['Authorization: Digest username="a,b", nonce="1==", uri="/x"', 'Cookie: a=1; b="2"; c']
      const told = ['WWW-Authenticate: Basic realm="a, b", Digest nonce="x"', 'WWW-Authenticate: New a=b']
      const { request, response } = await exchange(
        get('/pass', ...asked),
        `${head('HTTP/1.1 401 Unauthorized', 'Content-Length: 2', ...told)}no`,
      )
      carries(request, asked, atOrigin)
      answered(response, 401, 'no')
      equal(
        response.all('www-authenticate').join(', '),
        told.map((line) => line.slice('WWW-Authenticate: '.length)).join(', '),
        'WWW-Authenticate of the response',
      )
    },
  },
  {
    id: 'PASS-11',
    rule: 'RFC 9110 §7.7',
    level: 'MUST',
    title: 'relays the errors of the origin with their content, and puts no page of its own in their place',
    run: each(
      {
        400: '400',
        403: '403',
        404: '404',
        408: '408',
        413: '413',
        421: '421',
        429: '429',
        431: '431',
        500: '500',
        502: '502',
        503: '503',
        504: '504',
      },
      async ({ exchange, recover }, status) => {
        const { client, response } = await exchange(
          get('/pass'),
          `${head(`HTTP/1.1 ${status} No`, 'Content-Length: 6', 'Retry-After: 7', 'X-Origin: 1')}origin`,
        )
        carries(
          answered(response, Number(status), 'origin'),
          ['Retry-After: 7', 'X-Origin: 1'],
          'the response',
        )
        await recover(client)
      },
    ),
  },
  {
    id: 'PASS-12',
    rule: 'RFC 9110 §5.5',
    level: 'SHOULD',
    title: 'treats bytes beyond ASCII in field values as opaque',
    run: each(
      { 'UTF-8': 'caf\xc3\xa9 \xe2\x82\xac', 'Latin-1': 'caf\xe9', 'every one': everyByte() },
      async ({ exchange }, value) => {
        const { request, response } = await exchange(
          get('/pass', `X-A: ${value}`),
          reply('ok', `X-B: ${value}`),
        )
        values(request, 'x-a', [value], atOrigin)
        values(answered(response, 200, 'ok'), 'x-b', [value], 'the response')
      },
    ),
  },
  {
    id: 'PASS-13',
    rule: 'RFC 9110 §7.7, §15',
    level: 'MUST',
    title: 'relays a status of success as it is, also those that other software gives a meaning',
    run: each(
      { 201: '201', 202: '202', 203: '203', 207: '207', 226: '226', 300: '300', 305: '305', 307: '307' },
      async ({ exchange }, status) => {
        const { response } = await exchange(
          head('PUT /pass HTTP/1.1', 'Host: a', 'Content-Length: 0'),
          `${head(`HTTP/1.1 ${status} Yes`, 'Content-Length: 2', 'Location: /x')}ok`,
        )
        answered(response, Number(status), 'ok')
      },
    ),
  },
]

/** Every line is there, as one line, unchanged. */
function carries(message: Message, lines: readonly string[], what: string): void {
  for (const line of lines) {
    const at = line.indexOf(':')
    const [name, value] = [line.slice(0, at), line.slice(at + 1).trim()]
    check(
      message.all(name).includes(value),
      `${what} has ${name}: ${message.all(name).join(' / ') || 'nothing'}, not ${value}`,
    )
  }
}

function everyByte(): string {
  return Array.from({ length: 128 }, (_, index) => String.fromCharCode(128 + index)).join('')
}
