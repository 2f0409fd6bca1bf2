/** What every strategy promises a hook that changes content on its way. */

import { gunzipSync } from 'node:zlib'
import type { ContentTransform, GatewayOptions, Strategy } from '@relayrace/gateway'
import { describe, expect, test, vi } from 'vitest'
import { get, head, reply, stageFor } from './stage.ts'
import { example } from './wrapped.ts'

const MiB = 1024 * 1024

const upper: ContentTransform = async function* (source) {
  for await (const piece of source) yield Buffer.from(Buffer.from(piece).toString('latin1').toUpperCase())
}

const down = (content: unknown): Pick<GatewayOptions, 'modifyResponse'> => ({
  modifyResponse: (answer) => void Object.assign(answer, { content }),
})
const up = (content: unknown): Pick<GatewayOptions, 'rewrite'> => ({
  rewrite: (out) => void Object.assign(out, { content }),
})

const post = (length: number): string => head('POST / HTTP/1.1', 'Host: a', `Content-Length: ${length}`)

export function transformsOf(create: Strategy): void {
  const stage = stageFor(create)

  describe('content that a hook changes', () => {
    test('goes down piece by piece, in chunks', async () => {
      const { client, origin, ended } = await stage(down(upper))
      client.send(get('/'))
      const exchange = await origin.request()
      exchange.send(head('HTTP/1.1 200 OK', 'Content-Length: 3'))
      const incoming = await client.responding()
      for (const [i, byte] of [...'abc'].entries()) {
        exchange.send(byte)
        expect(String(await incoming.body(i + 1))).toBe('ABC'.slice(0, i + 1))
      }
      const response = await incoming.done()
      expect([response.verdict, response.get('content-length'), response.get('transfer-encoding')]).toEqual([
        'complete',
        undefined,
        'chunked',
      ])
      expect(await ended()).toMatchObject({ outcome: 'completed', responseBytes: 3 })
    })

    test('goes up piece by piece, in chunks', async () => {
      const { client, origin, ended } = await stage(up(upper))
      client.send(post(3))
      client.send('a')
      const exchange = await origin.request()
      expect(String(await exchange.body(1))).toBe('A')
      client.send('bc')
      const { text } = await exchange.done()
      const { message } = exchange
      expect([text, message.has('content-length'), message.get('transfer-encoding')]).toEqual([
        'ABC',
        false,
        'chunked',
      ])
      await exchange.send(reply('ok'))
      expect((await client.response()).text).toBe('ok')
      expect(await ended()).toMatchObject({ outcome: 'completed', requestBytes: 3 })
    })

    test('goes both ways at once, and the connections go on', async () => {
      const { client, origin } = await stage({ ...up(upper), ...down(upper) })
      for (const nth of [1, 2]) {
        client.send(`${post(5)}hello`)
        const exchange = await origin.request()
        expect((await exchange.done()).text).toBe('HELLO')
        await exchange.send(reply(`ok ${nth}`))
        expect((await client.response()).text).toBe(`OK ${nth}`)
      }
      expect(origin.connections).toHaveLength(1)
    })

    test('to an HTTP/1.0 client ends with the connection', async () => {
      const { client, origin } = await stage(down(upper))
      client.send('GET / HTTP/1.0\r\nHost: a\r\n\r\n')
      await (await origin.request()).send(reply('ok'))
      const response = await client.response()
      expect([response.text, response.has('transfer-encoding'), response.has('content-length')]).toEqual([
        'OK',
        false,
        false,
      ])
    })

    test('is compressed by the example in the documents', async () => {
      const { compressed } = await example<{ compressed: NonNullable<GatewayOptions['modifyResponse']> }>(
        'compressed',
      )
      const { client, origin } = await stage({ modifyResponse: compressed })
      client.send(get('/', 'Accept-Encoding: gzip'))
      const text = 'streams '.repeat(10_000)
      await (await origin.request()).send(reply(text, 'Content-Type: text/plain'))
      const response = await client.response()
      expect(response.get('content-encoding')).toBe('gzip')
      expect(gunzipSync(response.body).toString()).toBe(text)
    })

    test('is not made up where there is none', async () => {
      const transform = vi.fn(upper)
      const { client, origin } = await stage(down(transform))
      client.send(head('HEAD / HTTP/1.1', 'Host: a'))
      await (await origin.request()).send(head('HTTP/1.1 200 OK', 'Content-Length: 5'))
      expect((await client.response({ to: 'HEAD' })).status).toBe(200)
      client.send(get('/'))
      await (await origin.request()).send(head('HTTP/1.1 304 Not Modified'))
      expect((await client.response()).status).toBe(304)
      expect(transform).not.toHaveBeenCalled()
    })

    test('may be less than came', async () => {
      const { client, origin, gateway } = await stage(
        down(async function* (source: AsyncIterable<Uint8Array>) {
          for await (const piece of source) {
            yield piece.subarray(0, 1)
            return
          }
        }),
      )
      client.send(get('/'))
      ;(await origin.request()).send(`${head('HTTP/1.1 200 OK', 'Content-Length: 1000')}some`)
      expect(await client.response()).toMatchObject({ text: 's', verdict: 'complete' })
      await expect.poll(() => [gateway.inFlight, gateway.pool.connections]).toEqual([0, 0])
    })

    test.each([
      ['down', down],
      ['up', up],
    ] as const)('may be kept until its end, on its way %s', async (way, changed) => {
      const { client, origin } = await stage(
        changed(async function* (source: AsyncIterable<Uint8Array>) {
          const pieces: Uint8Array[] = []
          for await (const piece of source) pieces.push(piece)
          yield Buffer.concat(pieces)
        }),
      )
      const text = Array.from({ length: 40_000 }, (_, i) => `${i}`.padStart(8)).join('')
      client.send(way === 'up' ? `${post(text.length)}${text}` : get('/'))
      const exchange = await origin.request()
      const request = await exchange.done()
      exchange.send(reply(way === 'down' ? text : 'ok'))
      const response = await client.response()
      expect((way === 'up' ? request : response).text === text).toBe(true)
    })

    test('is held back by a client that reads nothing', async () => {
      const { client, origin, ended } = await stage({ ...down(upper), timeouts: { drain: 300 } })
      client.pause()
      client.send(get('/'))
      const exchange = await origin.request()
      exchange.send(head('HTTP/1.1 200 OK', `Content-Length: ${128 * MiB}`))
      for (let sent = 0; sent < 128 && exchange.connection.open; sent++)
        if (!(await exchange.send(Buffer.alloc(MiB)))) break
      const { outcome, error, responseBytes } = await ended()
      expect([outcome, error?.phase]).toEqual(['failed', 'drain'])
      expect(responseBytes).toBeLessThan(32 * MiB)
    })

    test('is counted against the limits as it came', async () => {
      const { client, ended, origin } = await stage({ ...down(upper), limits: { responseBody: 4 } })
      client.send(get('/'))
      const exchange = await origin.request()
      await exchange.send(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'))
      const incoming = await client.responding()
      await exchange.send('5\r\nhello\r\n0\r\n\r\n')
      expect((await incoming.done()).verdict).not.toBe('complete')
      expect((await ended()).errorType).toBe('http_response_body_size')
    })
  })

  describe('a change of content that fails', () => {
    const failing: ContentTransform = async function* (source) {
      let pieces = 0
      for await (const piece of source) {
        if (pieces++ > 0) throw new Error('no')
        yield piece
      }
    }

    test('breaks the response off, and is the gateway’s fault', async () => {
      const { client, origin, ended, gateway } = await stage(down(failing))
      client.send(get('/'))
      const exchange = await origin.request()
      exchange.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 1000')}some`)
      const incoming = await client.responding()
      await incoming.body(4)
      exchange.send('more')
      expect((await incoming.done()).verdict).not.toBe('complete')
      expect(await ended()).toMatchObject({ outcome: 'failed', errorType: 'proxy_internal_error' })
      await exchange.connection.ended()
      await expect.poll(() => [gateway.inFlight, gateway.pool.connections]).toEqual([0, 0])
    })

    test('breaks the request off, and answers 500', async () => {
      const { client, origin, ended, gateway } = await stage(up(failing))
      client.send(`${post(1000)}some`)
      await (await origin.request()).body(4)
      client.send('more')
      expect((await client.response()).status).toBe(500)
      await Promise.all(origin.connections.map((connection) => connection.ended()))
      expect(origin.requests.map(({ verdict }) => verdict)).not.toContain('complete')
      expect(await ended()).toMatchObject({ errorType: 'proxy_internal_error' })
      await expect.poll(() => gateway.inFlight).toBe(0)
    })

    test.each([
      ['modifyResponse', down('nonsense'), 502],
      ['rewrite', up('nonsense'), 500],
    ])('because %s has left none is %#', async (_, options, status) => {
      const { client, origin } = await stage(options)
      void origin.request().then(
        ({ send }) => send(reply('hello')),
        () => {},
      )
      client.send(`${post(5)}hello`)
      expect((await client.response()).status).toBe(status)
    })
  })

  describe('a change of content hears', () => {
    /** What comes, and how it ends. */
    function watched(): { transform: ContentTransform; end: Promise<string> } {
      const { promise, resolve } = Promise.withResolvers<string>()
      return {
        end: promise,
        async *transform(source) {
          try {
            yield* source
            resolve('end')
          } catch {
            resolve('error')
          } finally {
            resolve('return')
          }
        },
      }
    }

    test('that the origin broke off', async () => {
      const { transform, end } = watched()
      const { client, origin, ended } = await stage(down(transform))
      client.send(get('/'))
      const exchange = await origin.request()
      await exchange.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 1000')}some`)
      const incoming = await client.responding()
      await incoming.body(4)
      exchange.connection.reset()
      expect(await end).not.toBe('end')
      expect((await incoming.done()).verdict).not.toBe('complete')
      expect(await ended()).toMatchObject({ outcome: 'failed', endedBy: 'upstream' })
    })

    test('that the client left in the middle of the answer', async () => {
      const { transform, end } = watched()
      const { client, origin, ended, gateway } = await stage(down(transform))
      client.send(get('/'))
      const exchange = await origin.request()
      exchange.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 1000')}some`)
      await (await client.responding()).body(4)
      client.reset()
      expect(await end).not.toBe('end')
      await exchange.connection.ended()
      expect(await ended()).toMatchObject({ outcome: 'aborted', endedBy: 'client' })
      await expect.poll(() => gateway.inFlight).toBe(0)
    })

    test('that the client left in the middle of its request', async () => {
      const { transform, end } = watched()
      const { client, origin, ended, gateway } = await stage(up(transform))
      client.send(`${post(1000)}some`)
      const exchange = await origin.request()
      await exchange.body(4)
      client.reset()
      expect(await end).not.toBe('end')
      await exchange.connection.ended()
      expect(exchange.message.verdict).not.toBe('complete')
      expect(await ended()).toMatchObject({ outcome: 'aborted', endedBy: 'client' })
      await expect.poll(() => gateway.inFlight).toBe(0)
    })
  })
}
