/** What the clients of a soak do, from what everybody does to what nobody should. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { constants } from 'node:http2'
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  type FrameClient,
  frameClient,
  GOAWAY,
  HEADERS,
  request as headersOf,
  PING,
  RST_STREAM,
} from '@relayrace/fixtures/frames'
import { type Asked, type Protocol, type Visitor, visit, type Way, ways } from '@relayrace/fixtures/leaving'
import { type Watch, watch } from '@relayrace/fixtures/wire'
import { bad, ending, poison } from './origin.ts'

/** Where a visit takes place. */
export interface Scene {
  readonly protocol: Protocol
  /** On 127.0.0.1. */
  readonly port: number
  /** Whose certificate it is that the port shows, in PEM. */
  readonly ca: string
  /** A number in [0, 1). */
  dice(): number
}

export interface Visit {
  readonly name: string
  readonly over: readonly Protocol[]
  /** How often it comes, next to the others. */
  readonly weight: number
  /** Only at a gateway with hooks. */
  readonly hooked?: true
  /** Rejects when what came back is wrong, or nothing came at all. */
  run(scene: Scene): Promise<void>
}

/** For anything that must happen, in ms: longer than all time limits of the gateways together. */
const patience = 30_000

const everywhere: readonly Protocol[] = ['HTTP/1.1', 'TLS', 'HTTP/2']
const http1: readonly Protocol[] = ['HTTP/1.1', 'TLS']
const http2: readonly Protocol[] = ['HTTP/2']
const upgrade = { Connection: 'Upgrade', Upgrade: 'echo' }

class Caller implements AsyncDisposable {
  readonly visitor: Visitor
  readonly #until: Watch['until']

  constructor(visitor: Visitor, until: Watch['until']) {
    this.visitor = visitor
    this.#until = until
  }

  static async at({ protocol, port }: Scene): Promise<Caller> {
    const { until, changed } = watch({ patience })
    return new Caller(await visit(protocol, port, changed), until)
  }

  /** Until what came so far is that. */
  async sees(what: RegExp): Promise<void> {
    const { visitor } = this
    await this.#until(
      () => {
        if (what.test(visitor.seen)) return true
        if (visitor.gone) throw new Error(`${what} did not come, but ${brief(visitor.seen)}`)
        return undefined
      },
      () => `${what} did not come, but ${brief(visitor.seen)},`,
    )
    assert(!visitor.seen.includes(poison), 'another answer came than its own')
  }

  /** Until it has a final answer, whole or not, or none can come. */
  async isAnswered(): Promise<void> {
    const { visitor } = this
    await this.#until(
      () => visitor.gone || /HTTP\/[12.]+ [2-5]/.test(visitor.seen) || undefined,
      () => `no answer and no end (${brief(visitor.seen)})`,
    )
    assert(!visitor.seen.includes(poison), 'another answer came than its own')
  }

  /** Until the connection, or the stream, has ended. */
  async isGone(): Promise<void> {
    const { visitor } = this
    await this.#until(
      () => visitor.gone || undefined,
      () => `the connection stays (${brief(visitor.seen)})`,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.visitor.close()
    await this.visitor.closed
  }
}

const brief = (text: string): string => JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)

/** A 200 whose content is whole. In HTTP/1.1 the end of the chunks may follow it. */
const success =
  /^(?:HTTP\/1\.1 103.*?\r\n\r\n|HTTP\/1\.1 100.*?\r\n\r\n|HTTP\/2 10[03]\r\n\r\n)*HTTP\/(?:1\.1|2) 200\b.*the end\.(?:\r\n0\r\n.*)?$/s

/** Asks, and demands all of a good answer, as often as said on one connection. */
const asks =
  (asked: (dice: () => number) => Asked, times = 1) =>
  async (scene: Scene): Promise<void> => {
    await using caller = await Caller.at(scene)
    for (let time = 0; time < times; time++) {
      caller.visitor.forget()
      caller.visitor.ask(asked(scene.dice))
      await caller.sees(success)
    }
  }

