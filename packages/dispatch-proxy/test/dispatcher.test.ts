/** undici's interceptors around the gateway's connections. */

import { connect, startOrigin } from '@relayrace/fixtures/wire'
import { get, head, reply, stageFor } from '@relayrace/promises/stage'
import { type Dispatcher, interceptors } from 'undici'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createDispatchProxy, type DispatchOptions } from '../src/index.ts'

const composed = (...around: Dispatcher.DispatcherComposeInterceptor[]) =>
  stageFor((options) => createDispatchProxy({ ...options, dispatcher: (ours) => ours.compose(around) }))({
    pool: { connections: 2 },
  })

/** Hands everything on as it is. */
const through: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) =>
  dispatch({ ...options }, handler)

describe('B5 interceptors of undici', () => {
  test('leave a head as it came that none has edited', async () => {
    const { origin, client } = await composed(through)
    client.send(get('/'))
    await (await origin.request()).send(reply('ok', 'X-Mixed: One', 'x-other: 2', 'X-mixed: Three'))
    const { fields, text } = await client.response()
    const names = fields.map(([name]) => name)
    expect(names.slice(0, 4)).toEqual(['Content-Length', 'X-Mixed', 'x-other', 'X-mixed'])
    expect(text).toBe('ok')
  })

  test('edit heads of responses, and of requests', async () => {
    const { origin, client } = await composed((dispatch) => (options, handler) => {
      const edited: Dispatcher.DispatchHandler = {
        onRequestStart: (...args) => handler.onRequestStart?.(...args),
        onResponseStart: (controller, status, headers, reason) =>
          handler.onResponseStart?.(controller, status, { ...headers, 'x-added': 'here' }, reason),
        onResponseData: (...args) => handler.onResponseData?.(...args),
        onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
        onResponseError: (...args) => handler.onResponseError?.(...args),
      }
      const headers = [...(options.headers as string[]), 'X-Asked', 'so']
      return dispatch({ ...options, headers }, edited)
    })
    client.send(get('/'))
    const { message, send } = await origin.request()
    expect(message.get('x-asked')).toBe('so')
    await send(reply('ok'))
    const response = await client.response()
    expect(response.get('x-added')).toBe('here')
    expect(response.text).toBe('ok')
  })

  test('unpack content, and what the head says of it goes', async () => {
    const { origin, client } = await composed(interceptors.decompress())
    client.send(get('/'))
    const packed = await new Response(
      new Blob(['hello '.repeat(1_000)]).stream().pipeThrough(new CompressionStream('gzip')),
    ).arrayBuffer()
    const { send } = await origin.request()
    await send(head('HTTP/1.1 200 OK', 'Content-Encoding: gzip', `Content-Length: ${packed.byteLength}`))
    await send(Buffer.from(packed))
    const response = await client.response()
    expect(response.get('content-encoding')).toBeUndefined()
    expect(response.text).toBe('hello '.repeat(1_000))
  })

  test('lead elsewhere, on connections of the gateway', async () => {
    const other = await startOrigin()
    onTestFinished(() => other[Symbol.asyncDispose]())
    const { origin, client, gateway } = await composed(interceptors.redirect({ maxRedirections: 1 }))
    client.send(get('/'))
    await (await origin.request()).send(
      head('HTTP/1.1 302 Found', `Location: ${other.url}there`, 'Content-Length: 0'),
    )
    const { message, send } = await other.request()
    expect(message.target).toBe('/there')
    await send(reply('ok'))
    expect((await client.response()).text).toBe('ok')
    await expect.poll(() => gateway.pool).toEqual({ connections: 2, idle: 2, waiting: 0 })
  })

  test('that answer by themselves ask nobody', async () => {
    const { origin, client } = await composed(() => (_, handler) => {
      const controller = { pause() {}, resume() {}, abort() {} } as unknown as Dispatcher.DispatchController
      handler.onRequestStart?.(controller, {})
      handler.onResponseStart?.(controller, 200, { 'content-length': '6' }, 'OK')
      handler.onResponseData?.(controller, Buffer.from('cached'))
      handler.onResponseEnd?.(controller, {})
      return true
    })
    client.send(get('/'))
    expect((await client.response()).text).toBe('cached')
    expect(origin.connections).toHaveLength(0)
  })

  test.each<[string, Dispatcher.DispatcherComposeInterceptor]>([
    [
      'throw',
      () => (_options, _handler) => {
        throw new Error('no')
      },
    ],
    [
      'ask without the options that they were given',
      (dispatch) =>
        ({ path, method, origin }, handler) =>
          dispatch({ path, method, origin } as Dispatcher.DispatchOptions, handler),
    ],
    [
      'make options that undici refuses',
      (dispatch) => (options, handler) => dispatch({ ...options, path: 'no path' }, handler),
    ],
  ])('that %s fail that exchange, and leave nothing', async (_, around) => {
    const { client, gateway } = await composed(around)
    // More than there are places.
    for (let round = 0; round < 3; round++) {
      client.send(get('/'))
      expect((await client.response()).status).toBeGreaterThanOrEqual(500)
    }
    await expect.poll(() => gateway.inFlight).toBe(0)
    await expect.poll(() => gateway.pool).toEqual({ connections: 0, idle: 0, waiting: 0 })
  })
})

