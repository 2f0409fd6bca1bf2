/** Hooks of an application that misbehave: whatever one does, the exchange ends once, and the next is served. */

import { connect, startOrigin } from '@relayrace/fixtures/wire'
import {
  GatewayError,
  type GatewayOptions,
  type RequestHead,
  type ResponseHead,
  type Strategy,
} from '@relayrace/gateway'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { get, reply } from './stage.ts'

type Hooks = Partial<GatewayOptions>

const boom = (): never => {
  throw new Error('boom')
}
const reject = async (): Promise<never> => boom()
const never = (): Promise<never> => new Promise(() => {})
const rewrite = (edit: (out: RequestHead) => unknown): Hooks => ({ rewrite: (out) => void edit(out) })
const modify = (edit: (head: ResponseHead) => unknown): Hooks => ({
  modifyResponse: (head) => void edit(head),
})
/** A `lookup` that calls back a moment later, when nobody is there to catch what that throws. */
const found = (...answers: unknown[][]): Hooks => ({
  lookup: (_host, _options, done) => {
    setImmediate(() => {
      for (const answer of answers) (done as (...given: unknown[]) => void)(...answer)
    })
  },
})
const right = [null, [{ address: '127.0.0.1', family: 4 }]]
const refuse = (details: object): Hooks => ({
  rewrite: () => {
    throw new GatewayError('http_request_denied', { phase: 'requestHead', ...details })
  },
})
const answer = (reply: unknown): Hooks => ({ rewrite: boom, onError: () => reply as never })
/** In microtasks, of which some run before the head is written and some after it. */
async function little(edit: () => unknown): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await null
    edit()
  }
}
const soon = { timeouts: { total: 200 } } as const