const lengthFrom = (dice: () => number): number =>
  [10, 1_000, 20_000, 200_000][Math.floor(dice() * 4)] as number

const ordinary: readonly Visit[] = [
  {
    name: 'GET',
    over: everywhere,
    weight: 10,
    run: asks((dice) => ({ method: 'GET', target: `/content/${lengthFrom(dice)}` }), 3),
  },
  {
    name: 'GET of chunks',
    over: everywhere,
    weight: 5,
    run: asks((dice) => ({ method: 'GET', target: `/chunked/${lengthFrom(dice)}` }), 3),
  },
  {
    name: 'POST',
    over: everywhere,
    weight: 10,
    run: asks((dice) => ({ method: 'POST', target: '/echo', content: 'x'.repeat(lengthFrom(dice)) })),
  },
  {
    name: 'POST without content',
    over: everywhere,
    weight: 2,
    run: asks(() => ({ method: 'POST', target: '/echo' })),
  },
  {
    name: 'GET with interim responses',
    over: everywhere,
    weight: 3,
    run: asks(() => ({ method: 'GET', target: '/hints' })),
  },
  {
    name: 'HEAD',
    over: everywhere,
    weight: 2,
    async run(scene) {
      await using caller = await Caller.at(scene)
      caller.visitor.ask({ method: 'HEAD', target: '/content/1000' })
      await caller.sees(/^HTTP\/(?:1\.1|2) 200\b.*\r\n\r\n$/s)
    },
  },
  {
    name: 'tunnel',
    over: http1,
    weight: 5,
    async run(scene) {
      await using caller = await Caller.at(scene)
      caller.visitor.ask({ method: 'GET', target: '/switch', fields: upgrade })
      await caller.sees(/^HTTP\/1\.1 101.*hi$/s)
      caller.visitor.send('x'.repeat(lengthFrom(scene.dice)) + ending)
      await caller.sees(/the end\.$/)
      caller.visitor.leave('half-close')
      await caller.isGone()
    },
  },
]

/** The client goes, in each way, in the middle of everything. */
const moments: Readonly<
  Record<string, { asked: Asked; seen?: RegExp; over?: readonly Protocol[]; sends?: string }>
> = {
  'at once': { asked: { method: 'GET', target: '/content/200000' } },
  'before the head': { asked: { method: 'GET', target: '/silent' } },
  'in an upload': { asked: { method: 'POST', target: '/echo', content: 'hello world', now: 5 } },
  'in the content': { asked: { method: 'GET', target: '/half' }, seen: /begun/ },
  'in an upgrade': { asked: { method: 'GET', target: '/silent', fields: upgrade }, over: http1 },
  'in an upgrade with content': {
    asked: { method: 'POST', target: '/silent', fields: upgrade, content: 'hello', now: 2 },
    over: http1,
  },
  'behind a refused upgrade': {
    asked: { method: 'GET', target: '/refuse', fields: upgrade },
    seen: /the end/,
    sends: 'of the other protocol',
    over: http1,
  },
  'in a tunnel': {
    asked: { method: 'GET', target: '/switch', fields: upgrade },
    seen: /hi$/,
    sends: 'ho',
    over: http1,
  },
}

const waysOver = (protocol: Protocol): readonly Way[] =>
  ways.filter((way) =>
    protocol === 'HTTP/2'
      ? way !== 'half-close'
      : way !== 'RST_STREAM' && way !== 'GOAWAY' && (way !== 'TLS cut' || protocol === 'TLS'),
  )

const leaving: readonly Visit[] = Object.entries(moments).map(
  ([moment, { asked, seen, sends, over = everywhere }]) => ({
    name: `leaves ${moment}`,
    over,
    weight: 3,
    async run(scene) {
      await using caller = await Caller.at(scene)
      const { visitor } = caller
      visitor.ask(asked)
      if (seen !== undefined) await caller.sees(seen)
      if (sends !== undefined) visitor.send(sends)
      const possible = waysOver(scene.protocol)
      visitor.leave(possible[Math.floor(scene.dice() * possible.length)] as Way)
    },
  }),
)

