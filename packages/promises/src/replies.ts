/** What every strategy promises of a reply whose body is a stream: of Node, of the Web, or whatever can be iterated. */

import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import type { Client } from '@relayrace/fixtures/wire'
import type { Choose, ExchangeSummary, GatewayOptions, Reply, Strategy } from '@relayrace/gateway'
import { describe, expect, test } from 'vitest'
import { get, head, reply, stageFor } from './stage.ts'
import { example } from './wrapped.ts'

type Body = Extract<Reply['body'], AsyncIterable<unknown>>

/** A source, and what has become of it. */
interface Source {
  readonly body: Body
  /** Pieces that were asked for. */
  pulled: number
  /** How often it was destroyed, cancelled or returned from before its end. */
  letGo: number
}

/** Yields a piece for each, waits where one is a promise, and throws where one is an error. */
type Piece = string | Uint8Array | Error | Promise<string>

type Make = (pieces: Iterable<Piece>) => Source

async function next(
  pieces: Iterator<Piece>,
  source: Pick<Source, 'pulled'>,
): Promise<string | Uint8Array | undefined> {
  source.pulled++
  const piece = await pieces.next().value
  if (piece instanceof Error) throw piece
  return piece
}

const sources: Readonly<Record<string, Make>> = {
  'a stream of Node'(given) {
    const pieces = given[Symbol.iterator]()
    const source = { pulled: 0, letGo: 0 }
    let complete = false
    const body = new Readable({
      highWaterMark: 1,
      read() {
        next(pieces, source).then(
          (piece) => {
            complete = piece === undefined
            this.push(piece ?? null)
          },
          (cause) => {
            complete = true
            this.destroy(cause)
          },
        )
      },
      destroy(cause, done) {
        if (!complete) source.letGo++
        done(cause)
      },
    })
    return Object.assign(source, { body })
  },
  'a stream of the Web'(given) {
    const pieces = given[Symbol.iterator]()
    const source = { pulled: 0, letGo: 0 }
    const body = new ReadableStream<string | Uint8Array>(
      {
        async pull(controller) {
          const piece = await next(pieces, source)
          if (piece === undefined) controller.close()
          else controller.enqueue(piece)
        },
        cancel() {
          source.letGo++
        },
      },
      { highWaterMark: 0 },
    )
    return Object.assign(source, { body: body as unknown as Body })
  },
  'a generator'(given) {
    const pieces = given[Symbol.iterator]()
    const source = { pulled: 0, letGo: 0 }
    const body = (async function* (): AsyncGenerator<string | Uint8Array> {
      let complete = false
      try {
        for (;;) {
          const piece = await next(pieces, source).catch((cause) => {
            complete = true
            throw cause
          })
          complete = piece === undefined
          if (piece === undefined) return
          yield piece
        }
      } finally {
        if (!complete) source.letGo++
      }
    })()
    return Object.assign(source, { body })
  },
  'an iterable'(given) {
    const pieces = given[Symbol.iterator]()
    const source = { pulled: 0, letGo: 0 }
    const body: Body = {
      [Symbol.asyncIterator]: () => ({
        async next() {
          const value = await next(pieces, source)
          return value === undefined ? { done: true, value } : { done: false, value }
        },
        async return() {
          source.letGo++
          return { done: true, value: undefined }
        },
      }),
    }
    return Object.assign(source, { body })
  },
}
const kinds = Object.entries(sources)
const generator = sources['a generator'] as Make
const iterable = sources['an iterable'] as Make

const never = (): Promise<string> => new Promise(() => {})
const answered = (
  source: Source,
  fields: Readonly<Record<string, string>> = {},
): Partial<GatewayOptions> => ({
  upstream: () => ({ status: 200, fields, body: source.body }),
})
const MiB = 1024 * 1024

