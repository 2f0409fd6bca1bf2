/** What every gateway promises whoever embeds it, whatever its strategy. The wire is the suite's affair. */

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import tls from 'node:tls'
import { certificates } from '@relayrace/fixtures/certificates'
import { slice } from '@relayrace/fixtures/payloads'
import { type Bytes, connect, type Origin, startOrigin } from '@relayrace/fixtures/wire'
import type { Gateway, GatewayOptions, HttpGateway, Reply, Strategy } from '@relayrace/gateway'
import { endedInOrder, watchCloseNotify } from '@relayrace/gateway/strategy'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { get, head, reply, type Stage, stageFor } from './stage.ts'

const MiB = 1024 * 1024

/** After as long as another request is waited for before it is 504. */
async function untilTooLate(url: URL): Promise<void> {
  const other = await connect(url)
  onTestFinished(() => other.close())
  other.send(get('/slow'))
  expect((await other.response()).status).toBe(504)
}

export function promisesOf(create: Strategy): void {
  const stage = stageFor(create)

  describe('bodies', () => {
    const size = 8 * MiB + 1

    test('A1 a download arrives as it was sent', async () => {
      const { origin, client, ended } = await stage()
      client.send(get('/download'))
      const exchange = await origin.request()
      exchange.send(head('HTTP/1.1 200 OK', `Content-Length: ${size}`))
      const sent = sendPayload(exchange, size)
      const response = await client.response({ keep: 0, within: 20_000 })
      expect(response.verdict).toBe('complete')
      expect(response.sha256).toBe(await sent)
      expect(await ended()).toMatchObject({ outcome: 'completed', status: 200, responseBytes: size })
    })

    test.each([
      ['of known length', `Content-Length: ${size}`, (piece: Buffer): Bytes => piece, ''],
      ['in chunks', 'Transfer-Encoding: chunked', chunk, '0\r\n\r\n'],
    ])('A4 an upload %s arrives as it was sent', async (_, framing, frame, end) => {
      const { origin, client, ended } = await stage()
      client.send(head('POST /upload HTTP/1.1', 'Host: a', framing))
      const sent = sendPayload(client, size, frame)
      const exchange = await origin.request()
      const arrived = exchange.done({ within: 20_000 })
      const expected = await sent
      client.send(end)
      expect((await arrived).sha256).toBe(expected)
      exchange.send(reply('thanks'))
      expect((await client.response()).text).toBe('thanks')
      expect(await ended()).toMatchObject({ outcome: 'completed', requestBytes: size, responseBytes: 6 })
    })

    test('F4 a response with more fields than the limit is 502, and not cut', async () => {
      const { origin, client } = await stage()
      client.send(get('/'))
      const exchange = await origin.request()
      exchange.send(reply('ok', ...Array.from({ length: 1_010 }, (_, i) => `X-${i}: 1`)))
      expect((await client.response()).status).toBe(502)
    })

    test('F4 a long pipeline is answered in order, two requests at a time upstream', async () => {
      const { origin, client, gateway } = await stage()
      const count = 300
      // More than one read holds.
      for (let i = 0; i < count; i++) client.send(get(`/${i}`, `X: ${'x'.repeat(1_000)}`))
      let most = 0
      for (let i = 0; i < count; i++) {
        const exchange = await origin.request()
        most = Math.max(most, gateway.inFlight)
        exchange.send(reply(exchange.message.target))
      }
      for (let i = 0; i < count; i++) expect((await client.response()).text).toBe(`/${i}`)
      expect(most).toBeLessThanOrEqual(2)
    })

    test('A4 a GET keeps its body', async () => {
      const { origin, client } = await stage()
      client.send(`${head('GET / HTTP/1.1', 'Host: a', 'Content-Length: 5')}hello`)
      const { message } = await bodyOf(origin, 5)
      expect(message.text).toBe('hello')
    })
  })

  describe('heads', () => {
    test('A4 the request target goes on byte for byte', async () => {
      const { origin, client } = await stage()
      client.send(get('/a%2Fb/../c;d?e=%zz|f?'))
      expect((await origin.request()).message.target).toBe('/a%2Fb/../c;d?e=%zz|f?')
    })

    test('B1 nothing is invented but Via and where the request came from', async () => {
      const { origin, client } = await stage()
      client.send(get('/'))
      const { message } = await origin.request()
      const names = message.fields.map(([name]) => name.toLowerCase()).sort()
      expect(names).toEqual([
        'connection',
        'forwarded',
        'host',
        'via',
        'x-forwarded-for',
        'x-forwarded-host',
        'x-forwarded-proto',
      ])
    })

    test('B1 rewrite and modifyResponse have the last word', async () => {
      const { origin, client } = await stage({
        rewrite(out) {
          out.path = '/elsewhere'
          out.fields.set('X-Set', 'there')
        },
        async modifyResponse({ fields }) {
          fields.delete('Server')
          fields.set('X-Set', 'back')
        },
      })
      client.send(get('/'))
      const exchange = await origin.request()
      expect(exchange.message.target).toBe('/elsewhere')
      expect(exchange.message.get('x-set')).toBe('there')
      exchange.send(reply('ok', 'Server: secret/1.0'))
      const response = await client.response()
      expect(response.has('server')).toBe(false)
      expect(response.get('x-set')).toBe('back')
    })

    test.each([
      ['interimResponses', { interimResponses: 2 }],
      ['interimBytes', { interimBytes: 30 }],
    ])('F4 interim responses beyond limits.%s are 502', async (_, limits) => {
      const { origin, client, ended } = await stage({ limits })
      client.send(get('/'))
      const exchange = await origin.request()
      const hints = head('HTTP/1.1 103 Early Hints', 'Link: </a>')
      exchange.send(hints + hints + hints + reply('ok'))
      expect((await client.response()).status).toBe(502)
      expect(await ended()).toMatchObject({ errorType: 'http_response_header_section_size' })
    })

    test('A4 no interim response announces content (RFC 9110 §8.6)', async () => {
      const { origin, client } = await stage()
      client.send(get('/'))
      const exchange = await origin.request()
      exchange.send(head('HTTP/1.1 103 Early Hints', 'Link: </style.css>; rel=preload', 'Content-Length: 2'))
      const [hints] = await client.interim(1)
      expect(hints?.has('content-length')).toBe(false)
      exchange.send(reply('ok'))
      expect((await client.response()).text).toBe('ok')
    })
  })

  describe('ends', () => {
    test('E3 a client that leaves takes the upstream request with it, and is no error of anybody', async () => {
      const told: unknown[] = []
      const { origin, client, ended, gateway } = await stage({
        onError(error) {
          told.push(error.type)
          return undefined
        },
      })
      client.send(get('/'))
      const exchange = await origin.request()
      client.close()
      await exchange.connection.ended()
      expect(await ended()).toMatchObject({ outcome: 'aborted', status: 499, endedBy: 'client' })
      expect(gateway.inFlight).toBe(0)
      expect(told).toEqual(['client_closed'])
    })

    test('E3 a client that leaves in the middle of its upload leaves no whole request behind', async () => {
      const { origin, client, ended } = await stage()
      client.send(`${head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')}5\r\nhello\r\n`)
      const exchange = await origin.request()
      await exchange.body(5)
      client.reset()
      expect((await exchange.done()).verdict).toBe('incomplete')
      expect((await ended()).outcome).toBe('aborted')
    })

    test.each([
      ['of known length', 'Content-Length: 10', 'begun'],
      ['in chunks', 'Transfer-Encoding: chunked', '5\r\nbegun\r\n'],
    ])('A8 a response %s that breaks off looks broken (RFC 9112 §8)', async (_, framing, part) => {
      const { origin, client, ended } = await stage()
      client.send(get('/'))
      const exchange = await origin.request()
      exchange.send(head('HTTP/1.1 200 OK', framing) + part)
      const incoming = await client.responding()
      await incoming.body(5)
      exchange.connection.end()
      expect((await incoming.done()).verdict).toBe('incomplete')
      expect(await ended()).toMatchObject({ errorType: 'http_response_incomplete', endedBy: 'upstream' })
    })

    test('A8 a response that ends with its connection looks broken after a reset (RFC 9112 §8)', async () => {
      const { origin, client, ended } = await stage()
      client.send(get('/'))
      const exchange = await origin.request()
      exchange.send(`${head('HTTP/1.1 200 OK', 'Connection: close')}begun`)
      const incoming = await client.responding()
      await incoming.body(5)
      exchange.connection.reset()
      expect((await incoming.done()).verdict).toBe('incomplete')
      expect(await ended()).toMatchObject({ errorType: 'http_response_incomplete', endedBy: 'upstream' })
    })

    describe('over TLS', () => {
      async function secure(options: Partial<GatewayOptions> = {}): Promise<Stage> {
        const { ca, server } = await certificates()
        return stage({ tls: { ca }, ...options }, server)
      }

      test.each([
        ['', false],
        [', nor with all of it in one piece', true],
      ])(
        'a response without a length is not complete without close_notify (RFC 9112 §9.8)%s',
        async (_, atOnce) => {
          const { origin, client, ended } = await secure()
          client.send(get('/'))
          const exchange = await origin.request()
          const sent = exchange.send(`${head('HTTP/1.1 200 OK', 'Connection: close')}begun`)
          const incoming = atOnce ? undefined : await client.responding()
          await incoming?.body(5)
          await sent
          // TCP ends, TLS does not.
          exchange.connection.close()
          const { status, verdict } = await (incoming ?? (await client.responding())).done()
          expect([status, verdict]).toEqual(status === 502 ? [502, 'complete'] : [200, 'incomplete'])
          expect(await ended()).toMatchObject({ errorType: 'http_response_incomplete', endedBy: 'upstream' })
        },
      )

      test('and with it is complete', async () => {
        const { origin, client, ended } = await secure()
        client.send(get('/'))
        const exchange = await origin.request()
        await exchange.send(`${head('HTTP/1.1 200 OK', 'Connection: close')}whole`)
        exchange.connection.end()
        const response = await client.response()
        expect([response.verdict, response.text]).toEqual(['complete', 'whole'])
        expect((await ended()).outcome).toBe('completed')
      })

      test('a client of HTTP/1.0, whose response ends with its connection, sees a reset', async () => {
        const { origin, client } = await secure()
        client.send(head('GET / HTTP/1.0'))
        const exchange = await origin.request()
        await exchange.send(`${head('HTTP/1.1 200 OK', 'Connection: close')}begun`)
        const incoming = await client.responding()
        await incoming.body(5)
        exchange.connection.close()
        expect(await client.ended()).toBe('reset')
      })

      test.each([
        ['of known length', `Content-Length: ${MiB}`, (piece: Buffer): Bytes => piece, ''],
        ['in chunks', 'Transfer-Encoding: chunked', chunk, '0\r\n\r\n'],
      ])(
        'a response %s is complete without, although its client reads late',
        async (_, framing, frame, end) => {
          const { origin, client, ended } = await secure()
          client.pause()
          client.send(get('/'))
          const exchange = await origin.request()
          exchange.send(head('HTTP/1.1 200 OK', framing, 'Connection: close'))
          const sent = await sendPayload(exchange, MiB, frame)
          await exchange.send(end)
          exchange.connection.close()
          client.resume()
          const response = await client.response({ keep: 0, within: 20_000 })
          expect(response.verdict).toBe('complete')
          expect(response.sha256).toBe(sent)
          expect((await ended()).outcome).toBe('completed')
        },
      )

      test.each([
        ['of known length', 'complete', 30_000, 'Content-Length: 30000'],
        ['that a parser is held back from', 'complete', 66_000, 'Content-Length: 66000\r\nConnection: close'],
        ['without a length', 'incomplete', 30_000, 'Connection: close'],
      ])(
        'a response %s whose connection is gone before its head is written is %s',
        async (_, verdict, size, framing) => {
          const gone = Promise.withResolvers<void>()
          const { origin, client, gateway } = await secure({ modifyResponse: () => gone.promise })
          client.send(get('/'))
          const exchange = await origin.request()
          await exchange.send(head('HTTP/1.1 200 OK', framing) + 'x'.repeat(size))
          exchange.connection.close()
          // One on raw sockets reads no further than it can pass on.
          if (isHttpGateway(gateway)) await expect.poll(() => gateway.pool.connections).toBe(0)
          gone.resolve()
          const response = await client.response()
          if (response.status === 200) expect(response.verdict).toBe(verdict)
          else expect([response.status, verdict]).toEqual([502, 'incomplete'])
        },
      )

      test('an idle connection that ends without is replaced', async () => {
        const { origin, client, summaries, gateway } = await secure()
        for (const target of ['/1', '/2', '/3']) {
          client.send(`${head(`POST ${target} HTTP/1.1`, 'Host: a', 'Content-Length: 2')}hi`)
          const exchange = await origin.request()
          await exchange.body(2)
          exchange.send(reply(target))
          expect((await client.response()).text).toBe(target)
          const { connection } = exchange
          connection.close()
          await expect.poll(() => gateway.pool.connections).toBe(0)
        }
        expect(origin.connections).toHaveLength(3)
        expect(summaries.map(({ outcome }) => outcome)).toEqual(['completed', 'completed', 'completed'])
      })

      test('a tunnel passes such an end on as an end: what is in it knows its own', async () => {
        const { origin, client, ended } = await secure()
        client.send(get('/', 'Connection: Upgrade', 'Upgrade: echo'))
        const exchange = await origin.request()
        await exchange.send(
          `${head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: echo')}bye`,
        )
        exchange.connection.close()
        expect((await client.response()).status).toBe(101)
        expect(String(await client.take(3))).toBe('bye')
        expect(await client.ended()).toBe('fin')
        client.end()
        expect(await ended()).toMatchObject({ status: 101, outcome: 'completed' })
      })
    })

    test.each([
      ['response without a length', head('GET / HTTP/1.0'), head('HTTP/1.1 200 OK', 'Connection: close')],
      [
        'tunnel',
        get('/', 'Connection: Upgrade', 'Upgrade: echo'),
        head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: echo'),
      ],
    ])('a %s that breaks off does not end in order for a client over TLS', async (_, request, answer) => {
      const { origin, gateway } = await stage()
      const { ca, server } = await certificates()
      const { url } = await gateway.listen({ tls: server })
      const client = watchCloseNotify(tls.connect({ host: '127.0.0.1', port: Number(url.port), ca }))
      onTestFinished(() => {
        client.destroy()
      })
      client.write(request)
      const exchange = await origin.request()
      await exchange.send(`${answer}begun`)
      let received = ''
      for await (const piece of client) {
        received += piece
        if (received.endsWith('begun')) exchange.connection.reset()
      }
      expect(endedInOrder(client)).toBe(false)
    })

    test.each([['with a protocol', 'Connection: Upgrade', 'Upgrade: other'], ['that says nothing']])(
      'A8 a change of protocol that nobody asked for, %s: 502 (RFC 9110 §7.8)',
      async (_, ...fields) => {
        const { origin, client } = await stage()
        client.send(get('/'))
        ;(await origin.request()).send(head('HTTP/1.1 101 Switching Protocols', ...fields))
        expect((await client.response()).status).toBe(502)
      },
    )

    test.each([
      ['an upgrade', `${get('/2', 'Connection: Upgrade', 'Upgrade: echo')}`],
      ['a CONNECT', head('CONNECT a:1 HTTP/1.1', 'Host: a:1')],
    ])('F3 %s behind a request in a pipeline does not overtake its answer', async (_, second) => {
      const { origin, client, gateway } = await stage()
      client.send(get('/1') + second)
      const first = await origin.request()
      expect(first.message.target).toBe('/1')
      first.send(reply('first'))
      expect((await client.response()).text).toBe('first')
      client.close()
      await expect.poll(() => gateway.inFlight).toBe(0)
    })

    test('A8 no response head in time: 504, and the connection goes on', async () => {
      const { origin, client, ended } = await stage({ timeouts: { responseHead: 50 } })
      client.send(get('/slow'))
      const exchange = await origin.request()
      expect((await client.response()).status).toBe(504)
      await exchange.connection.ended()
      expect((await ended()).errorType).toBe('http_response_timeout')
      client.send(get('/quick'))
      ;(await origin.request()).send(reply('ok'))
      expect((await client.response()).text).toBe('ok')
    })

    test.each<[string, Partial<GatewayOptions>]>([
      ['as it comes', {}],
      [
        'changed by a hook',
        { rewrite: (out) => void Object.assign(out, { content: (source: unknown) => source }) },
      ],
      ['kept', { limits: { replay: 100 } }],
    ])(
      'A8 a response head that came before the end of the request is not waited for again: content %s',
      async (_, options) => {
        const { origin, client, url } = await stage({ ...options, timeouts: { responseHead: 1_000 } })
        client.send(`${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 10')}begun`)
        const exchange = await origin.request()
        await exchange.body(5)
        await exchange.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}begun`)
        const incoming = await client.responding()
        await incoming.body(5)
        await client.send('ended')
        await exchange.done()
        await untilTooLate(url)
        await exchange.send('ended')
        expect(await incoming.done()).toMatchObject({ verdict: 'complete', text: 'begunended' })
      },
    )

    test('A8 nor when modifyResponse has thought of it until then', async () => {
      const { promise: thought, resolve: goOn } = Promise.withResolvers<undefined>()
      const { origin, client, url } = await stage({
        timeouts: { responseHead: 1_000 },
        modifyResponse: () => thought,
      })
      client.send(`${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 10')}begun`)
      const exchange = await origin.request()
      await exchange.body(5)
      await exchange.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}begun`)
      await client.send('ended')
      await exchange.done()
      goOn(undefined)
      const incoming = await client.responding()
      await incoming.body(5)
      await untilTooLate(url)
      await exchange.send('ended')
      expect(await incoming.done()).toMatchObject({ verdict: 'complete', text: 'begunended' })
    })

    test('E2 silence in the response body beyond the limit breaks it off', async () => {
      const { origin, client, ended } = await stage({ timeouts: { responseBody: 50 } })
      client.send(get('/'))
      ;(await origin.request()).send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}begun`)
      expect((await client.response()).verdict).toBe('incomplete')
      expect((await ended()).errorType).toBe('connection_read_timeout')
    })

    test('E2 silence in the request body beyond the limit is 408', async () => {
      const { origin, client, ended } = await stage({ timeouts: { requestBody: 50 } })
      client.send(`${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 10')}begun`)
      await origin.request()
      expect((await client.response()).status).toBe(408)
      expect(await ended()).toMatchObject({ endedBy: 'client' })
    })

    test('F4 a body beyond its limit is 413, and never looks whole upstream', async () => {
      const { origin, client } = await stage({ limits: { requestBody: 8 } })
      client.send(`${head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')}5\r\nhello\r\n`)
      const exchange = await origin.request()
      client.send('5\r\nhello\r\n0\r\n\r\n')
      expect((await client.response()).status).toBe(413)
      expect((await exchange.done()).verdict).toBe('incomplete')
    })

    test('A8 a hook that throws on the response closes the upstream: 502', async () => {
      const { origin, client } = await stage({
        modifyResponse() {
          throw new Error('no')
        },
      })
      client.send(get('/'))
      const exchange = await origin.request()
      exchange.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10', 'X-From: origin')}begun`)
      const response = await client.response()
      expect(response.status).toBe(502)
      expect(response.has('x-from')).toBe(false)
      await exchange.connection.ended()
    })

    test('B1 onError may answer', async () => {
      const { client } = await stage({
        upstream: `http://127.0.0.1:${closedPort}`,
        onError: ({ type }) => ({ status: 503, fields: { 'X-Why': type }, body: 'later' }),
      })
      client.send(get('/'))
      const response = await client.response()
      expect([response.status, response.get('x-why'), response.text]).toEqual([
        503,
        'connection_refused',
        'later',
      ])
    })

    test.each<[string, unknown]>([
      ['returns a promise', Promise.resolve({ status: 503 })],
      ['returns a reply without a status', { body: 'x' }],
      ['returns a status that is none', { status: 101 }],
      ['returns an object for a body', { status: 503, body: { a: 1 } }],
      ['returns a field with a line break', { status: 503, fields: { 'X-Why': 'a\n' } }],
      ['returns a number', 7],
    ])('B1 the plain answer is sent if onError %s, and one warning', async (_, returned) => {
      const { client, ended } = await stage({
        upstream: `http://127.0.0.1:${closedPort}`,
        onError: () => returned as Reply,
      })
      const warnings = warningsFrom('onError')
      client.send(get('/1'))
      const response = await client.response()
      expect([response.status, response.has('x-why')]).toEqual([502, false])
      expect(response.text).not.toBe('')
      expect(await ended()).toMatchObject({ status: 502, errorType: 'connection_refused' })
      client.send(get('/2'))
      expect((await client.response()).status).toBe(502)
      await ended(2)
      expect(await warnings()).toHaveLength(1)
    })

    test('B1 the plain answer is sent if onError throws or rejects, and one warning', async () => {
      for (const onError of [
        (): never => {
          throw new Error('no')
        },
        async (): Promise<never> => {
          throw new Error('no')
        },
      ]) {
        const { client, ended } = await stage({
          upstream: `http://127.0.0.1:${closedPort}`,
          onError: onError as never,
        })
        const warnings = warningsFrom('onError')
        client.send(get('/'))
        expect((await client.response()).status).toBe(502)
        await ended()
        expect(await warnings()).toHaveLength(1)
      }
    })

    test.each<[string, () => void]>([
      [
        'throws',
        () => {
          throw new Error('no')
        },
      ],
      ['rejects', (() => Promise.reject(new Error('no'))) as () => void],
    ])('an onEnd that %s harms no exchange, and is warned of once', async (_, onEnd) => {
      const origin = await startOrigin()
      onTestFinished(() => origin[Symbol.asyncDispose]())
      const gateway = create({ upstream: origin.url, onEnd })
      onTestFinished(() => gateway.close(0))
      const client = await connect((await gateway.listen()).url)
      onTestFinished(() => client.close())
      const warnings = warningsFrom('onEnd')
      for (const target of ['/1', '/2']) {
        client.send(get(target))
        ;(await origin.request()).send(reply(target))
        expect((await client.response()).text).toBe(target)
      }
      await expect.poll(() => gateway.inFlight).toBe(0)
      expect(await warnings()).toHaveLength(1)
    })
  })

  describe('connections', () => {
    test.each(['X-Forwarded-Prefix', 'x-forwarded-ssl', 'X_Forwarded_For', 'X_Real-IP', 'X-Forwarded-User'])(
      'nobody can say by %s who they are, in a head or in trailers',
      async (name) => {
        const { origin, client } = await stage()
        const asked = head('POST / HTTP/1.1', 'Host: a', `${name}: forged`, 'Transfer-Encoding: chunked')
        client.send(`${asked}0\r\n${name}: forged\r\nX-T: 1\r\n\r\n`)
        const exchange = await origin.request()
        const message = await exchange.done()
        expect(message.head).not.toContain('forged')
        expect(JSON.stringify(message.trailers)).not.toContain('forged')
        exchange.send(reply('ok'))
        expect((await client.response()).text).toBe('ok')
      },
    )

    test.each<[string, unknown, string]>([
      ['a number', 8080, 'listen takes an object: listen({ port: 8080 })'],
      ['null', null, 'listen takes an object: listen({ port: 8080 })'],
      ['a name that is misspelt', { prt: 8081 }, 'Unknown option listen.prt. Did you mean listen.port?'],
      ['text for a port', { port: '8081' }, 'Option listen.port has to be a number'],
      ['an option of TLS that is misspelt', { tls: { crt: '' } }, 'Did you mean listen.tls.cert?'],
    ])('listen with %s says what it takes', async (_, where, message) => {
      const { gateway } = await stage()
      await expect(gateway.listen(where as never)).rejects.toThrow(message)
    })

    test('listen takes what is undefined for what is left out', async () => {
      const { gateway } = await stage()
      await using listener = await gateway.listen({ port: undefined, host: undefined } as never)
      expect(listener.url.hostname).toBe('127.0.0.1')
    })

    test('E1 an upstream connection is used again', async () => {
      const { origin, client } = await stage()
      for (const target of ['/1', '/2', '/3']) {
        client.send(get(target))
        ;(await origin.request()).send(reply(target))
        expect((await client.response()).text).toBe(target)
      }
      expect(origin.connections).toHaveLength(1)
    })

    test('E1 one that went stale is replaced for a GET (RFC 9112 §9.3.1)', async () => {
      const { origin, client } = await stage()
      client.send(get('/1'))
      ;(await origin.request()).send(reply('1'))
      await client.response()
      client.send(get('/2'))
      const stale = await origin.request()
      stale.connection.reset()
      const fresh = await origin.request()
      expect(fresh.message.target).toBe('/2')
      fresh.send(reply('2'))
      expect((await client.response()).text).toBe('2')
    })

    test('E1 and sent once more, not over one stale connection after the other', async () => {
      const { origin, url, client } = await stage()
      const others = await Promise.all([connect(url), connect(url), connect(url)])
      for (const other of others) other.send(get('/'))
      const exchanges = await Promise.all(others.map(() => origin.request()))
      for (const exchange of exchanges) exchange.send(reply('ok'))
      await Promise.all(others.map((other) => other.response()))
      client.send(get('/poison'))
      const first = await origin.request()
      first.connection.close()
      const second = await origin.request()
      second.connection.close()
      expect((await client.response()).status).toBe(502)
      expect(origin.requests.filter(({ target }) => target === '/poison')).toHaveLength(2)
      // The others that were idle then may be as stale.
      expect(second.connection.requests).toHaveLength(1)
      for (const other of others) other.close()
    })

    test('F4 empty lines between two requests do not keep a connection open', async () => {
      const { origin, client } = await stage({ timeouts: { idle: 300, requestHead: 300 } })
      client.send(get('/'))
      ;(await origin.request()).send(reply('ok'))
      await client.response()
      const more = setInterval(() => client.send('\r\n'), 20)
      onTestFinished(() => clearInterval(more))
      expect(await client.ended({ within: 20_000 })).toMatch(/^(?:fin|reset)$/)
    })

    test('E1 and for no POST', async () => {
      const { origin, client, ended } = await stage()
      client.send(get('/1'))
      ;(await origin.request()).send(reply('1'))
      await client.response()
      client.send(`${head('POST /2 HTTP/1.1', 'Host: a', 'Content-Length: 2')}hi`)
      const stale = await origin.request()
      await stale.body(2)
      stale.connection.reset()
      expect((await client.response()).status).toBe(502)
      expect((await ended(2)).errorType).toBe('connection_terminated')
      expect(origin.requests).toHaveLength(2)
    })

    test('E1 nor for a POST without content', async () => {
      const { origin, client, ended } = await stage()
      client.send(get('/1'))
      ;(await origin.request()).send(reply('1'))
      await client.response()
      client.send(head('POST /2 HTTP/1.1', 'Host: a'))
      ;(await origin.request()).connection.reset()
      expect((await client.response()).status).toBe(502)
      expect((await ended(2)).errorType).toBe('connection_terminated')
      expect(origin.requests).toHaveLength(2)
    })

    test('B4 no more than the pool may have', async () => {
      const { origin, client, url } = await stage({ pool: { connections: 1 } })
      const other = await connect(url)
      onTestFinished(() => other.close())
      client.send(get('/1'))
      const first = await origin.request()
      other.send(get('/2'))
      first.send(reply('1'))
      await client.response()
      ;(await origin.request()).send(reply('2'))
      expect((await other.response()).text).toBe('2')
      expect(origin.connections).toHaveLength(1)
    })

    test('a Unix domain socket will do', async () => {
      const socketPath = path.join(
        tmpdir(),
        `relayrace-${process.pid}-${Math.random().toString(36).slice(2)}`,
      )
      const server = createServer((request, response) => response.end(request.headers.host))
      server.listen(socketPath)
      await once(server, 'listening')
      onTestFinished(() => void server.close())
      const { client } = await stage({ upstream: { socketPath, host: 'inside' } })
      client.send(get('/'))
      expect((await client.response()).text).toBe('inside')
    })

    test('B3 a tunnel carries both directions, and what came too early', async () => {
      const { origin, client, ended } = await stage()
      client.send(`${get('/', 'Connection: Upgrade', 'Upgrade: echo')}early`)
      const exchange = await origin.request()
      expect(exchange.message.get('upgrade')).toBe('echo')
      exchange.send(
        `${head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: echo')}first`,
      )
      expect((await client.response()).status).toBe(101)
      expect(String(await client.take(5))).toBe('first')
      expect(String(await exchange.connection.take(5))).toBe('early')
      client.end()
      await exchange.connection.ended()
      exchange.connection.end()
      expect(await ended()).toMatchObject({
        status: 101,
        outcome: 'completed',
        requestBytes: 5,
        responseBytes: 5,
      })
    })

    const wish = get('/', 'Connection: Upgrade', 'Upgrade: Echo')
    const wishWithContent = head(
      'POST / HTTP/1.1',
      'Host: a',
      'Connection: Upgrade',
      'Upgrade: Echo',
      'Content-Length: 5',
    )
    const agreed = head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: Echo')

    test.each([
      ['is refused', `${head('HTTP/1.1 404 No', 'Content-Length: 2')}no`, 404],
      ['meets an origin that hangs up', undefined, 502],
      // Not of this connection, as Connection does not name it: Go and Node's parser see no change in it either.
      ['is agreed to by no option of the connection', head('HTTP/1.1 101 Yes', 'Upgrade: Echo'), 502],
    ])('B3 an upgrade that %s ends, whatever comes behind it', async (_, answer, status) => {
      const { origin, client, gateway, ended } = await stage()
      client.send(wish)
      const exchange = await origin.request()
      client.send('the other protocol\r\n\r\n')
      if (answer === undefined) exchange.connection.reset()
      else exchange.send(answer)
      expect((await client.response()).status).toBe(status)
      await ended()
      expect(gateway.inFlight).toBe(0)
      expect(await client.ended()).toBeDefined()
    })

    test('E3 a client that leaves before the answer to its upgrade ends it, whatever the origin says', async () => {
      const { origin, client, gateway, ended } = await stage()
      client.send(wish)
      const exchange = await origin.request()
      client.close()
      exchange.send(`${agreed}hello`)
      await ended()
      await exchange.connection.ended()
      expect(gateway.inFlight).toBe(0)
    })

    test('E3 a client that resets within the content of its upgrade ends it, and nothing else', async () => {
      const { origin, client, gateway, ended } = await stage()
      client.send(`${wishWithContent}he`)
      const exchange = await origin.request()
      client.reset()
      expect(await ended()).toMatchObject({ outcome: 'aborted' })
      await exchange.connection.ended()
      expect(gateway.inFlight).toBe(0)
    })

    test('E3 a client that resets while its CONNECT waits in a pipeline ends what came before, and nothing else', async () => {
      const { origin, client, gateway, ended } = await stage()
      client.send(`${get('/')}${head('CONNECT a:1 HTTP/1.1', 'Host: a:1')}`)
      const exchange = await origin.request()
      client.reset()
      expect(await ended()).toMatchObject({ outcome: 'aborted' })
      await exchange.connection.ended()
      expect(gateway.inFlight).toBe(0)
    })

    test('B3 many upgrades that are not tunnelled on one connection leave no listener behind', async () => {
      const warned = vi.fn()
      process.on('warning', warned)
      onTestFinished(() => {
        process.off('warning', warned)
      })
      const { origin, client } = await stage()
      for (let count = 0; count < 12; count++) {
        client.send(get('/', 'Connection: Upgrade', 'Upgrade: h2c'))
        ;(await origin.request()).send(reply('ok'))
        expect((await client.response()).status).toBe(200)
      }
      expect(warned).not.toHaveBeenCalled()
    })

    test('B3 an upgrade to h2c/1 is offered to nobody either', async () => {
      const { origin, client } = await stage()
      client.send(get('/', 'Connection: Upgrade', 'Upgrade: h2c/1'))
      expect((await origin.request()).message.has('upgrade')).toBe(false)
    })

    test('B3 an upgrade is offered as it was spelled', async () => {
      const { origin, client } = await stage()
      client.send(wish)
      const exchange = await origin.request()
      expect(exchange.message.get('upgrade')).toBe('Echo')
      exchange.send(agreed)
      const response = await client.response()
      expect([response.status, response.get('upgrade')]).toEqual([101, 'Echo'])
    })

    test.each([
      ['client', 'plain', ''],
      ['origin', 'plain', ''],
      ['client', 'over TLS', ''],
      ['origin', 'over TLS', ''],
      ['client', 'plain', 'content'],
      ['origin', 'plain', 'content'],
      ['client', 'over TLS', 'content'],
      ['origin', 'over TLS', 'content'],
    ])(
      'B3 a tunnel that the %s ends first, %s, goes on in the other direction %s',
      async (first, how, content) => {
        const { ca, server } = await certificates()
        const secure = how === 'over TLS'
        const { origin, gateway, ended } = secure ? await stage({ tls: { ca } }, server) : await stage()
        const { url } = await gateway.listen(secure ? { tls: server } : {})
        const client = await connect(url)
        onTestFinished(() => client.close())
        client.send(content === '' ? wish : wishWithContent)
        const exchange = await origin.request()
        if (content !== '') client.send('hello')
        await exchange.done()
        exchange.send(agreed)
        expect((await client.response()).status).toBe(101)
        const [one, other] =
          first === 'client' ? [client, exchange.connection] : [exchange.connection, client]
        one.send('bye')
        one.end()
        expect(String(await other.take(3))).toBe('bye')
        await other.ended()
        other.send('late')
        expect(String(await one.take(4))).toBe('late')
        other.end()
        expect(await ended()).toMatchObject({ status: 101, outcome: 'completed' })
      },
    )

    test.each([
      ['the origin resets', 'client'],
      ['the client resets', 'origin'],
      ['the gateway gives up', 'client'],
    ])('a tunnel that %s does not end in order for the %s', async (cause, left) => {
      const { origin, client, ended } = await stage({
        timeouts: { tunnel: cause === 'the gateway gives up' ? 50 : Infinity },
      })
      client.send(get('/', 'Connection: Upgrade', 'Upgrade: echo'))
      const exchange = await origin.request()
      await exchange.send(
        `${head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: echo')}first`,
      )
      expect((await client.response()).status).toBe(101)
      expect(String(await client.take(5))).toBe('first')
      if (cause === 'the origin resets') exchange.connection.reset()
      if (cause === 'the client resets') client.reset()
      expect(await (left === 'client' ? client : exchange.connection).ended()).toBe('reset')
      await ended()
    })

    test('B3 timeouts.total is the time of a tunnel too, whatever moves in it', async () => {
      const { origin, client, ended } = await stage({ timeouts: { total: 500 } })
      client.send(wish)
      const exchange = await origin.request()
      await exchange.send(`${agreed}first`)
      expect((await client.response()).status).toBe(101)
      expect(String(await client.take(5))).toBe('first')
      expect(await client.ended()).toBe('reset')
      expect(await exchange.connection.ended()).toBe('reset')
      const summary = await ended()
      expect([summary.status, summary.outcome, summary.error?.phase]).toEqual([101, 'failed', 'total'])
    })
  })

  describe('life', () => {
    test('B7 mounts in a server of somebody else', async ({ skip }) => {
      const { origin, gateway } = await stage()
      if (!isHttpGateway(gateway)) return skip('it has no handler for node:http')
      const server = createServer(gateway.handle).listen(0, '127.0.0.1')
      await once(server, 'listening')
      onTestFinished(() => void server.close())
      const client = await connect(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
      onTestFinished(() => client.close())
      client.send(get('/mounted'))
      ;(await origin.request()).send(reply('ok'))
      expect((await client.response()).text).toBe('ok')
    })

    test('closing waits for what is in flight, and happens once', async () => {
      const { origin, client, gateway } = await stage()
      client.send(get('/'))
      const exchange = await origin.request()
      const closed = gateway.close()
      expect(gateway.close()).toBe(closed)
      expect(gateway.inFlight).toBe(1)
      exchange.send(reply('last'))
      const response = await client.response()
      expect([response.text, response.get('connection')]).toEqual(['last', 'close'])
      await closed
      expect(gateway.inFlight).toBe(0)
      await exchange.connection.ended()
    })

    test('closing waits for ever if that is wanted', async () => {
      const { origin, client, gateway } = await stage()
      client.send(get('/'))
      const exchange = await origin.request()
      const closed = gateway.close(Number.POSITIVE_INFINITY)
      exchange.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nla')
      const arriving = await client.responding()
      await arriving.body(2)
      exchange.send('st')
      expect((await arriving.done()).text).toBe('last')
      await closed
    })

    test('closing without grace cuts it off', async () => {
      const { origin, client, gateway, ended } = await stage()
      client.send(get('/'))
      const exchange = await origin.request()
      await gateway.close(0)
      await exchange.connection.ended()
      expect((await client.response()).status).toBe(503)
      expect((await ended()).endedBy).toBe('gateway')
    })

    test('an option that makes no sense is an error at once, and says which', () => {
      const upstream = 'http://127.0.0.1'
      expect(() => create({ upstream, timeouts: { responseHead: -1 } })).toThrow('timeouts.responseHead')
      expect(() => create({ upstream: 'ftp://127.0.0.1' })).toThrow('ftp:')
    })
  })
}