const hookFaults = ['throws', 'rejects', 'nonsense', 'late']
const badHooks: readonly Visit[] = ['upstream', 'rewrite', 'modifyResponse', 'transport', 'onEnd'].flatMap(
  (hook) =>
    (hook === 'onEnd' ? ['throws'] : hookFaults).map((fault) => ({
      name: `${hook} ${fault}`,
      over: everywhere,
      weight: 0.5,
      hooked: true as const,
      async run(scene: Scene) {
        await using caller = await Caller.at(scene)
        caller.visitor.ask({ method: 'GET', target: `/hook/${hook}/${fault}` })
        await caller.isAnswered()
      },
    })),
)

/** Bytes that are no request, or more than one, and how that has to end. */
const raw: Readonly<Record<string, string>> = {
  garbage: '\x00\x01\x02\r\n\r\n',
  'a head without end': 'GET / HTTP/1.1\r\nHost: a\r\nX-',
  'a head that is too large': `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`,
  'two framings':
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'chunks that are none': 'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
  'chunks of zeros': `POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${'0'.repeat(100_000)}`,
  RTSP: 'DESCRIBE /content/10 RTSP/1.0\r\nHost: a\r\n\r\n',
  'an expectation nobody knows': 'GET /content/10 HTTP/1.1\r\nHost: a\r\nExpect: x-magic\r\n\r\n',
  'content that is waited for':
    'POST /continue HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n',
  'an early answer': 'POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\nhello',
  'an upgrade with an early answer':
    'POST /early HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\nContent-Length: 500\r\n\r\nhello',
  'forged fields':
    'GET /content/10 HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nX_Real_IP: 1.2.3.4\r\nForwarded: for=x\r\n\r\n',
  'forged trailers':
    'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: Via\r\n\r\n1\r\na\r\n0\r\nVia: 1.1 x\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n',
  'OPTIONS *': 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
  CONNECT: 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n',
  'a pipeline': 'GET /content/1000 HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(300),
  'a pipeline with content': `${'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'.repeat(200)}`,
  'a pipeline behind silence': `GET /silent HTTP/1.1\r\nHost: a\r\n\r\n${'GET /content/10 HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3_000)}`,
  'a request behind an upgrade':
    'POST /echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\nContent-Length: 5\r\n\r\nhelloPOST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 41\r\n\r\n',
}

const rawRequests: readonly Visit[] = Object.entries(raw).map(([name, bytes]) => ({
  name: `client: ${name}`,
  over: http1,
  weight: 1,
  async run(scene) {
    await using caller = await Caller.at(scene)
    caller.visitor.send(bytes)
    if (scene.dice() < 0.7) await caller.isAnswered()
    const possible = waysOver(scene.protocol)
    caller.visitor.leave(possible[Math.floor(scene.dice() * possible.length)] as Way)
  },
}))

const drips: Visit = {
  name: 'client: empty lines, one after the other',
  over: http1,
  weight: 0.3,
  async run(scene) {
    await using caller = await Caller.at(scene)
    const timer = setInterval(() => caller.visitor.send('\r\n'), 300)
    try {
      await caller.isGone()
    } finally {
      clearInterval(timer)
    }
  },
}

/** Frame by frame: a session of Node's, ended in the middle of so much, ends its process now and then. */
const inFrames =
  (use: (client: FrameClient) => Promise<unknown>) =>
  async ({ port, ca }: Scene): Promise<void> => {
    using client = await frameClient(new URL(`https://127.0.0.1:${port}`), ca)
    await use(client)
  }

/** Which the gateway does, since nothing else can be done. */
const closed = ({ socket }: FrameClient): Promise<unknown> =>
  socket.closed ? Promise.resolve() : once(socket, 'close')

