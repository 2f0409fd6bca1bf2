/** Hooks of an application that misbehave: whatever one does, the exchange ends once, and the next is served. */

import { connect, startOrigin } from '@relayrace/fixtures/wire'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { GatewayOptions, RequestHead, ResponseHead, Strategy } from '../src/index.ts'
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
  'upstream throws': [{ upstream: boom }, 503],
  'upstream rejects': [{ upstream: reject }, 503],
  'upstream never settles': [{ upstream: never, ...soon }, 504],
  ...Object.fromEntries(
    [undefined, null, 1, '', 'nonsense', 'ftp://127.0.0.1/', {}].map((origin) => [
      `upstream returns ${JSON.stringify(origin)}`,
      [{ upstream: () => origin as never }, 500] as const,
    ]),
  ),
  'lookup throws': [{ lookup: boom }, 502, 500],
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
    500,
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
  })
}
