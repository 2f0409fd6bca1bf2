/** Upstreams that go on for ever without saying anything, and ones that only take their time. */

import { certificates } from '@relayrace/fixtures/certificates'
import type { Exchange } from '@relayrace/fixtures/wire'
import type { Strategy } from '@relayrace/gateway'
import { describe, expect, test } from 'vitest'
import { get, head, stageFor } from './stage.ts'

const MiB = 1024 * 1024
/** What it sends before nobody has noticed: more than the kernel takes for two connections, and a buffer. */
const most = 64 * MiB
const responseHead = 8_192

const chunked = head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')

const heads: readonly [what: string, before: string, again: string][] = [
  ['empty lines', '', '\r\n'],
  ['empty lines after an interim response', head('HTTP/1.1 103 Early Hints', 'Link: </a>'), '\r\n'],
  ['spaces after the status', 'HTTP/1.1 200', ' '],
  ['a reason phrase', 'HTTP/1.1 200 ', 'a'],
  ['the name of a field', 'HTTP/1.1 200 OK\r\n', 'a'],
  ['spaces before a value', 'HTTP/1.1 200 OK\r\nX:', ' '],
  ['a value', 'HTTP/1.1 200 OK\r\nX: ', 'a'],
  ['short fields', 'HTTP/1.1 200 OK\r\n', 'a:\r\n'],
]

const contents: readonly [what: string, before: string, again: string][] = [
  ['zeros of a chunk size', chunked, '0'],
  ['zeros of a later chunk size', `${chunked}1\r\na\r\n`, '0'],
  ['an extension of a chunk', `${chunked}1;a="`, 'a'],
  ['spaces before the value of a trailer', `${chunked}0\r\nX:`, ' '],
  ['trailers', `${chunked}0\r\n`, 'a:\r\n'],
]

/** @returns whether somebody has had enough of it. */
async function pour({ send }: Exchange, before: string, again: string): Promise<boolean> {
  const piece = again.repeat(16_384 / again.length)
  if (!(await send(before))) return true
  for (let sent = 0; sent < most; sent += piece.length) if (!(await send(piece))) return true
  return false
}

export function endlessAnswersOf(create: Strategy): void {
  const stage = stageFor(create)

  describe.each(['http:', 'https:'])('an upstream at %s without end', (scheme) => {
    async function asked(...fields: readonly string[]) {
      const { ca, server } = await certificates()
      const limits = { limits: { responseHead }, timeouts: { responseHead: 30_000, responseBody: 30_000 } }
      const made = scheme === 'http:' ? await stage(limits) : await stage({ ...limits, tls: { ca } }, server)
      made.client.send(get('/', ...fields))
      return { ...made, exchange: await made.origin.request() }
    }

    test.each(heads)('in %s is a head that is too large', async (_, before, again) => {
      const { exchange, client, ended } = await asked()
      expect(await pour(exchange, before, again)).toBe(true)
      const { status, body } = await client.response()
      expect([status, String(body)]).toEqual([502, 'http response header section size\n'])
      expect((await ended()).error).toMatchObject({
        type: 'http_response_header_section_size',
        phase: 'responseHead',
      })
    })

    test.each(contents)('in %s is broken off', async (_, before, again) => {
      const { exchange, client, ended } = await asked()
      expect(await pour(exchange, before, again)).toBe(true)
      // Its head may have waited for some content.
      const { status, verdict } = await client.response()
      expect(status === 502 ? 'complete' : 'incomplete').toBe(verdict)
      expect(await ended()).toMatchObject({ outcome: 'failed', error: { source: 'upstream' } })
    })

    test('in nothing but its head’s last byte is a response', async () => {
      const { exchange, client } = await asked()
      const text = head('HTTP/1.1 200 OK', `X: ${'a'.repeat(responseHead - 256)}`, 'Content-Length: 2')
      for (let at = 0; at < text.length; at += 512) {
        await exchange.send(text.slice(at, at + 512))
        await new Promise((resolve) => setImmediate(resolve))
      }
      exchange.send('ok')
      expect(await client.response()).toMatchObject({ status: 200, verdict: 'complete' })
    })

    test('but whose content has an end is heard to it, however slow its client is', async () => {
      const { exchange, client } = await asked()
      const piece = 'a'.repeat(1_024)
      client.pause()
      exchange.send(chunked)
      for (let i = 0; i < 512; i++) exchange.send(`400\r\n${piece}\r\n`)
      exchange.send('0\r\n\r\n')
      // A turn for each read of what is there.
      for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve))
      client.resume()
      expect(await client.response()).toMatchObject({ verdict: 'complete', bodyLength: 512 * 1_024 })
    })

    test('but that has changed the protocol is heard', async () => {
      const { exchange, client } = await asked('Connection: Upgrade', 'Upgrade: echo')
      await exchange.send(head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: echo'))
      await client.response()
      for (let i = 0; i < 64; i++) {
        exchange.send('a'.repeat(1_024))
        await client.take(1_024)
      }
    })
  })
}
