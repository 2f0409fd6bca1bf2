import { once } from 'node:events'
import http2, { type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2'
import https from 'node:https'
import { certificates } from '@relayrace/fixtures/certificates'
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  errorCode,
  type Frame,
  type FrameClient,
  fields,
  frameClient,
  GOAWAY,
  HEADERS,
  RST_STREAM,
  request,
  SETTINGS,
} from '@relayrace/fixtures/frames'
import { type Origin, startOrigin } from '@relayrace/fixtures/wire'
import { describe, expect, onTestFinished, test } from 'vitest'
import { files, onNodeHttp, program } from './programs.ts'

const { ca, server } = await certificates()
const { NGHTTP2_NO_ERROR, NGHTTP2_PROTOCOL_ERROR, NGHTTP2_INTERNAL_ERROR, NGHTTP2_CANCEL } = http2.constants

interface Stage {
  readonly origin: Origin
  readonly url: URL
  readonly pid: number
}

async function stage(name: string, ...args: readonly string[]): Promise<Stage> {
  const origin = await startOrigin()
  onTestFinished(() => origin[Symbol.asyncDispose]())
  const { cert, key } = await files(server)
  const running = await program(name, origin.url, '--tls.cert', cert, '--tls.key', key, ...args)
  return { origin, url: running.url, pid: running.pid as number }
}

function session(url: URL, options: http2.SecureClientSessionOptions = {}): ClientHttp2Session {
  const made = http2.connect(url, { ca, ...options })
  made.on('error', () => {})
  onTestFinished(() => made.destroy())
  return made
}

async function frames(url: URL): Promise<FrameClient> {
  const client = await frameClient(url, ca)
  onTestFinished(() => client[Symbol.dispose]())
  return client
}

interface Answer {
  readonly head: Readonly<Record<string, unknown>>
  readonly text: string
  readonly trailers: Readonly<Record<string, unknown>>
  readonly interim: readonly Readonly<Record<string, unknown>>[]
}

/** The whole answer. Rejects when the stream is reset. */
async function answer(stream: ClientHttp2Stream): Promise<Answer> {
  let head = {}
  let trailers = {}
  const interim: object[] = []
  stream.on('headers', (fields) => interim.push({ ...fields }))
  stream.on('response', (fields) => {
    head = { ...fields }
  })
  stream.on('trailers', (fields) => {
    trailers = { ...fields }
  })
  const parts = await stream.setEncoding('latin1').toArray()
  return { head, text: parts.join(''), trailers, interim } as Answer
}