export function repliesOf(create: Strategy): void {
  const stage = stageFor(create)

  describe.each(kinds)('a reply that is %s', (_, make) => {
    test('goes down piece by piece, in chunks, and the connection goes on', async () => {
      const gates = [Promise.withResolvers<string>(), Promise.withResolvers<string>()] as const
      const source = make(['a', gates[0].promise, '', gates[1].promise])
      const { client, ended, gateway, origin } = await stage({
        upstream: ({ request }) => ({ status: 200, body: request.path === '/' ? source.body : 'next' }),
      })
      client.send(get('/'))
      const incoming = await client.responding()
      expect(String(await incoming.body(1))).toBe('a')
      gates[0].resolve('b')
      expect(String(await incoming.body(2))).toBe('ab')
      gates[1].resolve('ü')
      const response = await incoming.done()
      expect([
        response.verdict,
        response.body.toString('utf8'),
        response.get('transfer-encoding'),
        response.has('content-length'),
      ]).toEqual(['complete', 'abü', 'chunked', false])
      const summary: Partial<ExchangeSummary> = { outcome: 'completed', attempts: 0, responseBytes: 4 }
      expect(await ended()).toMatchObject(summary)
      client.send(get('/next'))
      expect((await client.response()).text).toBe('next')
      await expect.poll(() => gateway.inFlight).toBe(0)
      expect([source.letGo, origin.connections.length]).toEqual([0, 0])
    })

    test('is let go of once when its client leaves, though it says nothing', async () => {
      const source = make(['some', never()])
      const { client, ended, gateway } = await stage(answered(source))
      client.send(get('/'))
      await (await client.responding()).body(4)
      client.reset()
      expect(await ended()).toMatchObject({ outcome: 'aborted', endedBy: 'client', status: 200 })
      // A generator that waits is told when it goes on: nobody can interrupt it.
      if (make !== generator) await expect.poll(() => source.letGo).toBe(1)
      expect(gateway.inFlight).toBe(0)
    })

    test('is let go of once when its client leaves and it goes on', async () => {
      const source = make(plenty())
      const { client, ended } = await stage(answered(source))
      client.pause()
      client.send(get('/'))
      await settled(source)
      client.reset()
      expect(await ended()).toMatchObject({ outcome: 'aborted', endedBy: 'client' })
      await expect.poll(() => source.letGo).toBe(1)
    })

    test('is pulled no faster than its client takes it', async () => {
      const source = make(plenty())
      const { client, ended } = await stage({ ...answered(source), timeouts: { drain: 300 } })
      client.pause()
      client.send(get('/'))
      const { outcome, error, responseBytes, endedBy } = await ended()
      expect([outcome, error?.phase, endedBy]).toEqual(['failed', 'drain', 'client'])
      expect(responseBytes).toBeLessThan(32 * MiB)
      expect(source.pulled).toBeLessThan(34)
      await expect.poll(() => source.letGo).toBe(1)
    })

    test.each([
      ['HEAD', head('HEAD / HTTP/1.1', 'Host: a'), 200],
      ['204', get('/'), 204],
      ['205', get('/'), 205],
      ['304', get('/'), 304],
    ])('is not pulled for %s, and let go of once', async (_, request, status) => {
      const source = make(['some'])
      const { client, ended } = await stage({
        upstream: ({ request }) => ({ status: request.path === '/' ? status : 200, body: source.body }),
      })
      client.send(request)
      const response = await client.response({ to: request.slice(0, 4) })
      expect([response.status, response.verdict, response.has('transfer-encoding')]).toEqual([
        status,
        'complete',
        false,
      ])
      expect(response.get('content-length')).toBe(status === 205 ? '0' : undefined)
      expect(await ended()).toMatchObject({ outcome: 'completed', responseBytes: 0 })
      expect([source.pulled, source.letGo]).toEqual([0, make === generator ? 0 : 1])
    })

    test('that fails before its first byte is 500, and the connection goes on', async () => {
      const source = make(['', new Error('no')])
      const { client, ended } = await stage({
        upstream: ({ request }) => ({ status: 200, body: request.path === '/' ? source.body : 'next' }),
      })
      client.send(get('/'))
      const response = await client.response()
      expect([response.status, response.get('proxy-status')]).toEqual([
        500,
        expect.stringContaining('proxy_internal_error'),
      ])
      expect(await ended()).toMatchObject({ outcome: 'failed', endedBy: 'gateway', responseBytes: 0 })
      client.send(get('/next'))
      expect((await client.response()).text).toBe('next')
      expect(source.letGo).toBe(0)
    })

    test('that fails after its head is broken off visibly', async () => {
      const source = make(['some', new Error('no')])
      const { client, ended, gateway } = await stage(answered(source))
      client.send(get('/'))
      expect(await wholeOf(client)).not.toBe(200)
      expect(await ended()).toMatchObject({ outcome: 'failed', endedBy: 'gateway', status: 200 })
      expect([source.letGo, gateway.inFlight]).toEqual([0, 0])
    })

    test.each([
      ['shorter', ['ab', 'c'], 0],
      ['longer', ['abc', 'de', never()], 1],
      ['longer by a piece of its own', ['abcd', 'e', never()], 1],
    ])('%s than its Content-Length is no whole message', async (_, pieces, letGo) => {
      const source = make(oneByOne(pieces))
      const { client, ended } = await stage(answered(source, { 'Content-Length': '4' }))
      client.send(get('/'))
      expect(await wholeOf(client)).not.toBe(200)
      expect(await ended()).toMatchObject({ outcome: 'failed', endedBy: 'gateway' })
      await expect.poll(() => source.letGo).toBe(letGo)
    })

    test('keeps its Content-Length', async () => {
      const { client } = await stage(answered(make(['ab', 'cd']), { 'Content-Length': '4' }))
      client.send(get('/'))
      const response = await client.response()
      expect([response.verdict, response.text, response.get('content-length')]).toEqual([
        'complete',
        'abcd',
        '4',
      ])
      expect(response.has('transfer-encoding')).toBe(false)
    })

    test('to an HTTP/1.0 client ends with the connection', async () => {
      const { client } = await stage(answered(make(['ab', 'cd'])))
      client.send('GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n')
      const response = await client.response()
      expect([response.text, response.verdict, response.has('transfer-encoding')]).toEqual([
        'abcd',
        'complete',
        false,
      ])
      expect(await client.ended()).toBe('fin')
    })

    test('to an HTTP/1.0 client is broken off visibly', async () => {
      const more = Promise.withResolvers<string>()
      const { client } = await stage(answered(make(['ab', more.promise])))
      client.send('GET / HTTP/1.0\r\nHost: a\r\n\r\n')
      const incoming = await client.responding()
      // A reset that comes with the last bytes before it is an end to Node 22.
      await incoming.body(2)
      more.reject(new Error('no'))
      expect((await incoming.done()).verdict).not.toBe('complete')
    })

    test('is let go of when nobody is there any more who has asked for it', async () => {
      const source = make(['some'])
      const chosen = Promise.withResolvers<void>()
      const asked = Promise.withResolvers<void>()
      const { client, ended } = await stage({
        async upstream() {
          asked.resolve()
          await chosen.promise
          return { status: 200, body: source.body }
        },
      })
      client.send(get('/'))
      await asked.promise
      client.reset()
      await ended()
      chosen.resolve()
      if (make !== generator) await expect.poll(() => source.letGo).toBe(1)
      expect(source.pulled).toBe(0)
    })

    test('of a status that is none is let go of', async () => {
      const source = make(['some'])
      const { client } = await stage({ upstream: () => ({ status: 99, body: source.body }) })
      client.send(get('/'))
      expect((await client.response()).status).toBe(500)
      if (make !== generator) await expect.poll(() => source.letGo).toBe(1)
      expect(source.pulled).toBe(0)
    })
  })

  describe('a reply that is a stream', () => {
    test('is what onError may return', async () => {
      const source = iterable(['sor', 'ry'])
      const { client, ended } = await stage({
        upstream: 'http://127.0.0.1:1',
        onError: () => ({ status: 503, body: source.body }),
      })
      client.send(get('/'))
      expect(await client.response()).toMatchObject({ status: 503, text: 'sorry', verdict: 'complete' })
      expect(await ended()).toMatchObject({ outcome: 'failed', errorType: 'connection_refused' })
    })

    test('of onError that fails before its first byte gives way to the plain text', async () => {
      const source = iterable([new Error('no')])
      const { client, ended, gateway } = await stage({
        upstream: 'http://127.0.0.1:1',
        onError: () => ({ status: 503, body: source.body }),
      })
      client.send(get('/'))
      expect((await client.response()).status).toBe(502)
      expect(await ended()).toMatchObject({ errorType: 'connection_refused' })
      expect(gateway.inFlight).toBe(0)
    })

    test.each([
      ['fails', () => ['some', new Error('no')], {}],
      ['stands still', plenty, { timeouts: { drain: 300 } }],
      ['says nothing', () => ['some', never()], { timeouts: { responseBody: 300 } }],
    ] as const)('of onError that %s after its head is broken off visibly', async (_, pieces, options) => {
      const source = iterable(pieces())
      const { client, ended, gateway } = await stage({
        ...options,
        upstream: 'http://127.0.0.1:1',
        onError: () => ({ status: 503, body: source.body }),
      })
      client.pause()
      client.send(get('/'))
      expect(await ended()).toMatchObject({ errorType: 'connection_refused', status: 503 })
      client.resume()
      expect(await wholeOf(client)).toBeUndefined()
      expect(gateway.inFlight).toBe(0)
    })

    test('of onError is let go of when its client leaves, or is gone', async () => {
      for (const [pieces, leave] of [
        [['some', 'more', never()], 8],
        [['some'], 0],
      ] as const) {
        const source = iterable(pieces)
        const { client, ended, gateway, origin } = await stage({
          ...(leave > 0 && { upstream: 'http://127.0.0.1:1' }),
          onError: () => ({ status: 503, body: source.body }),
        })
        client.send(get('/'))
        if (leave > 0) await (await client.responding()).body(leave)
        else await origin.request()
        client.reset()
        await ended()
        await expect.poll(() => source.letGo).toBe(1)
        expect(gateway.inFlight).toBe(0)
      }
    })

    test.each([
      ['responseBody', 504, 'gateway'],
      ['total', 504, 'gateway'],
    ] as const)('and says nothing is cut by timeouts.%s', async (phase, status, endedBy) => {
      const source = iterable([never()])
      const { client, ended } = await stage({ ...answered(source), timeouts: { [phase]: 200 } })
      client.send(get('/'))
      expect((await client.response()).status).toBe(status)
      const summary = await ended()
      expect([summary.error?.phase, summary.endedBy]).toEqual([phase, endedBy])
      expect(source.letGo).toBe(1)
    })

    test('is cut by timeouts.total', async () => {
      const { client, ended } = await stage({
        ...answered(generator(['some', never()])),
        timeouts: { total: 200 },
      })
      client.send(get('/'))
      expect((await client.response()).verdict).not.toBe('complete')
      expect((await ended()).error?.phase).toBe('total')
    })

    test('is cut when the gateway closes', async () => {
      for (const options of [
        answered(generator(['some', never()])),
        {
          upstream: 'http://127.0.0.1:1',
          onError: () => ({ status: 503, body: generator(['some', never()]).body }),
        },
      ]) {
        const { client, gateway } = await stage(options)
        client.send(get('/'))
        const incoming = await client.responding()
        await incoming.body(4)
        await gateway.close(0)
        expect((await incoming.done()).verdict).not.toBe('complete')
        expect(gateway.inFlight).toBe(0)
      }
    })

    test('is large, and arrives as it was sent', async () => {
      const pieces = Array.from({ length: 16 }, (_, i) => new Uint8Array(MiB / 4).fill(i))
      const { client } = await stage(answered(generator(pieces)))
      client.send(get('/'))
      const { body } = await client.response({ keep: 5 * MiB, within: 20_000 })
      expect(Buffer.concat(pieces).equals(body)).toBe(true)
    })

    test('waits behind another one in a pipeline', async () => {
      const first = Promise.withResolvers<string>()
      const { client } = await stage({
        upstream: ({ request }) => ({
          status: 200,
          body: generator(request.path === '/' ? ['first ', first.promise] : forAWhile()).body,
        }),
      })
      client.send(get('/') + get('/next'))
      const incoming = await client.responding()
      await incoming.body(6)
      first.resolve('whole')
      expect((await incoming.done()).text).toBe('first whole')
      expect((await client.response({ keep: 3 * MiB, within: 20_000 })).body.length).toBe(2 * MiB)
    })

    test('is a file, which is closed', async () => {
      const file = createReadStream(new URL(import.meta.url))
      const { client } = await stage({ upstream: () => ({ status: 200, body: file }) })
      client.send(get('/'))
      expect((await client.response()).text).toContain('which is closed')
      await expect.poll(() => file.closed).toBe(true)
    })

    test.each([
      ['GET', get('/'), 500],
      ['HEAD', head('HEAD / HTTP/1.1', 'Host: a'), 200],
    ])('of a file that is not there, to %s', async (method, request, status) => {
      const { client } = await stage({
        upstream: () => ({ status: 200, body: createReadStream('/nowhere/at/all') }),
      })
      client.send(request)
      expect((await client.response({ to: method })).status).toBe(status)
    })

    test('goes once: a second reply with it is 500', async () => {
      for (const make of [sources['a stream of Node'], sources['a stream of the Web'], generator]) {
        const { body } = (make as Make)(['once'])
        const { client } = await stage({ upstream: () => ({ status: 200, body }) })
        for (const status of [200, 500]) {
          client.send(get('/'))
          expect((await client.response()).status).toBe(status)
        }
      }
    })

    test('is sent for as long as its client listens, as the example in the documents', async () => {
      const { clock } = await example<{ clock: Choose }>('clock')
      const { client, ended, gateway } = await stage({ upstream: clock })
      client.send(get('/'))
      expect(String(await (await client.responding()).body(3))).toMatch(/^: t/)
      client.reset()
      expect(await ended()).toMatchObject({ outcome: 'aborted', endedBy: 'client' })
      expect(gateway.inFlight).toBe(0)
    })

    test('of something that can be iterated again goes again', async () => {
      const body = {
        async *[Symbol.asyncIterator]() {
          yield 'again'
        },
      }
      const { client } = await stage({ upstream: () => ({ status: 200, body }) })
      for (let i = 0; i < 2; i++) {
        client.send(get('/'))
        expect((await client.response()).text).toBe('again')
      }
    })

    test.each([
      ['a number', 1],
      ['an object', {}],
    ])('and yields %s is 500', async (_, piece) => {
      const { client } = await stage({ upstream: () => ({ status: 200, body: Readable.from([piece]) }) })
      client.send(get('/'))
      expect((await client.response()).status).toBe(500)
    })

    test('with a Content-Length that is no number is 500', async () => {
      const { client } = await stage(answered(generator(['a']), { 'Content-Length': 'one' }))
      client.send(get('/'))
      expect((await client.response()).status).toBe(500)
    })

    test('to HEAD keeps the Content-Length that it would have', async () => {
      const { client } = await stage(answered(generator(['abcd']), { 'Content-Length': '4' }))
      client.send(head('HEAD / HTTP/1.1', 'Host: a'))
      expect((await client.response({ to: 'HEAD' })).get('content-length')).toBe('4')
    })

    test('may be empty', async () => {
      const { client } = await stage(answered(generator([])))
      client.send(get('/') + get('/'))
      expect(await client.response()).toMatchObject({ status: 200, text: '', verdict: 'complete' })
    })

    test('reaches a client whose content nobody has read, and the connection ends', async () => {
      const { client } = await stage(answered(generator(['n', 'o'])))
      client.send(head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 100000'))
      const response = await client.response()
      expect([response.text, response.verdict, response.get('connection')]).toEqual([
        'no',
        'complete',
        'close',
      ])
    })

    test('refuses an upgrade', async () => {
      const { client, origin } = await stage({
        upstream: () => ({ status: 401, body: generator(['n', 'o']).body }),
      })
      client.send(get('/', 'Connection: Upgrade', 'Upgrade: websocket'))
      expect(await client.response()).toMatchObject({ status: 401, text: 'no', verdict: 'complete' })
      expect(origin.connections).toHaveLength(0)
    })

    test('that fails before its first byte ends an attempt, and a transport may make another', async () => {
      const { client, origin, ended } = await stage({
        transport: (_, next) => next({ to: 'http://127.0.0.1:1' }).catch(() => next()),
        upstream: ({ attempts }) => ({ status: 203, body: generator(attempts === 1 ? ['a', 'b'] : []).body }),
      })
      client.send(get('/'))
      expect(await client.response()).toMatchObject({ status: 203, text: 'ab' })
      expect(await ended()).toMatchObject({ outcome: 'completed', attempts: 1 })
      let failed = 0
      const { client: other } = await stage({
        transport: (_, next) =>
          next().catch(() => {
            failed++
            return next(origin.url)
          }),
        upstream: () => ({ status: 200, body: generator([new Error('no')]).body }),
      })
      other.send(get('/'))
      await (await origin.request()).send(reply('ok'))
      expect((await other.response()).text).toBe('ok')
      expect(failed).toBe(1)
    })
  })
}

/** The status of the response if it is a whole one. */
async function wholeOf(client: Client): Promise<number | undefined> {
  // What has not left yet may be dropped with its connection.
  const response = await client.response({ keep: 0 }).catch(() => undefined)
  return response?.verdict === 'complete' ? response.status : undefined
}

function* forAWhile(): Generator<Uint8Array> {
  for (let i = 0; i < 8; i++) yield new Uint8Array(MiB / 4)
}

/** Each comes when what was before it has left. */
function* oneByOne(pieces: readonly Piece[]): Generator<Piece> {
  for (const piece of pieces) yield typeof piece === 'string' ? later(piece) : piece
}

async function later(piece: string): Promise<string> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
  return piece
}

/** More than anybody takes unread. */
function* plenty(): Generator<Uint8Array> {
  for (let i = 0; i < 64; i++) yield new Uint8Array(MiB)
}

/** Nothing more is asked for. */
async function settled(source: Source): Promise<void> {
  let before = -1
  await expect
    .poll(
      () => {
        const same = before === source.pulled && before > 0
        before = source.pulled
        return same
      },
      { interval: 50 },
    )
    .toBe(true)
}
