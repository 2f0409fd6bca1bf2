import { gzipSync } from 'node:zlib'
import { certificates } from '@relayrace/fixtures/certificates'
import { type Exchange, type Origin, startOrigin } from '@relayrace/fixtures/wire'
import { GatewayError } from '@relayrace/gateway'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createFetchHandler, type FetchHandler, type FetchHandlerOptions } from '../src/fetch.ts'
import { createFetchProxy } from '../src/index.ts'

interface Stage {
  readonly origin: Origin
  readonly handler: Pick<FetchHandler, 'fetch' | 'inFlight' | 'close'>
}

const boom = (): never => {
  throw new Error('boom')
}

const makers = { 'anywhere, with the global fetch': createFetchHandler, 'of a gateway': createFetchProxy }

describe.each(Object.entries(makers))('fetch(request) %s', (_, create) => {
  async function stage(options: Partial<FetchHandlerOptions> = {}): Promise<Stage> {
    const origin = await startOrigin()
    const handler = create({ upstream: origin.url, ...options })
    onTestFinished(() => handler.close(0))
    onTestFinished(() => origin[Symbol.asyncDispose]())
    return { origin, handler }
  }

  test('passes a request and its response on', async () => {
    const { origin, handler } = await stage()
    const answer = handler.fetch(new Request('http://here.example/a?b', { headers: { 'X-A': '1' } }))
    const exchange = await origin.request()
    expect(exchange.message.target).toBe('/a?b')
    expect(exchange.message.get('host')).toBe(origin.url.host)
    expect(exchange.message.get('x-a')).toBe('1')
    expect(exchange.message.get('x-forwarded-host')).toBe('here.example')
    expect(exchange.message.get('via')).toMatch(/^1\.1 fetch-proxy-/)
    reply(exchange, 'ok', 'Set-Cookie: a=1', 'Set-Cookie: b=2', 'Connection: X-Hop', 'X-Hop: 1')
    const response = await answer
    expect(response.status).toBe(200)
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(response.headers.has('x-hop')).toBe(false)
    expect(await response.text()).toBe('ok')
    expect(handler.inFlight).toBe(0)
  })

  test('sends a body on piece by piece', async () => {
    const { origin, handler } = await stage()
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const writer = writable.getWriter()
    const answer = handler.fetch(post(readable))
    void writer.write(Buffer.from('first'))
    const exchange = await origin.request()
    expect(String(await exchange.body(5))).toBe('first')
    void writer.write(Buffer.from('second'))
    await exchange.body(11)
    void writer.close()
    expect((await exchange.done()).text).toBe('firstsecond')
    reply(exchange, 'ok')
    expect(await (await answer).text()).toBe('ok')
  })

  test('content that is no longer wanted is cancelled where it comes from', async () => {
    const { origin, handler } = await stage()
    const cancelled = Promise.withResolvers<unknown>()
    const endless = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(Buffer.from('begun')),
      cancel: cancelled.resolve,
    })
    const answer = handler.fetch(post(endless))
    ;(await origin.request()).connection.reset()
    expect((await answer).status).toBe(502)
    expect(await cancelled.promise).toBeInstanceOf(GatewayError)
  })

  test('content that somebody has read is 500, and nothing is asked', async () => {
    const { origin, handler } = await stage()
    const request = new Request('http://here.example/', { method: 'POST', body: 'all of it' })
    await request.text()
    expect((await handler.fetch(request)).status).toBe(500)
    expect(origin.connections).toHaveLength(0)
  })

  test('a request that is aborted already asks nothing, and ends', async () => {
    const { origin, handler } = await stage()
    await handler.fetch(new Request('http://here.example/', { signal: AbortSignal.abort() }))
    expect([handler.inFlight, origin.connections.length]).toEqual([0, 0])
  })

  test('hands a response on before it is complete', async () => {
    const { origin, handler } = await stage()
    const answer = handler.fetch(new Request('http://here.example/'))
    const exchange = await origin.request()
    exchange.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegun')
    const reader = ((await answer).body as ReadableStream<Uint8Array>).getReader()
    const { value = new Uint8Array() } = await reader.read()
    expect(Buffer.from(value).toString()).toBe('begun')
    expect(handler.inFlight).toBe(1)
    await reader.cancel()
    await exchange.connection.ended()
    expect(handler.inFlight).toBe(0)
  })

  test('upstream() may answer by itself', async () => {
    const { origin, handler } = await stage({
      upstream: () => ({ status: 401, fields: { 'WWW-Authenticate': ['Basic', 'Bearer'] }, body: 'who?' }),
    })
    const response = await handler.fetch(new Request('http://here.example/'))
    expect([response.status, response.headers.get('www-authenticate'), await response.text()]).toEqual([
      401,
      'Basic, Bearer',
      'who?',
    ])
    expect(origin.connections).toHaveLength(0)
  })

  test('content that is kept is sent again', async () => {
    const { origin, handler } = await stage({
      limits: { replay: 100 },
      modifyResponse: ({ status }) => (status === 307 ? { to: origin.url, path: '/there' } : undefined),
    })
    const answer = handler.fetch(new Request('http://here.example/', { method: 'POST', body: 'hello' }))
    for (const start of ['HTTP/1.1 307 Temporary Redirect', 'HTTP/1.1 200 OK']) {
      const exchange = await origin.request()
      expect((await exchange.done()).text).toBe('hello')
      exchange.send(`${start}\r\nContent-Length: 0\r\n\r\n`)
    }
    expect(await (await answer).text()).toBe('')
    await expect.poll(() => handler.inFlight).toBe(0)
  })

  test('hooks change content on its way, both ways', async () => {
    const shout = async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const piece of source) yield Buffer.from(Buffer.from(piece).toString().toUpperCase())
    }
    const { origin, handler } = await stage({
      rewrite: (out) => void Object.assign(out, { content: shout }),
      modifyResponse: (head) => void Object.assign(head, { content: shout }),
    })
    const answer = handler.fetch(new Request('http://here.example/', { method: 'POST', body: 'hello' }))
    const exchange = await origin.request()
    expect((await exchange.done()).text).toBe('HELLO')
    exchange.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    const response = await answer
    expect([await response.text(), response.headers.has('content-length')]).toEqual(['OK', false])
    expect(handler.inFlight).toBe(0)
  })

  test('a change of content that fails breaks the response off', async () => {
    const { origin, handler } = await stage({
      modifyResponse: (head) => {
        head.content = async function* (source) {
          for await (const piece of source) {
            yield piece
            throw new Error('no')
          }
        }
      },
    })
    const answer = handler.fetch(new Request('http://here.example/'))
    ;(await origin.request()).send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok')
    await expect((await answer).text()).rejects.toThrow()
    await expect.poll(() => handler.inFlight).toBe(0)
  })

  test('an answer may be given up for a route', async () => {
    const { origin, handler } = await stage({
      modifyResponse: ({ status }) => (status === 302 ? { to: origin.url, path: '/there' } : undefined),
    })
    const answer = handler.fetch(new Request('http://here.example/'))
    ;(await origin.request()).send('HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n')
    const second = await origin.request()
    expect(second.message.target).toBe('/there')
    second.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    expect(await (await answer).text()).toBe('ok')
  })

  test('a redirect is the client’s affair', async () => {
    const { origin, handler } = await stage()
    const answer = handler.fetch(new Request('http://here.example/'))
    ;(await origin.request()).send('HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n')
    const response = await answer
    expect([response.status, response.headers.get('location')]).toEqual([302, '/there'])
  })

  test.each([204, 205, 304])('%i has no body', async (status) => {
    const { origin, handler } = await stage()
    const answer = handler.fetch(new Request('http://here.example/'))
    const length = status === 205 ? 'Content-Length: 0\r\n' : ''
    ;(await origin.request()).send(`HTTP/1.1 ${status} Whatever\r\n${length}\r\n`)
    const response = await answer
    expect([response.status, response.body]).toEqual([status, null])
    expect(handler.inFlight).toBe(0)
  })

  test('what was packed unasked comes out unpacked, and says so', async () => {
    const { origin, handler } = await stage()
    const answer = handler.fetch(
      new Request('http://here.example/', { headers: { 'Accept-Encoding': 'gzip' } }),
    )
    const exchange = await origin.request()
    expect(exchange.message.all('accept-encoding')).toEqual(['identity'])
    const packed = gzipSync('hello')
    exchange.send(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${packed.length}\r\n\r\n`)
    exchange.send(packed)
    const response = await answer
    expect(response.headers.has('content-encoding')).toBe(false)
    expect(response.headers.has('content-length')).toBe(false)
    expect(await response.text()).toBe('hello')
  })

  test('a response that breaks off is an error of its body', async () => {
    const { origin, handler } = await stage()
    const answer = handler.fetch(new Request('http://here.example/'))
    const exchange = await origin.request()
    exchange.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegun')
    const response = await answer
    exchange.connection.end()
    await expect(response.text()).rejects.toMatchObject({ type: 'http_response_incomplete' })
    expect(handler.inFlight).toBe(0)
  })

  test('nobody listens upstream: 502', async () => {
    const { origin, handler } = await stage()
    await origin[Symbol.asyncDispose]()
    const response = await handler.fetch(new Request('http://here.example/'))
    expect(response.status).toBe(502)
    expect(response.headers.get('proxy-status')).toMatch(/error=connection_refused$/)
  })

  test.each<[number, string, Partial<FetchHandlerOptions>]>([
    [205, 'onError answers 205 with a body', { rewrite: boom, onError: () => ({ status: 205, body: 'a' }) }],
    [500, 'onError answers with a status that is none', { rewrite: boom, onError: () => ({ status: 99 }) }],
    [502, 'modifyResponse throws', { modifyResponse: boom }],
    [
      502,
      'modifyResponse leaves 600',
      { modifyResponse: (head) => void Object.assign(head, { status: 600 }) },
    ],
    [
      204,
      'modifyResponse leaves 204',
      { modifyResponse: (head) => void Object.assign(head, { status: 204 }) },
    ],
    [
      205,
      'modifyResponse leaves 205',
      { modifyResponse: (head) => void Object.assign(head, { status: 205 }) },
    ],
  ])('%i when %s', async (status, _, options) => {
    const { origin, handler } = await stage(options)
    const answer = handler.fetch(new Request('http://here.example/'))
    if (!('rewrite' in options)) reply(await origin.request(), 'ok')
    const response = await answer
    expect(response.status).toBe(status)
    await response.text()
    expect(handler.inFlight).toBe(0)
  })

  test('no response head in time: 504', async () => {
    const { origin, handler } = await stage({ timeouts: { responseHead: 50 } })
    const answer = handler.fetch(new Request('http://here.example/'))
    const exchange = await origin.request()
    expect((await answer).status).toBe(504)
    await exchange.connection.ended()
  })

  describe('B5 a transport that is wrapped', () => {
    const refuseBusy: FetchHandlerOptions['modifyResponse'] = ({ status }) => {
      if (status === 503) throw new GatewayError('destination_unavailable', { phase: 'responseHead' })
    }

    test('is there until the body has been relayed', async () => {
      const log: number[] = []
      const { origin, handler } = await stage({
        async transport(exchange, next) {
          await next()
          log.push(exchange.status)
        },
      })
      const answer = handler.fetch(new Request('http://here.example/'))
      const exchange = await origin.request()
      exchange.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no')
      const response = await answer
      expect([response.status, log]).toEqual([200, []])
      exchange.send('k')
      expect(await response.text()).toBe('ok')
      await expect.poll(() => log).toEqual([200])
      expect(handler.inFlight).toBe(0)
    })

    test('asks again what failed, was refused or took too long, and elsewhere', async () => {
      await using backup = await startOrigin()
      const failures: unknown[] = []
      const failed = (error: GatewayError): unknown => failures.push([error.status, error.phase])
      const { origin, handler } = await stage({
        timeouts: { responseHead: 300 },
        modifyResponse: refuseBusy,
        async transport(_, next) {
          await next('http://127.0.0.1:4').catch(failed)
          await next(origin.url).catch(failed)
          await next().catch(failed)
          await next(backup.url)
        },
      })
      const answer = handler.fetch(new Request('http://here.example/'))
      ;(await origin.request()).send('HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy')
      const slow = await origin.request()
      reply(await backup.request(), 'ok')
      expect(await (await answer).text()).toBe('ok')
      expect(failures).toEqual([
        [502, 'responseHead'],
        [503, 'responseHead'],
        [504, 'responseHead'],
      ])
      await slow.connection.ended()
    })

    test('sends content once', async () => {
      const { origin, handler } = await stage({
        transport: (_, next) => next().catch(() => next()),
      })
      const answer = handler.fetch(new Request('http://here.example/', { method: 'PUT', body: 'hello' }))
      const { connection, done } = await origin.request()
      await done()
      connection.reset()
      const response = await answer
      expect([response.status, await response.text()]).toEqual([502, expect.stringMatching(/has been read/)])
      expect([origin.requests.length, handler.inFlight]).toEqual([1, 0])
    })

    test('does no harm when it throws, asks nobody, or never ends', async () => {
      const { origin, handler } = await stage({
        async transport({ request }) {
          if (request.target === '/throws') throw new Error('a secret')
          if (request.target === '/hangs') await new Promise(() => {})
        },
      })
      for (const target of ['throws', 'asks-nobody']) {
        const response = await handler.fetch(new Request(`http://here.example/${target}`))
        expect([response.status, (await response.text()).includes('secret')]).toEqual([500, false])
      }
      const client = new AbortController()
      const answer = handler.fetch(new Request('http://here.example/hangs', { signal: client.signal }))
      client.abort()
      await answer
      expect([origin.requests.length, handler.inFlight]).toEqual([0, 0])
    })

    test('a client that leaves ends what is under way', async () => {
      const { promise: rejected, resolve } = Promise.withResolvers<unknown>()
      const { origin, handler } = await stage({ transport: (_, next) => next().catch(resolve) })
      const client = new AbortController()
      const answer = handler.fetch(new Request('http://here.example/', { signal: client.signal }))
      const { connection } = await origin.request()
      client.abort()
      await connection.ended()
      expect(await rejected).toMatchObject({ type: 'client_closed' })
      await answer
      expect(handler.inFlight).toBe(0)
    })
  })

  test('a body beyond its limit: 413', async () => {
    const { origin, handler } = await stage({ limits: { requestBody: 8 } })
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const writer = writable.getWriter()
    const answer = handler.fetch(post(readable))
    void writer.write(Buffer.from('hello')).catch(() => {})
    const exchange = await origin.request()
    await exchange.body(5)
    void writer.write(Buffer.from('hello')).catch(() => {})
    expect((await answer).status).toBe(413)
    expect((await exchange.done()).verdict).toBe('incomplete')
  })

  test('a client that leaves takes the upstream request with it', async () => {
    const outcomes: string[] = []
    const { origin, handler } = await stage({ onEnd: ({ outcome }) => void outcomes.push(outcome) })
    const leaving = new AbortController()
    const answer = handler.fetch(new Request('http://here.example/', { signal: leaving.signal }))
    const exchange = await origin.request()
    leaving.abort()
    await exchange.connection.ended()
    expect((await answer).status).toBe(499)
    expect(outcomes).toEqual(['aborted'])
  })

  test('closing waits, and then answers 503', async () => {
    const { origin, handler } = await stage()
    const answer = handler.fetch(new Request('http://here.example/'))
    const exchange = await origin.request()
    const closed = handler.close()
    reply(exchange, 'last')
    expect(await (await answer).text()).toBe('last')
    await closed
    expect((await handler.fetch(new Request('http://here.example/'))).status).toBe(503)
  })
})