/** What the hooks do, and what a client of `GET /` may be told then. */
const table: Readonly<Record<string, readonly [Hooks, ...number[]]>> = {
  'rewrite throws': [{ rewrite: boom }, 500],
  'rewrite rejects': [{ rewrite: reject }, 500],
  'rewrite never settles': [{ rewrite: never, ...soon }, 504],
  'rewrite leaves no path': [rewrite((out) => Reflect.deleteProperty(out, 'path')), 500],
  'rewrite leaves a path with a space': [
    rewrite((out) => {
      out.path = '/a b'
    }),
    500,
  ],
  'rewrite leaves a path with a line break': [
    rewrite((out) => {
      out.path = '/\r\nX: y'
    }),
    500,
  ],
  'rewrite leaves a path without its slash': [
    rewrite((out) => {
      out.path = 'nope'
    }),
    500,
  ],
  'rewrite leaves a method that is none': [
    rewrite((out) => {
      out.method = 'GE T'
    }),
    500,
  ],
  'rewrite leaves CONNECT': [
    rewrite((out) => {
      out.method = 'CONNECT'
    }),
    500,
  ],
  'rewrite leaves HEAD for GET': [
    rewrite((out) => {
      out.method = 'HEAD'
    }),
    200,
  ],
  'rewrite leaves no fields': [rewrite((out) => Reflect.deleteProperty(out, 'fields')), 500],
  'rewrite leaves a name without a value': [rewrite(({ fields }) => fields.raw.push('X-A')), 500],
  'rewrite leaves a field with a line break': [
    rewrite(({ fields }) => fields.raw.push('X-A', 'a\r\nB: c')),
    500,
  ],
  'rewrite leaves a field that is no text': [
    rewrite(({ fields }) => fields.raw.push('X-A', 1 as never)),
    500,
  ],
  'rewrite leaves two Hosts': [rewrite(({ fields }) => fields.append('Host', 'b')), 500],
  'rewrite takes Host away': [rewrite(({ fields }) => fields.delete('host')), 200],
  'rewrite announces content': [rewrite(({ fields }) => fields.set('Content-Length', '500')), 200],
  'rewrite announces chunks': [rewrite(({ fields }) => fields.set('Transfer-Encoding', 'chunked')), 200],
  'rewrite asks for another protocol': [
    rewrite(({ fields }) => {
      fields.append('Connection', 'Upgrade')
      fields.append('Upgrade', 'foo')
    }),
    200,
  ],
  'rewrite edits the head when it is out': [
    {
      rewrite: (out) => {
        setImmediate(() => {
          out.path = '/late'
          out.fields.raw.length = 1
        })
      },
    },
    200,
  ],
  'rewrite edits the head in a little while': [
    { rewrite: (out) => void little(() => Object.assign(out, { path: '/a b', fields: undefined })) },
    200,
    500,
  ],
  'rewrite leaves a name that is no text': [rewrite(({ fields }) => fields.raw.push(1 as never, 'a')), 500],
  'rewrite leaves a head that nobody can edit': [
    rewrite((out) => Object.freeze(Object.freeze(out).fields.raw)),
    200,
  ],
  ...Object.fromEntries(
    [99, 101, 600, Number.NaN, '403'].map((status) => [
      `rewrite throws a GatewayError with status ${typeof status} ${status}`,
      [refuse({ status }), 500] as const,
    ]),
  ),
  'rewrite throws a GatewayError with a detail of two lines': [refuse({ detail: 'a\r\nb: c' }), 403],
  'onError answers with framing of its own': [
    answer({ status: 502, fields: { 'Content-Length': '500', 'Transfer-Encoding': 'chunked' }, body: 'a' }),
    502,
  ],
  'onError answers with Trailer': [answer({ status: 502, fields: { Trailer: 'x' }, body: 'a' }), 502],
  'onError answers 205 with a body': [answer({ status: 205, body: 'a' }), 205],
  'onError answers with lines': [answer({ status: 502, fields: [['A', 'b']] }), 500],
  'modifyResponse throws': [{ modifyResponse: boom }, 502],
  'modifyResponse rejects': [{ modifyResponse: reject }, 502],
  'modifyResponse never settles': [{ modifyResponse: never, ...soon }, 504],
  ...Object.fromEntries(
    [0, 99, 100, 101, 199, 1000, 200.5, Number.NaN, '200', undefined].map((status) => [
      `modifyResponse leaves status ${JSON.stringify(status)} (${typeof status}, ${status})`,
      [
        modify((head) => {
          head.status = status as number
        }),
        502,
      ] as const,
    ]),
  ),
  'modifyResponse leaves 204 for content': [
    modify((head) => {
      head.status = 204
    }),
    204,
  ],
  'modifyResponse leaves 304 for content': [
    modify((head) => {
      head.status = 304
    }),
    304,
  ],
  'modifyResponse leaves a reason with a line break': [
    modify((head) => {
      head.reason = 'No\r\nX: y'
    }),
    502,
  ],
  'modifyResponse leaves a reason that is no text': [
    modify((head) => {
      head.reason = 1 as never
    }),
    502,
  ],
  'modifyResponse leaves no fields': [modify((head) => Reflect.deleteProperty(head, 'fields')), 502],
  'modifyResponse leaves a name without a value': [modify(({ fields }) => fields.raw.push('X-A')), 502],
  'modifyResponse leaves a field with a line break': [
    modify(({ fields }) => fields.raw.push('A', 'b\r\nC: d')),
    502,
  ],
  'modifyResponse leaves a name that is none': [modify(({ fields }) => fields.raw.push('A b', 'c')), 502],
  ...Object.fromEntries(
    ['500', '1', 'x', '-1', '5, 5'].map((length) => [
      `modifyResponse leaves Content-Length ${length}`,
      [modify(({ fields }) => fields.set('Content-Length', length)), 200] as const,
    ]),
  ),
  'modifyResponse takes Content-Length away': [modify(({ fields }) => fields.delete('content-length')), 200],
  'modifyResponse announces chunks': [
    modify(({ fields }) => fields.set('Transfer-Encoding', 'chunked')),
    200,
  ],
  'modifyResponse edits the head when it is out': [
    {
      modifyResponse: (head) => {
        setImmediate(() => {
          head.status = 99
          head.fields.raw.length = 1
        })
      },
    },
    200,
  ],
  'modifyResponse edits the head in a little while': [
    { modifyResponse: ({ fields }) => void little(() => fields.set('Content-Length', '3')) },
    200,
  ],
  'modifyResponse leaves a name that is no text': [
    modify(({ fields }) => fields.raw.push(1 as never, 'a')),
    502,
  ],
  'modifyResponse leaves a head that nobody can edit': [
    modify((head) => Object.freeze(Object.freeze(head).fields.raw)),
    200,
  ],
  'modifyResponse announces trailers': [modify(({ fields }) => fields.set('Trailer', 'x')), 200],
  'modifyResponse leaves 205 for content': [
    modify((head) => {
      head.status = 205
    }),
    205,
  ],
  'upstream throws': [{ upstream: boom }, 503],
  'upstream rejects': [{ upstream: reject }, 503],
  'upstream never settles': [{ upstream: never, ...soon }, 504],
  ...Object.fromEntries(
    [
      undefined,
      null,
      1,
      '',
      'nonsense',
      'ftp://127.0.0.1/',
      {},
      { socketPath: 1 },
      { socketPath: '' },
      { socketPath: '/a', host: 'a b' },
    ].map((origin) => [
      `upstream returns ${JSON.stringify(origin)}`,
      [{ upstream: () => origin as never }, 500] as const,
    ]),
  ),
  'lookup throws': [{ lookup: boom }, 502],
  'lookup rejects': [{ lookup: reject as never }, 502],
  'lookup finds nothing': [found([null, []]), 502],
  'lookup finds less than nothing': [found([]), 502],
  'lookup finds null': [found([null, [null]]), 502],
  'lookup finds a number': [found([null, 1, 4]), 502],
  'lookup finds one where all were asked for': [found([null, '127.0.0.1', 4]), 200],
  'lookup finds twice': [found(right, right), 200],
  'lookup finds and then fails': [found(right, [new Error('no')]), 200],
  'lookup fails with what is no error': [found(['no']), 502],
  'lookup never calls back': [{ lookup: () => {}, timeouts: { dns: 100 } }, 504],
  'lookup calls back twice': [
    {
      lookup: (_host, _options, done) => {
        ;(done as (...given: unknown[]) => void)(new Error('no'))
        ;(done as (...given: unknown[]) => void)(new Error('no'))
      },
    },
    502,
  ],
  'lookup finds nonsense': [
    { lookup: (_host, _options, done) => (done as (...given: unknown[]) => void)(null, 'nonsense', 7) },
    502,
  ],
  'transport throws': [{ transport: boom }, 500],
  'transport rejects': [{ transport: reject }, 500],
  'transport never settles': [{ transport: never, ...soon }, 504],
  'transport returns nothing': [{ transport: (() => {}) as never }, 500],
  'transport asks twice at once': [
    {
      async transport(_, next) {
        await Promise.all([next(), next()])
      },
    },
    200,
    500,
  ],
  'transport asks again after an answer': [
    {
      async transport(_, next) {
        await next()
        await next()
      },
    },
    200,
  ],
  'transport waits for nothing': [
    {
      async transport(_, next) {
        void next()
      },
    },
    200,
  ],
  'transport turns to nonsense': [{ transport: (_, next) => next('nonsense') }, 500],
}

