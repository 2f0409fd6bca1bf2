/** What is required of every strategy, by the letter of the requirement, as far as `strategy.ts` has it not. */

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net'
import { certificates } from '@relayrace/fixtures/certificates'
import { connect, type Exchange, startOrigin } from '@relayrace/fixtures/wire'
import {
  type Fields,
  GatewayError,
  type GatewayOptions,
  preserveHost,
  type Strategy,
  setForwarded,
} from '@relayrace/gateway'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { get, head, reply, type Stage, stageFor } from './stage.ts'
import { wrappedTransportsOf } from './wrapped.ts'

const MiB = 1024 * 1024

export function requirementsOf(create: Strategy): void {
  const stage = stageFor(create)

  describe('A3 the copy loop has a bounded buffer', () => {
    test('a client that reads nothing holds the origin back, and after `drain` is given up', async () => {
      const { origin, client, ended } = await stage({ timeouts: { drain: 300 } })
      client.pause()
      client.send(get('/'))
      const exchange = await origin.request()
      exchange.send(head('HTTP/1.1 200 OK', `Content-Length: ${256 * MiB}`))
      for (let sent = 0; sent < 256 && exchange.connection.open; sent++) {
        if (!(await exchange.send(Buffer.alloc(MiB)))) break
      }
      const { outcome, responseBytes, error } = await ended()
      expect([outcome, error?.phase]).toEqual(['failed', 'drain'])
      // What the kernel takes of whoever sends on a connection, of which there are two, and buffers of a fixed size.
      const kernel = await sendBuffer()
      expect(responseBytes).toBeLessThan(kernel + 2 * MiB)
      expect(exchange.connection.sent).toBeLessThan(2 * kernel + 4 * MiB)
    })
  })

  describe('A4 request and response go on', () => {
    test('method, path, query, fields and body; status and end-to-end fields', async () => {
      const { origin, client } = await stage()
      client.send(`${head('PATCH /a/b?c=d&e HTTP/1.1', 'Host: a', 'X-A: 1', 'Content-Length: 5')}hello`)
      const exchange = await origin.request()
      await exchange.body(5)
      const { method, target, text } = exchange.message
      expect([method, target, text, exchange.message.get('x-a')]).toEqual([
        'PATCH',
        '/a/b?c=d&e',
        'hello',
        '1',
      ])
      const fields = [
        'Content-Type: text/plain',
        'Content-Disposition: attachment; filename="a.txt"',
        'Last-Modified: Sat, 01 Jan 2022 00:00:00 GMT',
        'ETag: "x"',
        'Cache-Control: max-age=1',
        'Content-Range: bytes 0-4/10',
      ]
      exchange.send(`${head('HTTP/1.1 206 Part', 'Content-Length: 5', ...fields)}hello`)
      const response = await client.response()
      expect([response.status, response.reason, response.text]).toEqual([206, 'Part', 'hello'])
      for (const field of fields) {
        const [name = '', value] = field.split(': ')
        expect(response.all(name)).toEqual([value])
      }
    })
  })

  describe('A6 Content-Length passes when it is known', () => {
    test('what ends with its connection becomes chunks', async () => {
      const { origin, client } = await stage()
      client.send(get('/'))
      const { send, connection } = await origin.request()
      await send(`${head('HTTP/1.1 200 OK', 'Connection: close')}ok`)
      connection.end()
      const response = await client.response()
      expect([response.text, response.all('content-length'), response.framing]).toEqual(['ok', [], 'chunked'])
    })
  })

  describe('A7 a deadline on the upstream exchange', () => {
    test('504 when it has passed, and the upstream request is gone', async () => {
      const { origin, client, ended } = await stage({ timeouts: { total: 100 } })
      client.send(get('/'))
      const { connection } = await origin.request()
      expect((await client.response()).status).toBe(504)
      await connection.ended()
      expect((await ended()).error?.phase).toBe('total')
    })

    test('the upstream is not blamed when a hook has taken all the time', async () => {
      const { client, ended } = await stage({
        timeouts: { total: 100 },
        rewrite: () => new Promise(() => {}),
      })
      client.send(get('/'))
      expect((await client.response()).status).toBe(504)
      expect((await ended()).endedBy).toBe('gateway')
    })
  })

  describe('A8 a fault of our own', () => {
    test('is 500, and the upstream hears nothing', async () => {
      const { origin, client } = await stage({
        rewrite() {
          throw new Error('a secret')
        },
      })
      client.send(get('/'))
      const response = await client.response()
      expect([response.status, /secret/.test(response.text)]).toEqual([500, false])
      expect(origin.requests).toHaveLength(0)
    })
  })

  describe('A9 no clock outlives its exchange', () => {
    /** No other timer of this process is set for about as long. */
    const long = 3_000_000
    const phases = [
      ...(['dns', 'connect', 'tls', 'requestBody', 'responseHead', 'responseBody'] as const),
      ...(['drain', 'tunnel', 'total'] as const),
    ]
    const upload = `${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 5')}hello`
    const upgrade = get('/', 'Connection: Upgrade', 'Upgrade: echo')

    test.each<[string, string, (made: Stage) => unknown, Partial<GatewayOptions>?]>([
      [
        'that is whole',
        upload,
        async ({ origin }) => {
          const { done, send } = await origin.request()
          await done()
          await send(reply('ok'))
        },
      ],
      ['that finds nobody', upload, () => {}, { upstream: 'http://127.0.0.1:1' }],
      [
        'that the origin breaks off',
        upload,
        async ({ origin }) => (await origin.request()).connection.reset(),
      ],
      [
        'that the client breaks off',
        upload,
        async ({ origin, client }) => {
          await origin.request()
          client.reset()
        },
      ],
      [
        'that was a tunnel',
        upgrade,
        async ({ origin, client }) => {
          const { send, connection } = await origin.request()
          await send(head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: echo'))
          await client.response()
          client.close()
          connection.close()
        },
      ],
    ])('%s', async (_, request, carry, options = {}) => {
      const set = vi.spyOn(globalThis, 'setTimeout')
      const cleared = vi.spyOn(globalThis, 'clearTimeout')
      onTestFinished(() => void vi.restoreAllMocks())
      const made = await stage({
        timeouts: Object.fromEntries(phases.map((phase) => [phase, long])),
        ...options,
      })
      made.client.send(request)
      await carry(made)
      await made.ended()
      const timers = set.mock.calls.flatMap(([, ms = 0], i) =>
        Math.abs(ms - long) < long / 2 ? [set.mock.results[i]?.value] : [],
      )
      // One that looks at all limits from time to time sets none for each.
      if (made.gateway.name !== 'duplex-server') expect(timers).not.toEqual([])
      await expect
        .poll(() => timers.filter((timer) => !cleared.mock.calls.some(([one]) => one === timer)).length)
        .toBe(0)
    })
  })

  describe('B2 path joining, prefix stripping, and Host by choice', () => {
    test('a base path and query are put before; a hook takes a prefix away', async () => {
      const origin = await startOrigin()
      onTestFinished(() => origin[Symbol.asyncDispose]())
      const { client } = await stage({
        upstream: new URL('/base/?k=v', origin.url),
        rewrite(out) {
          out.path = out.path.replace('/base/api/', '/base/')
        },
      })
      client.send(get('/api/x?y'))
      expect((await origin.request()).message.target).toBe('/base/x?k=v&y')
    })

    test('Host is the upstream’s, or the client’s with preserveHost', async () => {
      const replaced = await stage()
      replaced.client.send(get('/'))
      expect((await replaced.origin.request()).message.all('host')).toEqual([replaced.origin.url.host])
      const preserved = await stage({ rewrite: preserveHost })
      preserved.client.send(get('/'))
      expect((await preserved.origin.request()).message.all('host')).toEqual(['a'])
    })
  })

  describe('B4 the pool', () => {
    test('ends what has been idle too long', async () => {
      const { origin, client, gateway } = await stage({ pool: { idleTimeout: 100 } })
      client.send(get('/'))
      const { send, connection } = await origin.request()
      await send(reply('ok'))
      await client.response()
      await connection.ended()
      await expect.poll(() => gateway.pool.connections).toBe(0)
    })

    test('keeps none that the upstream is about to end', async () => {
      const { origin, client, gateway } = await stage()
      client.send(get('/'))
      const { send, connection } = await origin.request()
      await send('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok')
      await client.response()
      client.send(get('/'))
      expect((await origin.request()).connection.id).not.toBe(connection.id)
      await connection.ended()
      await expect.poll(() => gateway.pool.connections).toBe(1)
    })

    describe('has no more connections in use than pool.connections, and the next request waits', () => {
      const kinds = {
        'a GET': get('/held'),
        'an upload': `${head('POST /held HTTP/1.1', 'Host: a', 'Content-Length: 10')}begun`,
        'an upload that is silent': head('POST /held HTTP/1.1', 'Host: a', 'Content-Length: 10'),
        'an expectation': head(
          'POST /held HTTP/1.1',
          'Host: a',
          'Expect: 100-continue',
          'Content-Length: 10',
        ),
        'an upgrade': get('/held', 'Connection: Upgrade', 'Upgrade: echo'),
        'OPTIONS *': head('OPTIONS * HTTP/1.1', 'Host: a'),
      }

      test.each(Object.entries(kinds))('for the end of %s', async (_, text) => {
        const { origin, client, url, gateway } = await stage({ pool: { connections: 1 } })
        client.send(text)
        const held = await origin.request()
        const next = await connect(url)
        onTestFinished(() => next.close())
        next.send(get('/next'))
        await expect.poll(() => gateway.pool.waiting).toBe(1)
        expect(origin.connections).toHaveLength(1)
        client.close()
        await held.connection.ended()
        const { send, message } = await origin.request()
        expect(message.target).toBe('/next')
        await send(reply('ok'))
        expect((await next.response()).text).toBe('ok')
      })

      test('for the end of a tunnel', async () => {
        const { origin, client, url, gateway } = await stage({ pool: { connections: 1 } })
        client.send(kinds['an upgrade'])
        const { send, connection } = await origin.request()
        await send(head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: echo'))
        await client.response()
        const next = await connect(url)
        onTestFinished(() => next.close())
        next.send(get('/next'))
        await expect.poll(() => gateway.pool.waiting).toBe(1)
        client.close()
        connection.close()
        expect((await origin.request()).message.target).toBe('/next')
      })

      test('no longer than timeouts.connect', async () => {
        const { origin, client, url } = await stage({ pool: { connections: 1 }, timeouts: { connect: 200 } })
        client.send(get('/held'))
        await origin.request()
        const next = await connect(url)
        onTestFinished(() => next.close())
        next.send(get('/next'))
        expect((await next.response()).status).toBe(504)
      })

      test('and is forgotten when its client leaves', async () => {
        const { origin, client, url, gateway, ended } = await stage({ pool: { connections: 1 } })
        client.send(get('/held'))
        const held = await origin.request()
        const next = await connect(url)
        next.send(get('/next'))
        await expect.poll(() => gateway.pool.waiting).toBe(1)
        next.close()
        expect(await ended()).toMatchObject({ outcome: 'aborted', target: '/next' })
        expect(gateway.pool.waiting).toBe(0)
        await held.send(reply('ok'))
        expect((await client.response()).text).toBe('ok')
      })
    })

    test.each([
      ['maxRequests', { maxRequests: 2 }, 2],
      ['maxAge', { maxAge: 0 }, 1],
    ] as const)('asks no longer on a connection than %s', async (_, pool, count) => {
      const { origin, client } = await stage({ pool })
      for (let i = 0; i < 2 * count; i++) {
        client.send(get('/'))
        const { send } = await origin.request()
        await send(reply('ok'))
        expect((await client.response()).text).toBe('ok')
      }
      expect(origin.connections.map(({ requests }) => requests.length)).toEqual([count, count])
    })

    test('ends a connection that is idle at the age of maxAge', async () => {
      const { origin, client } = await stage({ pool: { maxAge: 150 } })
      client.send(get('/'))
      const { send, connection } = await origin.request()
      await send(reply('ok'))
      await client.response()
      expect(await connection.ended()).toMatch(/^(?:fin|reset)$/)
    })

    describe.each([
      ['Authorization: NTLM', '401', 'WWW-Authenticate: NTLM'],
      ['authorization: negotiate', '401', 'WWW-Authenticate: Negotiate'],
      ['Proxy-Authorization: Negotiate', '401', 'WWW-Authenticate: Negotiate'],
    ])(
      'of an upstream that a client has logged in to with %s (RFC 4559 §6)',
      (credentials, status, challenge) => {
        /** Logs in, over one connection of the upstream. */
        async function loggedIn() {
          const staged = await stage({
            // Credentials for a proxy stop here unless a hook passes them on.
            rewrite: (out, { request: { fields } }) => {
              const given = fields.get('proxy-authorization')
              if (given !== undefined) out.fields.set('Proxy-Authorization', given)
            },
          })
          const { origin, client } = staged
          const answer = async (text: string): Promise<Exchange> => {
            const exchange = await origin.request()
            await exchange.send(text)
            await client.response()
            return exchange
          }
          client.send(get('/', `${credentials} one`))
          const first = await answer(head(`HTTP/1.1 ${status} No`, `${challenge} x`, 'Content-Length: 0'))
          client.send(get('/', `${credentials} two`))
          const second = await answer(reply('hello'))
          expect(second.connection.id).toBe(first.connection.id)
          return { ...staged, mine: first.connection }
        }

        test('the connection is that client’s, with credentials and without', async () => {
          const { client, origin, mine } = await loggedIn()
          client.send(get('/'))
          const { connection } = await origin.request()
          expect(connection.id).toBe(mine.id)
        })

        test('it is nobody else’s, and goes with its client', async () => {
          const { client, url, origin, mine, gateway } = await loggedIn()
          const other = await connect(url)
          onTestFinished(() => other.close())
          other.send(get('/'))
          const { connection, send } = await origin.request()
          expect(connection.id).not.toBe(mine.id)
          await send(reply('ok'))
          client.close()
          await mine.ended()
          await expect.poll(() => gateway.pool.connections).toBe(1)
        })
      },
    )
  })

  describe('B5 what watches and changes exchanges leaves connections in use', () => {
    test('hooks on both heads, one that takes its time', async () => {
      const log: string[] = []
      const { origin, client } = await stage({
        async rewrite(out, exchange) {
          await Promise.resolve()
          setForwarded(out, exchange)
          log.push(out.path)
        },
        async modifyResponse({ status }) {
          await Promise.resolve()
          log.push(String(status))
        },
      })
      for (const target of ['/1', '/2', '/3']) {
        client.send(get(target))
        await (await origin.request()).send(reply(target))
        expect((await client.response()).text).toBe(target)
      }
      expect(log).toEqual(['/1', '200', '/2', '200', '/3', '200'])
      expect(origin.connections).toHaveLength(1)
    })
  })

  describe('B5 a transport that is wrapped', () => wrappedTransportsOf(create))

  describe('B8 sensitive fields are removed by configuration', () => {
    test('Set-Cookie and Server', async () => {
      const { origin, client } = await stage({
        modifyResponse({ fields }) {
          for (const name of ['Set-Cookie', 'Server']) fields.delete(name)
        },
      })
      client.send(get('/'))
      ;(await origin.request()).send(
        reply('ok', 'Set-Cookie: a=b', 'Server: x/1', 'set-cookie: c=d', 'X-A: 1'),
      )
      const response = await client.response()
      expect(['set-cookie', 'server', 'x-a'].map((name) => response.has(name))).toEqual([false, false, true])
    })
  })

  describe('E1 connection reuse is visible and correct', () => {
    test('a summary has the phases of a new connection, and not those of one used again', async () => {
      const { origin, client, ended } = await stage()
      for (const nth of [1, 2]) {
        client.send(get('/'))
        await (await origin.request()).send(reply('ok'))
        await client.response()
        expect('connect' in (await ended(nth)).times).toBe(nth === 1)
      }
    })

    test('content that nobody reads to its end does not come with the next answer', async () => {
      const { origin, client, url } = await stage()
      client.send(get('/1'))
      const first = await origin.request()
      first.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}begun`)
      await (await client.responding()).body(5)
      client.close()
      const other = await connect(url)
      onTestFinished(() => other.close())
      other.send(get('/2'))
      const second = await origin.request()
      first.send('ended')
      second.send(reply('second'))
      expect((await other.response()).text).toBe('second')
    })
  })

  describe('E2 each phase has its limit, and says which one it was', () => {
    test.each([
      ['responseHead', '', 504],
      ['responseBody', `${head('HTTP/1.1 200 OK', 'Content-Length: 10')}begun`, 200],
      ['total', `${head('HTTP/1.1 200 OK', 'Content-Length: 10')}begun`, 200],
    ])('%s', async (phase, answer, status) => {
      const { origin, client, ended } = await stage({ timeouts: { [phase]: 100 } })
      client.send(get('/'))
      const { send } = await origin.request()
      if (answer !== '') send(answer)
      expect((await client.response()).status).toBe(status)
      expect((await ended()).error?.phase).toBe(phase)
    })
  })

  describe('E3 cancellation reaches everything, in both directions', () => {
    test('an upstream that leaves in the middle of an upload: the client gets an answer', async () => {
      const { origin, client } = await stage()
      client.send(`${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 10')}begun`)
      const exchange = await origin.request()
      await exchange.body(5)
      exchange.connection.reset()
      expect((await client.response()).status).toBe(502)
    })

    test.each([
      ['a request', get('/')],
      ['an upload', `${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 10')}begun`],
      ['an upgrade', get('/', 'Connection: Upgrade', 'Upgrade: echo')],
    ])(
      'a client that leaves while its upstream is silent in the TLS handshake is noticed: %s',
      async (_, text) => {
        const silent = createServer((socket) => socket.on('error', () => {}).resume())
        silent.listen(0, '127.0.0.1')
        await once(silent, 'listening')
        onTestFinished(() => void silent.close())
        const { client, ended } = await stage({
          upstream: `https://127.0.0.1:${(silent.address() as AddressInfo).port}`,
        })
        const accepted = once(silent, 'connection')
        client.send(text)
        await accepted
        client.reset()
        expect(await ended()).toMatchObject({ outcome: 'aborted', errorType: 'client_closed' })
      },
    )

    test('a client that leaves takes all requests of its pipeline with it', async () => {
      let begun = 0
      const begins = (): void => void begun++
      subscribe('relayrace:exchange:start', begins)
      onTestFinished(() => void unsubscribe('relayrace:exchange:start', begins))
      const { origin, client, summaries } = await stage()
      client.send(Array.from({ length: 5 }, (_, i) => get(`/${i}`)).join(''))
      const { connection } = await origin.request()
      client.close()
      await connection.ended()
      await expect.poll(() => summaries.length).toBe(begun)
    })

    test('hooks and their work hear of it by the signal', async () => {
      const { promise: aborted, resolve } = Promise.withResolvers<unknown>()
      const { client, origin } = await stage({
        rewrite(_, { signal }) {
          signal.addEventListener('abort', () => resolve(signal.reason))
        },
      })
      client.send(get('/'))
      await origin.request()
      client.close()
      expect(await aborted).toMatchObject({ type: 'client_closed' })
    })

    test('so does who asks for it only when it is over', async () => {
      const heard: unknown[] = []
      const { client, origin } = await stage({
        onError(error, { signal }) {
          heard.push(error, signal.reason)
          return undefined
        },
      })
      client.send(get('/'))
      await (await origin.request()).connection.reset()
      await client.response()
      expect(heard).toEqual([expect.any(GatewayError), heard[0]])
    })
  })

  describe('E4 a response head is written once', () => {
    test('what a hook sets when it is out reaches no client', async () => {
      const { promise: kept, resolve } = Promise.withResolvers<Fields>()
      const { origin, client } = await stage({ modifyResponse: ({ fields }) => resolve(fields) })
      client.send(get('/'))
      const exchange = await origin.request()
      await exchange.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}begun`)
      const incoming = await client.responding()
      await incoming.body(5)
      ;(await kept).set('X-Late', '1')
      await exchange.send('ended')
      const response = await incoming.done()
      expect([response.verdict, response.text, response.has('x-late')]).toEqual([
        'complete',
        'begunended',
        false,
      ])
    })

    test('what a hook would answer after it is no second one', async () => {
      const { origin, client } = await stage({ onError: () => ({ status: 503, body: 'second' }) })
      client.send(get('/'))
      const { send, connection } = await origin.request()
      await send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}begun`)
      const incoming = await client.responding()
      await incoming.body(5)
      connection.reset()
      const { status, verdict, text } = await incoming.done()
      expect([status, verdict, text]).toEqual([200, 'incomplete', 'begun'])
    })
  })

  describe('F1 access control', () => {
    test('a hook refuses before the upstream hears anything', async () => {
      const origin = await startOrigin()
      onTestFinished(() => origin[Symbol.asyncDispose]())
      const { client } = await stage({
        upstream({ request }) {
          if (request.fields.get('authorization') === 'Bearer good') return origin.url
          throw new GatewayError('http_request_denied', {
            phase: 'requestHead',
            status: 401,
            source: 'client',
          })
        },
        onError: ({ status }) =>
          status === 401 ? { status, fields: { 'WWW-Authenticate': 'Bearer' }, body: '' } : undefined,
      })
      client.send(get('/', 'Authorization: Bearer bad'))
      const refused = await client.response()
      expect([refused.status, refused.get('www-authenticate')]).toEqual([401, 'Bearer'])
      expect(origin.connections).toHaveLength(0)
      client.send(get('/', 'Authorization: Bearer good'))
      await (await origin.request()).send(reply('in'))
      expect((await client.response()).text).toBe('in')
    })
  })

  describe('F3 a pipeline', () => {
    test('a request waits for an unsafe one before it (RFC 9112 §9.3.2)', async () => {
      const { origin, client, url } = await stage()
      client.send(head('POST /1 HTTP/1.1', 'Host: a', 'Content-Length: 0') + get('/2') + get('/3'))
      const unsafe = await origin.request()
      expect(unsafe.message.target).toBe('/1')
      // What comes after it elsewhere has overtaken them.
      const other = await connect(url)
      onTestFinished(() => other.close())
      other.send(get('/other'))
      const overtaking = await origin.request()
      expect(overtaking.message.target).toBe('/other')
      expect(origin.requests).toHaveLength(2)
      unsafe.send(reply('1'))
      for (const nth of ['2', '3']) {
        const { message, send } = await origin.request()
        await send(reply(message.target.slice(1)))
        expect((await client.response()).text).toBe(nth === '2' ? '1' : '2')
      }
      expect((await client.response()).text).toBe('3')
    })
  })

  describe('F4 limits, and slow clients cannot pin the server', () => {
    test('a head that does not end: the connection does', async () => {
      const { client, origin } = await stage({ timeouts: { requestHead: 100 } })
      client.send('GET / HTTP/1.1\r\nHost: a\r\n')
      await client.ended()
      expect(origin.connections).toHaveLength(0)
    })

    test('a head that is too large: 431', async () => {
      const { client } = await stage({ limits: { requestHead: 1_024 } })
      client.send(get('/', `X: ${'x'.repeat(2_000)}`))
      expect((await client.response()).status).toBe(431)
    })

    test.each([
      [4_096, 32_768, 200],
      [32_768, 4_096, 502],
    ])(
      'with heads of %i bytes for requests and %i for responses, one of 16 KiB is %i',
      async (requestHead, responseHead, status) => {
        const { client, origin } = await stage({ limits: { requestHead, responseHead } })
        client.send(get('/'))
        void (await origin.request()).send(reply('ok', `X: ${'x'.repeat(16_384)}`))
        expect((await client.response()).status).toBe(status)
      },
    )

    test('more exchanges than there may be: 503 with Retry-After', async () => {
      const { client, origin, url } = await stage({ limits: { exchanges: 1 } })
      client.send(get('/1'))
      const { send } = await origin.request()
      const other = await connect(url)
      onTestFinished(() => other.close())
      other.send(get('/2'))
      const refused = await other.response()
      expect([refused.status, refused.get('retry-after')]).toEqual([503, '1'])
      await send(reply('1'))
      expect((await client.response()).text).toBe('1')
    })

    test('more connections than there may be are closed', async () => {
      const { url, client, origin } = await stage({ limits: { connections: 1 } })
      client.send(get('/'))
      const { send } = await origin.request()
      const other = await connect(url)
      onTestFinished(() => other.close())
      await other.ended()
      await send(reply('ok'))
      expect((await client.response()).text).toBe('ok')
    })

    test('a tunnel is one of these connections', async () => {
      const { url, client, origin } = await stage({ limits: { connections: 1 } })
      client.send(get('/', 'Connection: Upgrade', 'Upgrade: echo'))
      const { send } = await origin.request()
      await send(head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: echo'))
      await client.response()
      const other = await connect(url)
      onTestFinished(() => other.close())
      await other.ended()
      expect(origin.connections).toHaveLength(1)
    })

    test('so is a TLS handshake, and all listeners have one limit', async () => {
      const { gateway, client, origin } = await stage({ limits: { connections: 2 } })
      client.send(get('/'))
      await origin.request()
      const { url } = await gateway.listen({ tls: (await certificates()).server })
      const shaking = await dialTcp(url)
      shaking.write(beginning)
      const other = await dialTcp(url)
      await once(other, 'close')
      expect(shaking.destroyed).toBe(false)
    })
  })

  describe('F4 a TLS handshake that does not come to its end', () => {
    test('goes with its client', async () => {
      const { gateway, client, url: plain } = await stage({ limits: { connections: 1 } })
      client.close()
      const { url } = await gateway.listen({ tls: (await certificates()).server })
      const shaking = await dialTcp(url)
      shaking.end(beginning)
      await expect
        .poll(async () => {
          const next = await connect(plain)
          onTestFinished(() => next.close())
          next.send('GET / HTTP/1.1\r\n\r\n')
          return next.response().then(
            ({ status }) => status,
            () => 'no room',
          )
        })
        .toBe(400)
    })

    test('keeps close() from nothing', async () => {
      const { gateway } = await stage()
      const { url } = await gateway.listen({ tls: (await certificates()).server })
      const shaking = await dialTcp(url)
      shaking.write(beginning)
      const closed = once(shaking, 'close')
      await gateway.close(100)
      await closed
      expect(shaking.destroyed).toBe(true)
    })
  })
}

/** Of a TLS record. */
const beginning = Buffer.of(22, 3, 1)

async function dialTcp(url: URL): Promise<Socket> {
  const socket = connectTcp(Number(url.port), url.hostname)
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** As large as that of a connection may become. Where nobody says so, no larger than it is anywhere. */
async function sendBuffer(): Promise<number> {
  const text = await readFile('/proc/sys/net/ipv4/tcp_wmem', 'utf8').catch(() => '')
  return Number(text.split(/\s+/)[2] ?? 16 * MiB)
}
