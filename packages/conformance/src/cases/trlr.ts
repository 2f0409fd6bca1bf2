/** TRLR: fields after the content. RFC 9110 §6.5, RFC 9112 §7.1.2. */

import type { Message } from '@relayrace/fixtures/wire'
import { type Case, chunks, each, get, head, reply } from '../case.ts'
import { answered, check, complete, equal, lacks } from '../expect.ts'

const withTrailer = (...fields: readonly string[]): string =>
  `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', ...fields)}${chunks('hello')}0\r\nX-T: 1\r\n\r\n`

const wantsTrailers = get('/trlr', 'TE: trailers', 'Connection: TE')

export const trlr: readonly Case[] = [
  {
    id: 'TRLR-01',
    rule: 'RFC 9110 §6.5',
    level: 'SHOULD',
    title: 'relays the trailer section to a client that wants it, and asks the origin for it',
    needs: ['trailers'],
    async run({ exchange }) {
      const { request, response } = await exchange(wantsTrailers, withTrailer('Trailer: X-T'))
      answered(response, 200, 'hello')
      equal(response.trailer('x-t'), '1', 'the trailer field at the client')
      const te = request.all('te').join().toLowerCase()
      check(te.includes('trailers'), `the request at the origin has ${te ? `TE: ${te}` : 'no TE: trailers'}`)
    },
  },
  {
    id: 'TRLR-02',
    rule: 'RFC 9110 §6.6.2',
    level: 'SHOULD',
    title: 'announces no trailer fields when it drops them',
    run: each(
      { 'wanted by the client': wantsTrailers, 'not wanted': get('/trlr') },
      async ({ exchange }, request) => {
        const { response } = await exchange(request, withTrailer('Trailer: X-T'))
        answered(response, 200, 'hello')
        if (response.trailer('x-t') === undefined)
          lacks(response, 'trailer', 'the response without a trailer section')
      },
    ),
  },
  {
    id: 'TRLR-03',
    rule: 'RFC 9110 §6.5',
    level: 'SHOULD',
    title: 'takes trailer fields that were not announced, and announced ones that never come, as they are',
    run: each(
      {
        'not announced': withTrailer(),
        'announced and absent': `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Trailer: X-T')}5\r\nhello\r\n0\r\n\r\n`,
        'another than announced': withTrailer('Trailer: X-Other'),
      },
      async ({ exchange }, sent) => {
        const { response } = await exchange(wantsTrailers, sent)
        answered(response, 200, 'hello')
        lacks(response, 'x-t', 'the head of the response')
      },
    ),
  },
  {
    id: 'TRLR-04',
    rule: 'RFC 9110 §6.5.1',
    level: 'SHOULD',
    title: 'forwards the trailer section of a request as such or drops it, and merges it with nothing',
    run: each(
      { announced: ['Trailer: X-T'], 'not announced': [] as string[] },
      async ({ exchange }, fields) => {
        const { request, response } = await exchange(
          `${head('POST /trlr HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', ...fields)}${chunks('hello')}0\r\nX-T: 1\r\n\r\n`,
          reply('ok'),
        )
        answered(response, 200, 'ok')
        equal(request.text, 'hello', 'the content at the origin')
        lacks(request, 'x-t', 'the head of the request at the origin')
      },
    ),
  },
  {
    id: 'TRLR-06',
    rule: 'ours',
    level: 'MUST',
    title: 'survives an origin that announces trailer fields where there can be none',
    run: {
      ...each(
        {
          'with Content-Length': [
            'GET',
            `${head('HTTP/1.1 200 OK', 'Trailer: X-T', 'Content-Length: 2')}ok`,
            200,
          ],
          'to HEAD': ['HEAD', head('HTTP/1.1 200 OK', 'Trailer: X-T', 'Content-Length: 2'), 200],
          'with 204': ['GET', head('HTTP/1.1 204 No Content', 'Trailer: X-T'), 204],
          'with 304': ['GET', head('HTTP/1.1 304 Not Modified', 'Trailer: X-T', 'ETag: "a"'), 304],
        } as const,
        async ({ exchange }, [method, sent, status]) => {
          const request = head(`${method} /trlr HTTP/1.1`, 'Host: a')
          const { client, response } = await exchange(request, sent, { to: method })
          answered(response, status, sent.endsWith('ok') ? 'ok' : '')
          const next = await exchange(get('/trlr/next'), reply('next'), { client })
          answered(next.response, 200, 'next')
        },
      ),
    },
  },
  {
    id: 'TRLR-07',
    rule: 'ours',
    level: 'MUST',
    title: 'survives a client that announces trailer fields for a request without content',
    run: each({ GET: 'GET', HEAD: 'HEAD', DELETE: 'DELETE' }, async ({ ask }, method) => {
      const { exchange, response } = await ask(head(`${method} /trlr HTTP/1.1`, 'Host: a', 'Trailer: X-T'), {
        to: method,
      })
      check(exchange !== undefined, 'it answered without asking the origin')
      whole(await exchange.done())
      exchange.send(method === 'HEAD' ? head('HTTP/1.1 200 OK', 'Content-Length: 2') : reply('ok'))
      answered(await response, 200, method === 'HEAD' ? '' : 'ok')
    }),
  },
]

function whole(request: Message): void {
  equal(
    complete(request, 'the request at the origin').bodyLength,
    0,
    'the length of the content at the origin',
  )
}
