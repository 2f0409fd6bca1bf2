/** What every strategy tells those who watch it: events on diagnostics channels, and the state of its pool. */

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { connect, type Origin, startOrigin } from '@relayrace/fixtures/wire'
import type {
  EndMessage,
  ErrorMessage,
  ExchangeMessage,
  Gateway,
  GatewayOptions,
  Strategy,
  UpstreamMessage,
} from '@relayrace/gateway'
import { describe, expect, onTestFinished, test } from 'vitest'

interface Event {
  readonly name: string
  readonly message: ExchangeMessage
}

export function watchedPromisesOf(create: Strategy<Gateway>): void {
  interface Stage {
    readonly origin: Origin
    readonly gateway: Gateway
    readonly url: URL
  }

  async function stage(options: Partial<GatewayOptions> = {}): Promise<Stage> {
    const origin = await startOrigin()
    onTestFinished(() => origin[Symbol.asyncDispose]())
    const gateway = create({ upstream: origin.url, ...options })
    onTestFinished(() => gateway.close(0))
    const { url } = await gateway.listen()
    return { origin, gateway, url }
  }

  /** All events from now on, and a promise of the end of an exchange. */
  function watch(): { readonly events: Event[]; readonly ended: Promise<void> } {
    const events: Event[] = []
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    for (const name of ['start', 'upstream', 'error', 'end']) {
      const listener = (message: unknown): void => {
        events.push({ name, message: message as ExchangeMessage })
        if (name === 'end') resolve()
      }
      subscribe(`relayrace:exchange:${name}`, listener)
      onTestFinished(() => {
        unsubscribe(`relayrace:exchange:${name}`, listener)
      })
    }
    return { events, ended }
  }

  async function clientOf(url: URL) {
    const client = await connect(url)
    onTestFinished(() => client.close())
    return client
  }

  const get = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n'
  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

  describe('diagnostics channels', () => {
    test('tell of an exchange from start to end, with the same object', async () => {
      const { origin, gateway, url } = await stage()
      const { events, ended } = watch()
      const client = await clientOf(url)
      client.send(get)
      await (await origin.request()).send(ok)
      await ended
      expect(events.map(({ name }) => name)).toEqual(['start', 'upstream', 'end'])
      expect(new Set(events.map(({ message }) => message.exchange)).size).toBe(1)
      expect(new Set(events.map(({ message }) => message.gateway))).toEqual(new Set([gateway.name]))
      expect(((events[1] as Event).message as UpstreamMessage).endpoint.port).toBe(origin.port)
      const { summary } = (events[2] as Event).message as EndMessage
      expect(summary).toMatchObject({ target: '/a', status: 200, outcome: 'completed', responseBytes: 2 })
      expect(summary.times.responseHead).toBeGreaterThan(0)
      expect(summary.remoteAddress).toBe('127.0.0.1')
    })

    test('let a tracer add fields to what goes upstream', async () => {
      const { origin, url } = await stage()
      const trace = (message: unknown): void =>
        (message as UpstreamMessage).request.fields.set('Traceparent', '00-1-2-01')
      subscribe('relayrace:exchange:upstream', trace)
      onTestFinished(() => {
        unsubscribe('relayrace:exchange:upstream', trace)
      })
      const client = await clientOf(url)
      client.send(get)
      const { message, send } = await origin.request()
      expect(message.get('traceparent')).toBe('00-1-2-01')
      await send(ok)
    })

    test('tell of a failure once, before the end', async () => {
      const { origin, url } = await stage()
      const { events, ended } = watch()
      const client = await clientOf(url)
      client.send(get)
      ;(await origin.request()).connection.reset()
      await ended
      expect(events.map(({ name }) => name)).toEqual(['start', 'upstream', 'error', 'end'])
      const { error } = (events[2] as Event).message as ErrorMessage
      expect(error.source).toBe('upstream')
      expect(((events[3] as Event).message as EndMessage).summary.error).toBe(error)
    })

    test('tell of what is refused, which never goes upstream', async () => {
      const { url } = await stage()
      const { events, ended } = watch()
      const client = await clientOf(url)
      client.send('TRACE /a HTTP/1.1\r\nHost: a\r\n\r\n')
      await ended
      expect(events.map(({ name }) => name)).toEqual(['start', 'error', 'end'])
      expect(((events[2] as Event).message as EndMessage).summary).toMatchObject({
        outcome: 'refused',
        status: 405,
      })
    })
  })

  describe('the pool', () => {
    test('shows connections in use, then idle, then gone', async () => {
      const { origin, gateway, url } = await stage()
      expect(gateway.pool).toEqual({ connections: 0, idle: 0, waiting: 0 })
      const client = await clientOf(url)
      client.send(get)
      const { send, connection } = await origin.request()
      expect(gateway.pool).toEqual({ connections: 1, idle: 0, waiting: 0 })
      await send(ok)
      await client.response()
      await expect.poll(() => gateway.pool).toEqual({ connections: 1, idle: 1, waiting: 0 })
      connection.end()
      await expect.poll(() => gateway.pool).toEqual({ connections: 0, idle: 0, waiting: 0 })
    })

    test('shows who waits for a connection, and never has more than it may', async () => {
      const { origin, gateway, url } = await stage({ pool: { connections: 1 } })
      const [one, two] = [await clientOf(url), await clientOf(url)]
      one.send(get)
      const first = await origin.request()
      two.send(get)
      await expect.poll(() => gateway.pool.waiting).toBe(1)
      expect(gateway.pool.connections).toBe(1)
      await first.send(ok)
      await one.response()
      await (await origin.request()).send(ok)
      await two.response()
      expect(origin.connections).toHaveLength(1)
    })

    test('is empty once the gateway is closed', async () => {
      const { origin, gateway, url } = await stage()
      const client = await clientOf(url)
      client.send(get)
      const { send, connection } = await origin.request()
      await send(ok)
      await client.response()
      await gateway.close()
      await connection.ended()
      await expect.poll(() => gateway.pool.connections).toBe(0)
    })

    test('an exchange that outlives the deadline of close is broken off', async () => {
      const { origin, gateway, url } = await stage()
      const client = await clientOf(url)
      client.send(get)
      const { send, connection } = await origin.request()
      await send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc')
      const arriving = await client.responding()
      await arriving.body(3)
      const closing = gateway.close(50)
      expect(gateway.close()).toBe(closing)
      await closing
      expect((await arriving.done()).verdict).toBe('incomplete')
      await connection.ended()
      expect(gateway.inFlight).toBe(0)
    })
  })
}
