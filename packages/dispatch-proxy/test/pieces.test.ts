/** What the pieces of a response become on their way through a dispatch handler. */

import { get, head, stageFor } from '@relayrace/promises/stage'
import { expect, test } from 'vitest'
import { createDispatchProxy } from '../src/index.ts'
import { wentStale } from '../src/request.ts'

const stage = stageFor(createDispatchProxy)
const chunked = head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')
const chunk = (data: string): string => `${data.length.toString(16)}\r\n${data}\r\n`
const last = '0\r\n\r\n'

test.each([
  ['a whole chunk', chunk('one'), 'one', chunk('two')],
  ['several', chunk('o') + chunk('n') + chunk('e'), 'one', chunk('two')],
  ['a part of a chunk', '6\r\none', 'one', 'two\r\n'],
])('what is live goes on at once: %s', async (_, first, seen, second) => {
  const { origin, client } = await stage()
  client.send(get('/'))
  const exchange = await origin.request()
  await exchange.send(chunked)
  const incoming = await client.responding()
  for (let round = 0; round < 5; round++) {
    // Nothing more is sent before that has been seen.
    await exchange.send(first)
    await incoming.body((round * 2 + 1) * seen.length)
    await exchange.send(second)
    await incoming.body((round * 2 + 2) * seen.length)
  }
  await exchange.send(last)
  expect((await incoming.done()).text).toBe('onetwo'.repeat(5))
})

test('a head that comes with two reads is what it was', async () => {
  const { origin, client } = await stage()
  client.send(get('/'))
  const exchange = await origin.request()
  const early = head('HTTP/1.1 103 Early Hints', 'Link: </a>')
  await exchange.send(`${early}HTTP/1.1 200 OK\r\nX-First: ${'a'.repeat(5_000)}\r\nX-Sec`)
  // It has been read.
  await client.interim(1)
  await exchange.send(`ond: ${'b'.repeat(5_000)}\r\nContent-Length: 2\r\n\r\nok`)
  const response = await client.response()
  expect(response.get('x-first')).toBe('a'.repeat(5_000))
  expect(response.get('x-second')).toBe('b'.repeat(5_000))
  expect(response.text).toBe('ok')
})

test.each([10, 5_000, 60_000, 1_000_000])(
  'after a response of %i bytes its connection is free again',
  async (size) => {
    const { origin, client } = await stage()
    for (let round = 0; round < 3; round++) {
      client.send(get('/'))
      const exchange = await origin.request()
      await exchange.send(head('HTTP/1.1 200 OK', `Content-Length: ${size}`) + 'x'.repeat(size))
      expect((await client.response()).text).toBe('x'.repeat(size))
    }
    expect(origin.connections).toHaveLength(1)
  },
)

test.each([
  ['a GET, whose connection was reset', {}, true],
  ['one whose pipe was broken', { code: 'EPIPE' }, true],
  ['one whose reset is a cause', { code: 'UND_ERR_SOCKET', isCause: true }, true],
  ['what has been sent', { sent: true }, false],
  ['what has failed already', { error: new Error('over') }, false],
  ['an upload', { framing: { kind: 'length', length: 1 } }, false],
  ['an upload in chunks', { framing: { kind: 'chunked' } }, false],
  ['what has failed otherwise', { code: 'ENOTFOUND' }, false],
])('B4 %s is asked again after a connection that went stale: %j is %s', (_, given, expected) => {
  const { sent, code, isCause, ...exchange } = {
    ...{ sent: false, error: undefined, framing: { kind: 'none' }, code: 'ECONNRESET', isCause: false },
    ...given,
  }
  const reset = Object.assign(new Error(), { code })
  const cause = isCause ? new Error('fetch failed', { cause: reset }) : reset
  expect(wentStale({ sent }, exchange as never, cause)).toBe(expected)
})