export function hooksOf(create: Strategy): void {
  describe('hooks that misbehave', () => {
    test.each(Object.entries(table))('%s', async (name, [hooks, ...statuses]) => {
      vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
      await using origin = await startOrigin()
      const ends = vi.fn()
      const byName =
        'lookup' in hooks ? new URL(origin.url.href.replace('127.0.0.1', 'localhost')) : origin.url
      const gateway = create({ upstream: byName, ...hooks, onEnd: ends })
      onTestFinished(() => gateway.close(0))
      const { url } = await gateway.listen()
      // Until the test is over.
      void (async () => {
        for (;;) {
          const { message, send } = await origin.request({ within: 20_000 })
          await send(message.method === 'HEAD' ? reply('hello').slice(0, -5) : reply('hello'))
        }
      })().catch(() => {})

      const client = await connect(url)
      client.send(get('/'))
      const response = await client.response()
      expect(statuses).toContain(response.status)
      // Broken off is allowed where the fault came after the head, and nothing else is.
      if (response.status !== 200 || !name.startsWith('transport')) expect(response.verdict).toBe('complete')
      client.close()
      await vi.waitFor(() => expect(gateway.inFlight).toBe(0), 10_000)
      expect(ends).toHaveBeenCalledTimes(1)

      // A client that leaves while a hook is at work, or has been, ends its exchange as well.
      const second = await connect(url)
      second.send(get('/'))
      await vi.waitFor(() => expect(gateway.inFlight + ends.mock.calls.length).toBeGreaterThan(1), 10_000)
      second.reset()
      await vi.waitFor(() => expect(ends).toHaveBeenCalledTimes(2), 10_000)
      expect(gateway.inFlight).toBe(0)
      await gateway.close()
    })

    test.each([boom, reject as never])('informational that fails answers 502: %s', async (informational) => {
      await using origin = await startOrigin()
      const gateway = create({ upstream: origin.url, informational })
      onTestFinished(() => gateway.close(0))
      const client = await connect((await gateway.listen()).url)
      client.send(get('/'))
      const { send } = await origin.request()
      await send(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${reply('hello')}`)
      const { status, verdict } = await client.response()
      expect({ status, verdict }).toEqual({ status: 502, verdict: 'complete' })
    })

    test('what a 304 says of the length is not said of the 200 that a hook makes of it', async () => {
      await using origin = await startOrigin()
      const gateway = create({
        upstream: origin.url,
        ...modify((head) => Object.assign(head, { status: 200 })),
      })
      onTestFinished(() => gateway.close(0))
      const client = await connect((await gateway.listen()).url)
      client.send(get('/'))
      const { send } = await origin.request()
      await send('HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n')
      const { status, verdict } = await client.response()
      expect({ status, verdict }).toEqual({ status: 200, verdict: 'complete' })
    })

    test('content without an end that a hook makes a 204 of is let go of', async () => {
      await using origin = await startOrigin()
      const ends = vi.fn()
      const gateway = create({
        upstream: origin.url,
        ...modify((head) => Object.assign(head, { status: 204 })),
        onEnd: ({ outcome }) => ends(outcome),
      })
      onTestFinished(() => gateway.close(0))
      const client = await connect((await gateway.listen()).url)
      client.send(get('/'))
      const { send, connection } = await origin.request()
      await send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n')
      expect((await client.response()).status).toBe(204)
      await connection.ended()
      await vi.waitFor(() => expect(gateway.inFlight).toBe(0), 10_000)
      expect(ends.mock.calls).toEqual([['completed']])
    })
  })
}