test('an answer that is given up for another one is cancelled', async () => {
  const cancelled = Promise.withResolvers<void>()
  const handler = createFetchHandler({
    upstream: 'http://origin.example',
    modifyResponse: ({ status }) => (status === 307 ? { to: 'http://other.example' } : undefined),
    fetch: async (url) =>
      String(url).startsWith('http://other.example')
        ? new Response('there')
        : new Response(new ReadableStream({ cancel: () => cancelled.resolve() }), { status: 307 }),
  })
  expect(await (await handler.fetch(new Request('http://here.example/'))).text()).toBe('there')
  await cancelled.promise
})

describe('what an exchange holds', () => {
  const held = (): { fetch: typeof fetch; answer: (response: Response) => void } => {
    const { promise, resolve } = Promise.withResolvers<Response>()
    return { fetch: () => promise, answer: resolve }
  }
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length

  test('is as many at once as limits.exchanges, and the next is 503', async () => {
    const { fetch, answer } = held()
    const handler = createFetchHandler({ upstream: 'http://origin.example', fetch, limits: { exchanges: 1 } })
    const first = handler.fetch(new Request('http://here.example/'))
    expect((await handler.fetch(new Request('http://here.example/'))).status).toBe(503)
    answer(new Response('ok'))
    expect(await (await first).text()).toBe('ok')
  })

  test('is let go of: timers, clocks and the listener on the signal', async () => {
    const before = timers()
    const listeners = new Set<unknown>()
    const request = new Request('http://here.example/', { method: 'POST', body: 'x' })
    const add = request.signal.addEventListener.bind(request.signal)
    const remove = request.signal.removeEventListener.bind(request.signal)
    request.signal.addEventListener = (type: string, listener: never) => {
      listeners.add(listener)
      add(type, listener)
    }
    request.signal.removeEventListener = (type: string, listener: never) => {
      listeners.delete(listener)
      remove(type, listener)
    }
    const handler = createFetchHandler({
      upstream: 'http://origin.example',
      timeouts: { total: 60_000 },
      fetch: async (_, init) => new Response(await new Response(init?.body).text()),
    })
    expect(await (await handler.fetch(request)).text()).toBe('x')
    expect([timers() - before, listeners.size, handler.inFlight]).toEqual([0, 0, 0])
  })

  test('is not its upload and its download when it was refused halfway', async () => {
    const before = timers()
    const handler = createFetchHandler({
      upstream: 'http://origin.example',
      fetch: async () => {
        throw new TypeError('no')
      },
    })
    const request = new Request('http://here.example/', { method: 'POST', body: 'x' })
    expect((await handler.fetch(request)).status).toBe(502)
    expect(timers() - before).toBe(0)
  })

  test('is waited for by close(), whose timer goes with it', async () => {
    const before = timers()
    const { fetch, answer } = held()
    const handler = createFetchHandler({ upstream: 'http://origin.example', fetch })
    const first = handler.fetch(new Request('http://here.example/'))
    const closed = handler.close(60_000)
    answer(new Response(null, { status: 204 }))
    expect((await first).status).toBe(204)
    await closed
    expect(timers() - before).toBe(0)
  })

  test('is an upload of exactly its limit', async () => {
    const handler = createFetchHandler({
      upstream: 'http://origin.example',
      limits: { requestBody: 8 },
      fetch: async (_, init) => new Response(await new Response(init?.body).text()),
    })
    const request = new Request('http://here.example/', { method: 'POST', body: '12345678' })
    expect(await (await handler.fetch(request)).text()).toBe('12345678')
  })
})