/** Around the handler of each request. */
const handled =
  (
    edit: (handler: Dispatcher.DispatchHandler) => Dispatcher.DispatchHandler,
  ): Dispatcher.DispatcherComposeInterceptor =>
  (dispatch) =>
  (options, handler) =>
    dispatch(options, {
      onRequestStart: (...args) => handler.onRequestStart?.(...args),
      onResponseStart: (...args) => handler.onResponseStart?.(...args),
      onResponseData: (...args) => handler.onResponseData?.(...args),
      onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
      onResponseError: (...args) => handler.onResponseError?.(...args),
      ...edit(handler),
    })

const thrown = (): never => {
  throw new Error('mine')
}

test.each<[string, Dispatcher.DispatcherComposeInterceptor]>([
  ['throws at once', () => (_options, _handler) => thrown()],
  ['throws at the beginning of a request', handled(() => ({ onRequestStart: thrown }))],
  ['throws at a response', handled(() => ({ onResponseStart: thrown }))],
  [
    'gives up without an error',
    handled((handler) => ({
      onRequestStart: (controller, context) => {
        handler.onRequestStart?.(controller, context)
        controller.abort('mine' as never)
      },
    })),
  ],
  [
    'makes options that undici refuses',
    (dispatch) => (options, handler) => dispatch({ ...options, path: 'no path' }, handler),
  ],
])('B5 an interceptor that %s is no fault of the upstream: 500', async (_, around) => {
  const { origin, client, ended } = await composed(around)
  origin.request().then(
    ({ send }) => send(reply('ok')),
    () => {},
  )
  client.send(get('/'))
  expect((await client.response()).status).toBe(500)
  expect(await ended()).toMatchObject({ errorType: 'proxy_internal_error', endedBy: 'gateway' })
})

test('B5 an interceptor that asks twice at once is refused, and leaves nothing', async () => {
  const { origin, client, gateway } = await composed((dispatch) => (options, handler) => {
    dispatch({ ...options }, handler)
    return dispatch({ ...options }, handler)
  })
  client.send(get('/'))
  expect((await client.response()).status).toBe(500)
  await expect.poll(() => gateway.pool.connections).toBe(0)
  expect(origin.requests.length).toBeLessThan(2)
})

test('B5 a client that leaves takes no other one along for which the same request was to be enough', async () => {
  const both = Promise.withResolvers<void>()
  let asked = 0
  const { origin, client, url } = await composed(
    (dispatch) => (options, handler) => {
      void both.promise.then(() => dispatch(options, handler))
      return true
    },
    interceptors.deduplicate(),
    (dispatch) => (options, handler) => {
      const taken = dispatch(options, handler)
      if (++asked === 2) both.resolve()
      return taken
    },
  )
  const other = await connect(url)
  onTestFinished(() => other.close())
  client.send(get('/'))
  await expect.poll(() => asked).toBe(1)
  other.send(get('/'))
  await origin.request()
  client.close()
  await (await origin.request()).send(reply('ok'))
  expect((await other.response()).text).toBe('ok')
})

test('a connection is not kept for a request that undici refuses', async () => {
  const { origin, client, gateway } = await composed(
    (dispatch) => (options, handler) =>
      dispatch({ ...options, path: options.path === '/' ? '/' : 'no path' }, handler),
  )
  client.send(get('/'))
  await (await origin.request()).send(reply('ok'))
  await client.response()
  await expect.poll(() => gateway.pool.idle).toBe(1)
  client.send(get('/bad'))
  expect((await client.response()).status).toBeGreaterThanOrEqual(500)
  await expect.poll(() => gateway.pool.connections).toBe(0)
})

test.each([
  ['no function', 'compose'],
  ['what gives back no dispatcher', () => undefined],
])('the option dispatcher that is %s is a TypeError', (_, dispatcher) => {
  const options = { upstream: 'http://127.0.0.1:1', dispatcher } as unknown as DispatchOptions
  expect(() => createDispatchProxy(options)).toThrow(/^dispatcher has to/)
})