const isHttpGateway = (gateway: Gateway): gateway is HttpGateway => 'handle' in gateway

const chunk = (piece: Buffer): Bytes =>
  Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')])

async function bodyOf(origin: Origin, bytes: number): Promise<Awaited<ReturnType<Origin['request']>>> {
  const exchange = await origin.request()
  await exchange.body(bytes)
  return exchange
}

/** @returns the SHA-256 of what was sent. */
async function sendPayload(
  to: { send(bytes: Bytes): Promise<boolean> },
  size: number,
  frame: (piece: Buffer) => Bytes = (piece) => piece,
): Promise<string> {
  const hash = createHash('sha256')
  for (let position = 0; position < size; position += MiB) {
    const piece = slice(position, Math.min(MiB, size - position))
    hash.update(piece)
    await to.send(frame(piece))
  }
  return hash.digest('hex')
}

/** Nobody listens there, and no program is given it by chance. */
const closedPort = 1

/** Collects warnings about a hook from now on; the function waits until those of this turn have been told. */
function warningsFrom(hook: string): () => Promise<string[]> {
  const told: string[] = []
  const note = ({ name, message }: Error): void => {
    if (name === 'RelayraceWarning' && message.startsWith(hook)) told.push(message)
  }
  process.on('warning', note)
  onTestFinished(() => {
    process.off('warning', note)
  })
  return async () => {
    await new Promise(setImmediate)
    return told
  }
}