test('another fetch may ask', async () => {
  const asked: string[] = []
  const { fetch } = createFetchHandler({
    upstream: 'http://origin.example/base',
    async fetch(input) {
      asked.push(String(input))
      return new Response('from there')
    },
  })
  expect(await (await fetch(new Request('http://here.example/x'))).text()).toBe('from there')
  expect(asked).toEqual(['http://origin.example/base/x'])
})

test.each([
  ['is broken by a reset', 'reset', false],
  ['is broken by a FIN without close_notify', 'close', true],
  ['is complete with close_notify', 'end', true],
] as const)('of a gateway: a response without a length %s', async (_, ending, secure) => {
  const { ca, server } = await certificates()
  await using origin = await startOrigin(secure ? { tls: server } : {})
  await using gateway = createFetchProxy({ upstream: origin.url, tls: { ca } })
  const answer = gateway.fetch(new Request('http://here.example/'))
  const exchange = await origin.request()
  await exchange.send('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbegun')
  const text = (await answer).text()
  exchange.connection[ending]()
  if (ending === 'end') expect(await text).toBe('begun')
  else await expect(text).rejects.toMatchObject({ type: 'http_response_incomplete' })
})

function post(body: ReadableStream<Uint8Array>): Request {
  // Node's type knows nothing of `duplex`, which it requires.
  return new Request('http://here.example/', { method: 'POST', body, duplex: 'half' } as RequestInit)
}

function reply(exchange: Exchange, text: string, ...fields: string[]): void {
  exchange.send([`HTTP/1.1 200 OK`, `Content-Length: ${text.length}`, ...fields, '', text].join('\r\n'))
}

test.each<[string, () => unknown]>([
  ['throws', boom],
  ['rejects with nothing', () => Promise.reject()],
  ['returns nothing', () => undefined],
  ['returns what is no response', () => 'ok'],
  ['returns an error', () => Response.error()],
  [
    'returns a response that is being read',
    () => {
      const response = new Response('ok')
      response.body?.getReader()
      return response
    },
  ],
])('502 when the fetch that is given %s', async (_, fetch) => {
  vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  const onEnd = vi.fn()
  const handler = createFetchHandler({ upstream: 'http://127.0.0.1:9', fetch: fetch as never, onEnd })
  const response = await handler.fetch(new Request('http://here.example/'))
  expect(response.status).toBe(502)
  expect(handler.inFlight).toBe(0)
  expect(onEnd).toHaveBeenCalledTimes(1)
})
