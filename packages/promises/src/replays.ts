/** What every strategy promises of content that is kept, so that it can be sent again. */

import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { type Origin, startOrigin } from '@relayrace/fixtures/wire'
import { GatewayError, type GatewayOptions, type Strategy } from '@relayrace/gateway'
import { describe, expect, onTestFinished, test } from 'vitest'
import { head, reply, stageFor } from './stage.ts'

async function another(): Promise<Origin> {
  const origin = await startOrigin()
  onTestFinished(() => origin[Symbol.asyncDispose]())
  return origin
}

const put = (length: number): string => head('PUT /x HTTP/1.1', 'Host: a', `Content-Length: ${length}`)
const busy = head('HTTP/1.1 503 Busy', 'Content-Length: 0')

const again: Partial<GatewayOptions> = {
  transport: (_, next) => next().catch(() => next()),
  modifyResponse({ status }) {
    if (status === 503) throw new GatewayError('destination_unavailable', { phase: 'responseHead' })
  },
}

export function replaysOf(create: Strategy): void {
  const stage = stageFor(create)

  describe('content that is kept', () => {
    test('is sent again after an answer that was refused', async () => {
      const { client, origin, ended } = await stage({ ...again, limits: { replay: 5 } })
      client.send(`${put(5)}hello`)
      for (const answer of [busy, reply('ok')]) {
        const exchange = await origin.request()
        expect((await exchange.done()).text).toBe('hello')
        await exchange.send(answer)
      }
      expect((await client.response()).text).toBe('ok')
      expect(await ended()).toMatchObject({ outcome: 'completed', attempts: 2, requestBytes: 5 })
    })

    test('is all there for another origin when TLS with the first has come to nothing', async () => {
      const other = await another()
      const silent = createServer().listen(0, '127.0.0.1')
      onTestFinished(() => void silent.close())
      await once(silent, 'listening')
      const { port } = silent.address() as AddressInfo
      const { client } = await stage({
        upstream: `https://127.0.0.1:${port}`,
        timeouts: { tls: 200 },
        transport: (_, next) => next().catch(() => next(other.url)),
      })
      client.send(`${put(5)}hello`)
      const exchange = await other.request()
      expect((await exchange.done()).text).toBe('hello')
      await exchange.send(reply('ok'))
      expect((await client.response()).text).toBe('ok')
    })

    test('is sent again with what has come since the first attempt broke off', async () => {
      const other = await another()
      const { client, origin } = await stage({
        limits: { replay: 1_000 },
        transport: (_, next) => next().catch(() => next(other.url)),
      })
      client.send(put(10))
      client.send('hello')
      const first = await origin.request()
      await first.body(5)
      first.connection.reset()
      const second = await other.request()
      expect(String(await second.body(5))).toBe('hello')
      client.send('world')
      expect((await second.done()).text).toBe('helloworld')
      await second.send(reply('ok'))
      expect((await client.response()).text).toBe('ok')
    })

    test('in chunks is sent again in chunks', async () => {
      const { client, origin } = await stage({ ...again, limits: { replay: 100 } })
      client.send(`${head('PUT / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`)
      for (const answer of [busy, reply('ok')]) {
        const exchange = await origin.request()
        expect((await exchange.done()).text).toBe('hello')
        await exchange.send(answer)
      }
      expect((await client.response()).text).toBe('ok')
    })

    test('goes to where an answer turns it', async () => {
      const other = await another()
      const { client, origin } = await stage({
        limits: { replay: 5 },
        modifyResponse: ({ status }) => (status === 307 ? { to: other.url } : undefined),
      })
      client.send(`${head('POST /x HTTP/1.1', 'Host: a', 'Content-Length: 5')}hello`)
      const first = await origin.request()
      await first.done()
      await first.send(head('HTTP/1.1 307 Temporary Redirect', 'Content-Length: 0'))
      const second = await other.request()
      expect((await second.done()).text).toBe('hello')
      await second.send(reply('ok'))
      expect((await client.response()).text).toBe('ok')
    })

    test('is not sent again when it is a byte longer than what is kept', async () => {
      const { client, origin, ended } = await stage({ ...again, limits: { replay: 4 } })
      client.send(`${put(5)}hello`)
      const exchange = await origin.request()
      await exchange.done()
      await exchange.send(busy)
      expect((await client.response()).status).toBe(503)
      expect((await ended()).attempts).toBe(1)
    })

    test('of what may have been acted upon is not sent again', async () => {
      const { client, origin, ended } = await stage({ ...again, limits: { replay: 100 } })
      client.send(`${head('POST /x HTTP/1.1', 'Host: a', 'Content-Length: 5')}hello`)
      const exchange = await origin.request()
      await exchange.done()
      await exchange.send(busy)
      expect((await client.response()).status).toBe(503)
      expect((await ended()).attempts).toBe(1)
    })

    test('and the connection goes on after it', async () => {
      const { client, origin, gateway } = await stage({ ...again, limits: { replay: 100 } })
      for (const nth of [1, 2]) {
        client.send(`${put(5)}hello`)
        for (const answer of [busy, reply(`ok ${nth}`)]) {
          const exchange = await origin.request()
          await exchange.done()
          await exchange.send(answer)
        }
        expect((await client.response()).text).toBe(`ok ${nth}`)
      }
      await expect.poll(() => gateway.inFlight).toBe(0)
    })

    test('goes through a hook again', async () => {
      const { client, origin } = await stage({
        ...again,
        limits: { replay: 100 },
        rewrite(out) {
          out.content = async function* (source) {
            for await (const piece of source) yield Buffer.from(Buffer.from(piece).toString().toUpperCase())
          }
        },
      })
      client.send(`${put(5)}hello`)
      for (const answer of [busy, reply('ok')]) {
        const exchange = await origin.request()
        expect((await exchange.done()).text).toBe('HELLO')
        await exchange.send(answer)
      }
      expect((await client.response()).text).toBe('ok')
    })

    test('lets a client go that leaves in the middle', async () => {
      const { client, origin, ended, gateway } = await stage({ ...again, limits: { replay: 100 } })
      client.send(`${put(10)}hello`)
      await (await origin.request()).body(5)
      client.reset()
      expect(await ended()).toMatchObject({ outcome: 'aborted' })
      await expect.poll(() => [gateway.inFlight, gateway.pool.connections]).toEqual([0, 0])
    })
  })
}
