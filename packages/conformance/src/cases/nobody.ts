/** NOBODY: responses and requests without content. RFC 9112 §6.3, RFC 9110 §8.6. */

import type { Client } from '@relayrace/fixtures/wire'
import { type Case, chunked, each, get, head, reply, type Stage } from '../case.ts'
import { answered, check, complete, equal, lacks, values } from '../expect.ts'

const headRequest = (path: string): string => head(`HEAD ${path} HTTP/1.1`, 'Host: a')
const atOrigin = 'the request at the origin'

export const nobody: readonly Case[] = [
  {
    id: 'NOBODY-01',
    rule: 'RFC 9112 §6.3, RFC 9110 §9.3.2',
    level: 'MUST',
    title: 'asks with HEAD when it is asked with HEAD, and relays the answer without content',
    async run({ exchange }) {
      const first = await exchange(
        headRequest('/nobody/1'),
        head('HTTP/1.1 200 OK', 'Content-Length: 1234', 'ETag: "1"'),
        { to: 'HEAD' },
      )
      equal(first.request.method, 'HEAD', 'the method at the origin')
      values(answered(first.response, 200, ''), 'etag', ['"1"'], 'the response')
      const { client } = first
      const second = await exchange(
        headRequest('/nobody/2'),
        head('HTTP/1.1 200 OK', 'Content-Length: 2', 'ETag: "2"'),
        { to: 'HEAD', client },
      )
      values(answered(second.response, 200, ''), 'etag', ['"2"'], 'the response')
      const third = await exchange(get('/nobody/3'), reply('three'), { client })
      answered(third.response, 200, 'three')
    },
  },
  {
    id: 'NOBODY-02',
    rule: 'RFC 9112 §6.3, RFC 9110 §15.4.5',
    level: 'MUST',
    title: 'relays 304 at once, without content, whatever length it names',
    run: each(
      { 'with Content-Length': ['Content-Length: 1234'], 'without Content-Length': [] },
      async ({ exchange, recover }, fields) => {
        const { client, response } = await exchange(
          get('/nobody', 'If-None-Match: "1"'),
          head('HTTP/1.1 304 Not Modified', 'ETag: "1"', ...fields),
        )
        values(answered(response, 304, ''), 'etag', ['"1"'], 'the response')
        await recover(client)
      },
    ),
  },
  {
    id: 'NOBODY-03',
    rule: 'RFC 9112 §6.3, RFC 9110 §8.6',
    level: 'MUST',
    title: 'relays 204 without content and without framing, and loses what an origin wrongly adds to it',
    run: each(
      {
        plain: head('HTTP/1.1 204 No Content'),
        'with Content-Length: 0': head('HTTP/1.1 204 No Content', 'Content-Length: 0'),
        'with a length and no content': head('HTTP/1.1 204 No Content', 'Content-Length: 2'),
        'with a length and content': `${head('HTTP/1.1 204 No Content', 'Content-Length: 2')}no`,
        'with chunks': head('HTTP/1.1 204 No Content', 'Transfer-Encoding: chunked') + chunked('no'),
        'with bytes after it': `${head('HTTP/1.1 204 No Content')}no`,
      },
      async (stage, sent) => {
        const { client, response } = await settled(stage, get('/nobody'), sent)
        complete(response)
        if (response.status !== 502) answered(response, 204, '')
        await stage.recover(client)
      },
    ),
  },
  {
    id: 'NOBODY-05',
    rule: 'RFC 9112 §6.1, §6.3',
    level: 'MUST',
    title: 'writes no chunk after a head that only says how the content would have been framed',
    run: {
      'in answer to HEAD': async (stage) => {
        const sent = head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')
        const { client, response } = await settled(stage, headRequest('/nobody'), sent, 'HEAD')
        answered(response, 200, '')
        await nothingMore(stage, client)
      },
      'with 304': async (stage) => {
        const sent = head('HTTP/1.1 304 Not Modified', 'Transfer-Encoding: chunked')
        const { client, response } = await settled(stage, get('/nobody'), sent)
        answered(response, 304, '')
        await nothingMore(stage, client)
      },
    },
  },
  {
    id: 'NOBODY-06',
    rule: 'RFC 9110 §15.3.6, RFC 9112 §6.3',
    level: 'MUST',
    title: 'relays empty responses that may have content, and frames them',
    run: {
      ...each(
        {
          '205 with Content-Length: 0': [head('HTTP/1.1 205 Reset Content', 'Content-Length: 0'), '205'],
          '205 with only a last chunk': [
            head('HTTP/1.1 205 Reset Content', 'Transfer-Encoding: chunked') + chunked(),
            '205',
          ],
          '200 with Content-Length: 0': [head('HTTP/1.1 200 OK', 'Content-Length: 0'), '200'],
          '404 with Content-Length: 0': [head('HTTP/1.1 404 Not Found', 'Content-Length: 0'), '404'],
        },
        async ({ exchange, recover }, [sent = '', status]) => {
          const { client, response } = await exchange(get('/nobody'), sent)
          answered(response, Number(status), '')
          await recover(client)
        },
      ),
      '200 that ends with the connection': async ({ ask, recover }) => {
        const { client, exchange, response } = await ask(get('/nobody'))
        check(exchange !== undefined, 'it answered without asking the origin')
        exchange.send(head('HTTP/1.1 200 OK', 'ETag: "1"'))
        exchange.connection.end()
        values(answered(await response, 200, ''), 'etag', ['"1"'], 'the response')
        await recover(client)
      },
    },
  },
  {
    id: 'NOBODY-07',
    rule: 'RFC 9110 §8.6',
    level: 'SHOULD',
    title: 'keeps the Content-Length of what it relays without content, which tells a client the size',
    run: {
      'in answer to HEAD': async ({ exchange }) => {
        const sent = head('HTTP/1.1 200 OK', 'Content-Length: 1234')
        const { response } = await exchange(headRequest('/nobody'), sent, { to: 'HEAD' })
        values(answered(response, 200, ''), 'content-length', ['1234'], 'the response')
      },
      'with 304': async ({ exchange }) => {
        const sent = head('HTTP/1.1 304 Not Modified', 'Content-Length: 1234')
        const { response } = await exchange(get('/nobody', 'If-None-Match: "1"'), sent)
        values(answered(response, 304, ''), 'content-length', ['1234'], 'the response')
      },
    },
  },
  {
    id: 'NOBODY-08',
    rule: 'RFC 9112 §6.3, §11.1',
    level: 'MUST',
    title: 'never takes content that must not be there for the next response',
    run: {
      'after HEAD': async (stage) => {
        const { client, response } = await settled(stage, headRequest('/nobody'), reply('evil'), 'HEAD')
        complete(response)
        if (response.status !== 502) answered(response, 200, '')
        await stage.recover(client)
      },
      'after 304': async (stage) => {
        const sent = `${head('HTTP/1.1 304 Not Modified', 'Content-Length: 4')}evil`
        const { client, response } = await settled(stage, get('/nobody'), sent)
        complete(response)
        if (response.status !== 502) answered(response, 304, '')
        await stage.recover(client)
      },
      'a whole response after HEAD': async (stage) => {
        const sent = head('HTTP/1.1 200 OK', 'Content-Length: 4') + reply('evil')
        const { client, response } = await settled(stage, headRequest('/nobody'), sent, 'HEAD')
        complete(response)
        if (response.status !== 502) answered(response, 200, '')
        await stage.recover(client)
      },
    },
  },
  {
    id: 'NOBODY-09',
    rule: 'RFC 9112 §6.3',
    level: 'SHOULD',
    title: 'gives a request without content no framing of its own',
    run: each(
      { GET: 'GET', HEAD: 'HEAD', DELETE: 'DELETE', OPTIONS: 'OPTIONS' },
      async ({ exchange }, method) => {
        const { request, response } = await exchange(
          head(`${method} /nobody HTTP/1.1`, 'Host: a'),
          method === 'HEAD' ? head('HTTP/1.1 200 OK') : reply('ok'),
          { to: method },
        )
        answered(response, 200)
        lacks(request, 'transfer-encoding', atOrigin)
        lacks(request, 'content-length', atOrigin)
      },
    ),
  },
  {
    id: 'NOBODY-10',
    rule: 'RFC 9110 §8.6',
    level: 'SHOULD',
    title: 'keeps Content-Length: 0 of a method that expects content',
    run: each({ POST: 'POST', PUT: 'PUT', PATCH: 'PATCH' }, async ({ exchange }, method) => {
      const { request, response } = await exchange(
        head(`${method} /nobody HTTP/1.1`, 'Host: a', 'Content-Length: 0'),
        reply('ok'),
      )
      answered(response, 200, 'ok')
      equal(request.text, '', 'the content at the origin')
      values(request, 'content-length', ['0'], atOrigin)
    }),
  },
]

/** Answers, and lets all of the answer arrive, also what does not belong to it. */
async function settled({ ask, pass }: Stage, request: string, sent: string, to = 'GET') {
  const { client, exchange, response } = await ask(request, { to })
  check(exchange !== undefined, 'it answered without asking the origin')
  await exchange.send(sent)
  const received = await response
  await pass(50)
  return { client, response: received }
}

async function nothingMore({ recover }: Stage, client: Client): Promise<void> {
  const more = client.untaken.toString('latin1')
  check(more === '', `it wrote more after the end of the response: ${JSON.stringify(more)}`)
  await recover(client)
}