const badOrigins: readonly Visit[] = Object.keys(bad).map((name) => ({
  name: `origin: ${name}`,
  over: everywhere,
  weight: 1,
  async run(scene) {
    const target = `/bad/${encodeURIComponent(name)}`
    const content = scene.dice() < 0.7 ? undefined : 'x'.repeat(lengthFrom(scene.dice))
    if (scene.protocol === 'HTTP/2') {
      await inFrames((client) => endOf(client, target, content))(scene)
      return
    }
    await using caller = await Caller.at(scene)
    if (content === undefined) caller.visitor.ask({ method: 'GET', target })
    else caller.visitor.ask({ method: 'POST', target, content })
    await caller.isAnswered()
  },
}))

/** Asks, and waits for the end of the stream. */
async function endOf(client: FrameClient, target: string, content = ''): Promise<void> {
  const { send } = client
  const method = content === '' ? 'GET' : 'POST'
  send(HEADERS, END_HEADERS | (content === '' ? END_STREAM : 0), 1, headersOf(method, target))
  // No more than what every server grants at first.
  if (content !== '') send(DATA, END_STREAM, 1, Buffer.from(content.slice(0, 16_384)))
  await client.frame(
    ({ type, flags }) =>
      type === RST_STREAM ||
      type === GOAWAY ||
      ((type === DATA || type === HEADERS) && (flags & END_STREAM) !== 0),
  )
  assert(!client.frames.some(({ payload }) => payload.includes(poison)), 'another answer came than its own')
}

const streams: readonly Visit[] = [
  ...['x-magic', '', '100-Continue', '100-continue'].map(
    (expectation): Visit => ({
      name: `client: expect ${JSON.stringify(expectation)}`,
      over: http2,
      weight: 0.5,
      async run(scene) {
        await using caller = await Caller.at(scene)
        const fields = { expect: expectation }
        caller.visitor.ask({ method: 'POST', target: '/continue', fields, content: 'hello' })
        await caller.isAnswered()
      },
    }),
  ),
  {
    name: 'client: rapid resets',
    over: http2,
    weight: 0.5,
    run: inFrames(async (client) => {
      for (let stream = 1; stream < 200; stream += 2) {
        client.send(HEADERS, END_STREAM | END_HEADERS, stream, headersOf('GET', '/content/1000'))
        client.send(RST_STREAM, 0, stream, Buffer.of(0, 0, 0, constants.NGHTTP2_CANCEL))
      }
      client.send(PING, 0, 0, Buffer.alloc(8))
      await client.frame(({ type }) => type === PING || type === GOAWAY)
    }),
  },
  {
    name: 'client: gives its streams no window',
    over: http2,
    weight: 0.5,
    run: inFrames(async (client) => {
      for (let stream = 1; stream < 40; stream += 2)
        client.send(HEADERS, END_STREAM | END_HEADERS, stream, headersOf('GET', '/content/200000'))
      await client.frame(({ type, stream }) => type === HEADERS && stream === 39)
    }),
  },
  {
    name: 'client: a header block without end',
    over: http2,
    weight: 0.3,
    run: inFrames(async (client) => {
      client.send(HEADERS, END_STREAM, 1, headersOf('GET', '/content/10'))
      client.send(CONTINUATION, 0, 1)
      await closed(client)
    }),
  },
  {
    name: 'client: resets what it has not begun',
    over: http2,
    weight: 0.3,
    run: inFrames(async (client) => {
      client.send(HEADERS, END_STREAM | END_HEADERS, 1, headersOf('GET', '/content/1000'))
      client.send(RST_STREAM, 0, 7, Buffer.alloc(4))
      await closed(client)
    }),
  },
]

export const visits: readonly Visit[] = [
  ...ordinary,
  ...leaving,
  ...badOrigins,
  ...badHooks,
  ...rawRequests,
  drips,
  ...streams,
]
