/** FRAME: where a message ends. RFC 9112 §6 and §7. */

import { type Case, chunked, chunks, each, get, head, reply } from '../case.ts'
import { answered, check, complete, equal, lacks, values } from '../expect.ts'

export const frame: readonly Case[] = [
  {
    id: 'FRAME-01',
    rule: 'RFC 9112 §6.2',
    level: 'MUST',
    title: 'forwards content with Content-Length under that one field, byte for byte',
    async run({ exchange }) {
      const { request, response } = await exchange(
        `${head('POST /frame HTTP/1.1', 'Host: a', 'Content-Length: 5')}hello`,
        reply('ok'),
      )
      equal(request.text, 'hello', 'the content at the origin')
      values(request, 'content-length', ['5'], 'the request at the origin')
      lacks(request, 'transfer-encoding', 'the request at the origin')
      answered(response, 200, 'ok')
    },
  },
  {
    id: 'FRAME-02',
    rule: 'RFC 9112 §7.1',
    level: 'MUST',
    title: 'forwards chunked content under one framing, byte for byte',
    async run({ exchange }) {
      const { request, response } = await exchange(
        head('POST /frame HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked') +
          chunked('one', 'two2', 'three'),
        reply('ok'),
      )
      equal(request.text, 'onetwo2three', 'the content at the origin')
      answered(response, 200, 'ok')
    },
  },
  {
    id: 'FRAME-03',
    rule: 'RFC 9112 §6.3',
    level: 'MUST',
    title: 'keeps chunked content inside a frame whatever the method',
    run: each(
      { DELETE: 'DELETE', OPTIONS: 'OPTIONS', GET: 'GET', PURGE: 'PURGE' },
      async ({ connect, origin, recover }, method) => {
        const smuggled = get('/smuggled')
        const client = await connect()
        client.send(
          head(`${method} /frame HTTP/1.1`, 'Host: a', 'Transfer-Encoding: chunked') + chunked(smuggled),
        )
        const received = client.response({ to: method })
        const exchange = await Promise.race([origin.request(), received.then(() => undefined)])
        if (exchange) {
          const request = complete(await exchange.done(), 'the request at the origin')
          check(
            request.text === smuggled,
            `the content at the origin is ${request.bodyLength} bytes of ${smuggled.length}: ${request}`,
          )
          exchange.send(reply('ok'))
          answered(await received, 200, 'ok')
        } else check((await received).status >= 400, `it answered by itself: ${await received}`)
        await recover(client)
      },
    ),
  },
]
void chunks