function ask(client: ClientHttp2Session, headers: OutgoingHttpHeaders): ClientHttp2Stream {
  const stream = client.request(headers, { endStream: headers[':method'] !== 'POST' })
  stream.on('error', () => {})
  return stream
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

const isReset =
  (id: number) =>
  ({ type, stream }: Frame): boolean =>
    type === RST_STREAM && stream === id

describe.each(onNodeHttp)('B3 %s over HTTP/2', (name) => {
  test('serves HTTP/1.1 on the same port', async () => {
    const { origin, url } = await stage(name)
    const asked = https.request(url, { ca, agent: false, ALPNProtocols: ['http/1.1'] } as never).end()
    const { message, send } = await origin.request()
    expect(message.all('via')[0]).toMatch(/^1\.1 /)
    await send(ok)
    const [response] = await once(asked, 'response')
    expect(response.statusCode).toBe(200)
    response.resume()
  })

  test('makes the request one of HTTP/1.1: authority, cookie, trailers, no pseudo-fields', async () => {
    const { origin, url } = await stage(name, '--preserve-host')
    const client = await frames(url)
    const section = request(
      'GET',
      '/a?b=%2e',
      ['host', 'ignored.example'],
      ['cookie', 'a=1'],
      ['x-a', 'b'],
      ['cookie', 'b=2'],
      ['te', 'trailers'],
    )
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, section)
    const { message, send } = await origin.request()
    expect(message.method).toBe('GET')
    expect(message.target).toBe('/a?b=%2e')
    expect(message.all('host')).toEqual(['localhost'])
    expect(message.all('cookie')).toEqual(['a=1; b=2'])
    expect(message.all('x-a')).toEqual(['b'])
    expect(message.all('via')[0]).toMatch(/^2 /)
    expect(message.head).not.toMatch(/^:/m)
    expect(message.framing).toBe('none')
    await send(ok)
    await client.frame(({ flags, stream }) => stream === 1 && (flags & END_STREAM) !== 0)
  })

  test('leaves the word on Expect: 100-continue to the origin', async () => {
    const { origin, url } = await stage(name)
    const stream = ask(session(url), { ':method': 'POST', ':path': '/', expect: '100-continue' })
    const asked = answer(stream)
    const { message, send } = await origin.request()
    expect(message.all('expect')).toEqual(['100-continue'])
    const told = once(stream, 'continue')
    await send('HTTP/1.1 100 Continue\r\n\r\n')
    await told
    stream.end('hello')
    await send(ok)
    expect((await asked).text).toBe('ok')
  })

  test.each(['x-magic', '', '100-Continue'])(
    'leaves the expectation "%s" to the origin',
    async (expectation) => {
      const { origin, url } = await stage(name)
      const asked = answer(ask(session(url), { ':path': '/', expect: expectation }))
      const { send } = await origin.request()
      await send('HTTP/1.1 417 Expectation Failed\r\nX-From: origin\r\nContent-Length: 0\r\n\r\n')
      expect((await asked).head).toMatchObject({ ':status': 417, 'x-from': 'origin' })
    },
  )

  test('answers although the origin sends a 100 that nobody asked for', async () => {
    const { origin, url } = await stage(name)
    const asked = answer(ask(session(url), { ':path': '/' }))
    const { send } = await origin.request()
    await send(`HTTP/1.1 100 Continue\r\n\r\n${ok}`)
    // undici's client takes such a response for a broken one.
    expect((await asked).head).toMatchObject({ ':status': name === 'fetch-proxy' ? 502 : 200 })
  })

  test('drops HTTP2-Settings from a response', async () => {
    const { origin, url } = await stage(name)
    const asked = answer(ask(session(url), { ':path': '/' }))
    const { send } = await origin.request()
    await send('HTTP/1.1 200 OK\r\nHTTP2-Settings: AAA\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nok')
    const { head } = await asked
    expect(head).toMatchObject({ ':status': 200, 'x-a': '1' })
    expect(head).not.toHaveProperty('http2-settings')
  })

  test('makes the response one of HTTP/2: nothing of the connection, repeats kept, trailers, 103', async () => {
    const { origin, url } = await stage(name)
    const asked = answer(ask(session(url), { ':path': '/', te: 'trailers' }))
    const { send } = await origin.request()
    await send('HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n')
    await send(
      'HTTP/1.1 200 Whatever\r\nConnection: keep-alive, x-b\r\nKeep-Alive: timeout=9\r\nX-B: 1\r\nUpgrade: x\r\n' +
        'Proxy-Connection: x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nTrailer: X-T\r\n' +
        'Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n',
    )
    const { head, text, trailers, interim } = await asked
    expect(interim).toMatchObject([{ ':status': 103, link: '</a>; rel=preload' }])
    expect(head).toMatchObject({ ':status': 200, 'set-cookie': ['a=1', 'b=2'] })
    for (const gone of [
      'connection',
      'keep-alive',
      'x-b',
      'upgrade',
      'proxy-connection',
      'transfer-encoding',
    ])
      expect(head).not.toHaveProperty(gone)
    expect(text).toBe('ok')
    expect(trailers).toMatchObject({ 'x-t': '1' })
  })

  test('sends an upload of unknown length on in chunks, with its trailers', async () => {
    const { origin, url } = await stage(name)
    const stream = session(url).request(
      { ':path': '/', ':method': 'POST', te: 'trailers' },
      { waitForTrailers: true },
    )
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-t': '1' }))
    const asked = answer(stream)
    stream.write('one ')
    const exchange = await origin.request()
    await exchange.body(4)
    stream.end('two')
    await exchange.done()
    expect(exchange.message.framing).toBe('chunked')
    expect(exchange.message.body.toString()).toBe('one two')
    await exchange.send(ok)
    expect((await asked).text).toBe('ok')
  })

  test.each(['GET', 'POST'])(
    'says nothing of content where that of a %s has ended as nothing',
    async (method) => {
      const { origin, url } = await stage(name)
      const client = await frames(url)
      client.socket.cork()
      client.send(HEADERS, END_HEADERS, 1, request(method, '/'))
      client.send(DATA, END_STREAM, 1, Buffer.alloc(0))
      client.socket.uncork()
      const exchange = await origin.request()
      await exchange.done()
      expect([exchange.message.has('transfer-encoding'), exchange.message.body.length]).toEqual([false, 0])
      await exchange.send(ok)
      await client.frame(({ type, stream }) => type === DATA && stream === 1)
    },
  )

  test('sends trailers on behind content that was nothing', async () => {
    const { origin, url } = await stage(name)
    const client = await frames(url)
    client.socket.cork()
    client.send(HEADERS, END_HEADERS, 1, request('POST', '/'))
    client.send(DATA, 0, 1, Buffer.alloc(0))
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, fields(['x-t', '1']))
    client.socket.uncork()
    const exchange = await origin.request()
    await exchange.done()
    // Undici looks into a stream before it sends the head, and passes no trailers.
    expect(exchange.message.framing).toBe(name === 'fetch-proxy' ? 'length' : 'chunked')
  })

  test('a HEAD that its client gives up is given up upstream', async () => {
    const { origin, url } = await stage(name)
    const stream = ask(session(url), { ':path': '/', ':method': 'HEAD' })
    stream.on('error', () => {})
    const { connection } = await origin.request()
    stream.close(NGHTTP2_CANCEL)
    expect(await connection.ended()).toMatch(/^(?:fin|reset)$/)
  })

  test('answers HEAD and 304 without content', async () => {
    const { origin, url } = await stage(name)
    const client = session(url)
    const head = answer(ask(client, { ':path': '/', ':method': 'HEAD' }))
    await (await origin.request()).send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n')
    expect(await head).toMatchObject({ head: { ':status': 200, 'content-length': '5' }, text: '' })
    const unchanged = answer(ask(client, { ':path': '/' }))
    await (await origin.request()).send('HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n')
    expect(await unchanged).toMatchObject({ head: { ':status': 304, etag: '"a"' }, text: '' })
  })

  test.each([
    ['with Content-Length', 'Content-Length: 100\r\n\r\nabc'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'],
  ])('resets the stream of a response that is cut, %s', async (_, rest) => {
    const { origin, url } = await stage(name)
    const client = await frames(url)
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, request('GET', '/'))
    const { send, connection } = await origin.request()
    await send(`HTTP/1.1 200 OK\r\n${rest}`)
    await client.frame(({ type }) => type === DATA)
    connection.reset()
    expect(errorCode(await client.frame(isReset(1)))).toBe(NGHTTP2_INTERNAL_ERROR)
    const ends = client.frames.filter(({ flags, stream }) => stream === 1 && (flags & END_STREAM) !== 0)
    expect(ends).toEqual([])
  })

  test('cancels the request upstream when the client resets a download', async () => {
    const { origin, url } = await stage(name)
    const client = await frames(url)
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, request('GET', '/'))
    const { send, connection } = await origin.request()
    await send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc')
    await client.frame(({ type }) => type === DATA)
    client.send(RST_STREAM, 0, 1, Buffer.of(0, 0, 0, NGHTTP2_CANCEL))
    expect(await connection.ended()).toMatch(/^(?:fin|reset)$/)
  })

  test.each([
    ['CANCEL', NGHTTP2_CANCEL],
    ['NO_ERROR', NGHTTP2_NO_ERROR],
  ])('never makes a whole request of an upload that the client resets with %s', async (_, code) => {
    const { origin, url } = await stage(name)
    const client = await frames(url)
    client.send(HEADERS, END_HEADERS, 1, request('POST', '/'))
    client.send(DATA, 0, 1, Buffer.from('abc'))
    const exchange = await origin.request()
    await exchange.body(3)
    client.send(RST_STREAM, 0, 1, Buffer.of(0, 0, 0, code))
    await exchange.connection.ended()
    expect(exchange.message.verdict).toBe('incomplete')
  })

  test('stops an upload that was answered before its end', async () => {
    const { origin, url } = await stage(name)
    const client = await frames(url)
    client.send(HEADERS, END_HEADERS, 1, request('POST', '/'))
    client.send(DATA, 0, 1, Buffer.from('abc'))
    const exchange = await origin.request()
    await exchange.body(3)
    await exchange.send(ok)
    expect(errorCode(await client.frame(isReset(1)))).toBe(NGHTTP2_NO_ERROR)
    const ends = client.frames.filter(({ flags, stream }) => stream === 1 && (flags & END_STREAM) !== 0)
    expect(ends).toHaveLength(1)
    await exchange.connection.ended()
    expect(exchange.message.verdict).toBe('incomplete')
  })

  test.each([
    ['Connection', ['connection', 'close']],
    ['Transfer-Encoding', ['transfer-encoding', 'chunked']],
    ['TE other than trailers', ['te', 'gzip']],
    ['capitals in a name', ['X-A', 'b']],
    [':protocol', [':protocol', 'websocket']],
    ['a second :path', [':path', '/b']],
  ] as const)('refuses a request with %s, and forwards nothing of it', async (_, line) => {
    const { origin, url } = await stage(name)
    const client = await frames(url)
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, request('GET', '/', line))
    expect(errorCode(await client.frame(isReset(1)))).toBe(NGHTTP2_PROTOCOL_ERROR)
    expect(origin.connections).toHaveLength(0)
  })

  test('lets no value end a line', async () => {
    const { origin, url } = await stage(name)
    const client = await frames(url)
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, request('GET', '/', ['x-a', 'b\r\nx-c: d']))
    // Node leaves such a field out where it might refuse the request (RFC 9113 §8.2.1).
    const { message, send } = await origin.request()
    expect(message.has('x-a')).toBe(false)
    expect(message.has('x-c')).toBe(false)
    await send(ok)
    await client.frame(({ flags, stream }) => stream === 1 && (flags & END_STREAM) !== 0)
  })

  test('refuses content that is not as long as it said, and cancels it upstream', async () => {
    const { origin, url } = await stage(name)
    const client = await frames(url)
    client.send(HEADERS, END_HEADERS, 1, request('POST', '/', ['content-length', '10']))
    client.send(DATA, 0, 1, Buffer.from('abc'))
    const exchange = await origin.request()
    await exchange.body(3)
    client.send(DATA, END_STREAM, 1, Buffer.from('d'))
    expect(errorCode(await client.frame(isReset(1)))).toBe(NGHTTP2_PROTOCOL_ERROR)
    await exchange.connection.ended()
    expect(exchange.message.verdict).toBe('incomplete')
  })

  test('serves neither CONNECT nor requests without an authority', async () => {
    const { origin, url } = await stage(name)
    const client = session(url)
    const connect = client.request({ ':method': 'CONNECT', ':authority': 'a.example:443' })
    connect.on('error', () => {})
    const [head] = await once(connect, 'response')
    expect(head[':status']).toBe(501)
    const raw = await frames(url)
    const nowhere = fields([':method', 'GET'], [':scheme', 'https'], [':path', '/'])
    raw.send(HEADERS, END_HEADERS | END_STREAM, 1, nowhere)
    await raw.frame(({ stream }) => stream === 1)
    expect(origin.connections).toHaveLength(0)
  })

  test('lets no stream that is not read hold up the others', async () => {
    const { origin, url } = await stage(name)
    const client = session(url)
    const stalled = ask(client, { ':path': '/stalled' })
    const first = await origin.request()
    await first.send('HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n')
    void first.send(Buffer.alloc(10_000_000))
    await once(stalled, 'response')
    for (let i = 0; i < 5; i++) {
      const other = answer(ask(client, { ':path': `/${i}` }))
      await (await origin.request()).send(ok)
      expect((await other).text).toBe('ok')
    }
    stalled.close(NGHTTP2_CANCEL)
    await first.connection.ended()
  })

  test('asks on another connection what has waited for one that was logged in to, and has broken', async () => {
    const { origin, url } = await stage(name)
    const client = session(url)
    const first = answer(ask(client, { ':path': '/1', authorization: 'NTLM x' }))
    await (await origin.request()).send(ok)
    expect((await first).text).toBe('ok')
    const broken = answer(ask(client, { ':method': 'POST', ':path': '/2' }).end())
    const { connection } = await origin.request()
    const next = answer(ask(client, { ':path': '/3' }))
    // It has got there.
    await new Promise((resolve) => client.ping(resolve))
    expect(origin.connections.filter(({ open }) => open)).toHaveLength(1)
    connection.send('HTTP/1.1 nonsense\r\n\r\n')
    expect((await broken).head[':status']).toBe(502)
    await (await origin.request()).send(ok)
    expect((await next).text).toBe('ok')
  })

  test('asks nothing upstream for a stream that is reset together with its head', async () => {
    const { origin, url } = await stage(name)
    const client = await frames(url)
    client.socket.cork()
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, request('GET', '/reset'))
    client.send(RST_STREAM, 0, 1, Buffer.of(0, 0, 0, NGHTTP2_CANCEL))
    client.socket.uncork()
    client.send(HEADERS, END_HEADERS | END_STREAM, 3, request('GET', '/'))
    expect((await origin.request()).message.target).toBe('/')
    expect(origin.connections).toHaveLength(1)
  })

  test('gives a client up that resets one stream after the other', async () => {
    const { url } = await stage(name)
    const client = await frames(url)
    for (let id = 1; id < 20_000 && !client.socket.destroyed; id += 2) {
      client.send(HEADERS, END_HEADERS | END_STREAM, id, request('GET', '/'))
      client.send(RST_STREAM, 0, id, Buffer.of(0, 0, 0, NGHTTP2_CANCEL))
    }
    expect(errorCode(await client.frame(({ type }) => type === GOAWAY))).not.toBe(NGHTTP2_NO_ERROR)
  })

  test('gives a client up whose head never ends', async () => {
    const { origin, url } = await stage(name)
    const client = await frames(url)
    client.send(HEADERS, END_STREAM, 1, request('GET', '/'))
    for (let i = 0; i < 1_000 && !client.socket.destroyed; i++)
      client.send(CONTINUATION, 0, 1, fields(['x-a', 'b'.repeat(1_000)]))
    await once(client.socket, 'close')
    expect(origin.connections).toHaveLength(0)
  })

  test('refuses a head beyond its limit, and goes on with the connection', async () => {
    const { origin, url } = await stage(name, '--limits.requestHead', '4096')
    const client = await frames(url)
    const { payload } = await client.frame(({ type }) => type === SETTINGS)
    expect(payload.includes(Buffer.of(0, 6, 0, 0, 0x10, 0))).toBe(true)
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, request('GET', '/', ['x-a', 'b'.repeat(5_000)]))
    const { payload: head } = await client.frame(({ type, stream }) => stream === 1 && type === HEADERS)
    expect(head.includes('431')).toBe(true)
    client.send(HEADERS, END_HEADERS | END_STREAM, 3, request('GET', '/second'))
    expect((await origin.request()).message.target).toBe('/second')
    expect(origin.requests).toHaveLength(1)
  })

  test('ends a connection on which a head is never finished', async () => {
    const { url } = await stage(name, '--timeouts.requestHead', '300', '--timeouts.idle', '300')
    const client = await frames(url)
    client.send(HEADERS, END_STREAM, 1, request('GET', '/'))
    await once(client.socket, 'close')
    expect(client.socket.destroyed).toBe(true)
  })

  test('delivers a head of 900 fields, which is below the limit', async () => {
    const { origin, url } = await stage(name)
    const limits = { maxHeaderListPairs: 2_000, settings: { maxHeaderListSize: 262_144 } }
    const asked = answer(ask(session(url, limits), { ':path': '/' }))
    const exchange = await origin.request()
    const lines = Array.from({ length: 900 }, (_, i) => `X-Field-Number-${i}: ${'v'.repeat(42)}\r\n`)
    await exchange.send(ok.replace('\r\n\r\n', `\r\n${lines.join('')}\r\n`))
    expect(Object.keys((await asked).head)).toContain('x-field-number-899')
  })

  test('says first that there will be an end, and which was the last request afterwards', async () => {
    const { origin, url, pid } = await stage(name)
    const client = await frames(url)
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, request('GET', '/'))
    const { send } = await origin.request()
    process.kill(pid, 'SIGTERM')
    const { payload } = await client.frame(({ type }) => type === GOAWAY)
    expect(payload.readUInt32BE(0)).toBe(2 ** 31 - 1)
    await send(ok)
    await once(client.socket, 'close')
    expect(client.socket.destroyed).toBe(true)
  })

  test('closes a connection that is idle', async () => {
    const { origin, url } = await stage(name, '--timeouts.idle', '300')
    const client = await frames(url)
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, request('GET', '/'))
    await (await origin.request()).send(ok)
    expect(errorCode(await client.frame(({ type }) => type === GOAWAY))).toBe(NGHTTP2_NO_ERROR)
    await once(client.socket, 'close')
    expect(client.socket.destroyed).toBe(true)
  })

  test('finishes what is in flight before it ends, and takes nothing new', async () => {
    const { origin, url, pid } = await stage(name)
    const client = session(url)
    const asked = answer(ask(client, { ':path': '/' }))
    const { send } = await origin.request()
    const leaving = once(client, 'goaway')
    const left = once(client, 'close')
    process.kill(pid, 'SIGTERM')
    await leaving
    await send(ok)
    expect((await asked).text).toBe('ok')
    await left
    await expect(once(session(url), 'connect')).rejects.toThrow()
  })
})
