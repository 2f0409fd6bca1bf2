/** Replies whose body is a stream, where there is no connection: the rest is in `@relayrace/promises`. */

import type { Reply } from '@relayrace/gateway'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createFetchHandler, type FetchHandler, type FetchHandlerOptions } from '../src/fetch.ts'
import { createFetchProxy } from '../src/index.ts'

type Body = Extract<Reply['body'], AsyncIterable<unknown>>

const makers = { 'anywhere, with the global fetch': createFetchHandler, 'of a gateway': createFetchProxy }

describe.each(Object.entries(makers))('fetch(request) %s: a reply that is a stream', (_, create) => {
  function stage(
    options: Partial<FetchHandlerOptions>,
  ): Pick<FetchHandler, 'fetch' | 'inFlight'> & { summaries: unknown[] } {
    const summaries: unknown[] = []
    const handler = create({
      upstream: 'http://127.0.0.1:1',
      ...options,
      onEnd: ({ outcome, status, responseBytes }) => summaries.push([outcome, status, responseBytes]),
    })
    onTestFinished(() => handler.close(0))
    return {
      fetch: handler.fetch,
      get inFlight() {
        return handler.inFlight
      },
      summaries,
    }
  }
  const asked = (init: RequestInit = {}): Request => new Request('http://here.example/', init)
  const answering = (body: Body, fields: Record<string, string> = {}): Partial<FetchHandlerOptions> => ({
    upstream: () => ({ status: 200, fields, body }),
  })

  /** What was pulled of it, and how often it was returned from. */
  function watched(pieces: Iterable<string | Error>): { body: Body; pulled: number; returned: number } {
    const given = pieces[Symbol.iterator]()
    const source = { pulled: 0, returned: 0 }
    const body: Body = {
      [Symbol.asyncIterator]: () => ({
        async next() {
          source.pulled++
          const { value, done } = given.next()
          if (value instanceof Error) throw value
          return done === true ? { done, value } : { done: false, value }
        },
        async return() {
          source.returned++
          return { done: true, value: undefined }
        },
      }),
    }
    return Object.assign(source, { body })
  }

  test('is handed on piece by piece, and pulled no faster than it is read', async () => {
    const source = watched(['a', 'b', 'c'])
    const handler = stage(answering(source.body))
    const { body } = await handler.fetch(asked())
    const reader = (body as ReadableStream<Uint8Array>).getReader()
    for (const [i, piece] of [...'abc'].entries()) {
      const { value } = await reader.read()
      expect(Buffer.from(value as Uint8Array).toString()).toBe(piece)
      // Whatever might be under way has its time.
      await new Promise(setImmediate)
      expect([source.pulled, handler.inFlight]).toEqual([i + 1, 1])
    }
    expect((await reader.read()).done).toBe(true)
    expect([handler.inFlight, handler.summaries, source.returned]).toEqual([0, [['completed', 200, 3]], 0])
  })

  test.each(['body', 'signal'])('is returned from once when its client leaves by its %s', async (way) => {
    const source = watched(['a', 'b', 'c'])
    const handler = stage(answering(source.body))
    const controller = new AbortController()
    const { body } = await handler.fetch(asked({ signal: controller.signal }))
    const reader = (body as ReadableStream<Uint8Array>).getReader()
    await reader.read()
    if (way === 'body') await reader.cancel()
    else {
      controller.abort()
      await expect(reader.read()).rejects.toThrow()
    }
    expect([handler.inFlight, handler.summaries]).toEqual([0, [['aborted', 200, 1]]])
    expect([source.pulled, source.returned]).toEqual([1, 1])
  })

  test('that fails before its first byte is 500, and after it an error of the body', async () => {
    const first = stage(answering(watched([new Error('no')]).body))
    expect((await first.fetch(asked())).status).toBe(500)
    const handler = stage(answering(watched(['a', new Error('no')]).body))
    const response = await handler.fetch(asked())
    expect(response.status).toBe(200)
    await expect(response.text()).rejects.toThrow()
    expect([handler.inFlight, handler.summaries]).toEqual([0, [['failed', 200, 1]]])
  })

  test.each([
    [['ab', 'c'], 0],
    [['abcd', 'e'], 1],
  ])('of another length than its Content-Length is an error of the body: %j', async (pieces, returned) => {
    const source = watched(pieces)
    const handler = stage(answering(source.body, { 'Content-Length': '4' }))
    const response = await handler.fetch(asked())
    if (response.status === 200) await expect(response.text()).rejects.toThrow()
    else expect(response.status).toBe(500)
    expect(source.returned).toBe(returned)
  })

  test('is not pulled for HEAD, and returned from once', async () => {
    const source = watched(['a'])
    const handler = stage(answering(source.body, { 'Content-Length': '1' }))
    const response = await handler.fetch(asked({ method: 'HEAD' }))
    expect([response.body, response.headers.get('content-length')]).toEqual([null, '1'])
    expect([source.pulled, source.returned, handler.inFlight]).toEqual([0, 1, 0])
  })

  test('is what onError may return, and ends with its client', async () => {
    const source = watched(['sor', 'ry'])
    const handler = stage({
      upstream: () => {
        throw new Error('no')
      },
      onError: () => ({ status: 503, body: source.body }),
    })
    const response = await handler.fetch(asked())
    expect(response.status).toBe(503)
    await response.body?.cancel()
    expect([handler.inFlight, source.returned]).toEqual([0, 1])
  })
})
