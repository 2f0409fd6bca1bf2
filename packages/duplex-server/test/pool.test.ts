import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { type Origin, startOrigin } from '@relayrace/fixtures/wire'
import { Fields, GatewayError, type GatewayOptions } from '@relayrace/gateway'
import { endpoint, noContent, resolveSettings } from '@relayrace/gateway/strategy'
import { afterEach, describe, expect, test } from 'vitest'
import { requestHead } from '../src/head.ts'
import { Pool } from '../src/pool.ts'
import type { Asker, UpstreamConnection } from '../src/upstream-connection.ts'
import { until } from './sockets.ts'
import { Watched } from './watched.ts'

const opened: { close(): void; origin: Origin }[] = []
afterEach(async () => {
  for (const { close, origin } of opened.splice(0)) {
    close()
    await origin[Symbol.asyncDispose]()
  }
})

const someClient = () => Object.assign(new EventEmitter(), { destroyed: false })

interface Asking {
  readonly client: ReturnType<typeof someClient>
  readonly fields: Fields
}

async function stage(options: Partial<GatewayOptions['pool']> = {}) {
  const origin = await startOrigin()
  const settings = resolveSettings('test', { upstream: origin.url, pool: options })
  const sweep = new Watched()
  const pool = new Pool(settings, sweep)
  opened.push({ close: () => pool.close(), origin })
  const to = endpoint(origin.url)
  const anybody = someClient()

  /** Sends a request; resolves with its connection once the whole answer is there, or with the error. */
  const ask = (
    fresh = false,
    target = '/',
    { client = anybody, fields = new Fields() }: Partial<Asking> = {},
  ): { connection: UpstreamConnection; answer: Promise<GatewayError | undefined> } => {
    const { promise, resolve } = Promise.withResolvers<GatewayError | undefined>()
    const asker: Asker = {
      connecting: () => {},
      informed: () => {},
      answered: (_head, content) => content.consume({ content: () => true, end: () => resolve(undefined) }),
      switched: () => {},
      caughtUp: () => {},
      drained: () => {},
      lost: (error) => resolve(error),
    }
    const connection = pool.take(to, asker, { client, fields, fresh })
    if (connection === undefined) throw new RangeError('no room')
    connection.ask('GET', requestHead('GET', target, ['Host', 'a']), noContent, false, asker).end()
    return { connection, answer: promise }
  }

  /** One exchange from request to release. */
  const exchange = async (response = ok): Promise<UpstreamConnection> => {
    const { connection, answer } = ask()
    const request = await origin.request()
    request.send(response)
    expect(await answer).toBeUndefined()
    connection.release()
    return connection
  }
  return { origin, pool, sweep, to, ask, exchange }
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const socketOf = (connection: UpstreamConnection): Socket => connection.wire.socket

describe('an idle connection', () => {
  test('is used again, the freshest first', async () => {
    const { origin, pool, ask, exchange } = await stage()
    const [first, second] = [ask(), ask()]
    for (const request of [await origin.request(), await origin.request()]) request.send(ok)
    await Promise.all([first.answer, second.answer])
    first.connection.release()
    second.connection.release()
    expect([pool.size, pool.idleSize]).toEqual([2, 2])
    expect(await exchange()).toBe(second.connection)
    expect(origin.connections).toHaveLength(2)
  })

  test('that the upstream has closed is not used, not even before its socket has closed', async () => {
    const { origin, pool, exchange, ask } = await stage()
    const first = await exchange()
    const seen = new Promise<{ idle: number; next: UpstreamConnection }>((resolve) => {
      // The first to hear of the end after the connection itself: its socket is destroyed and has not closed yet.
      socketOf(first).once('end', () => resolve({ idle: pool.idleSize, next: ask().connection }))
    })
    origin.connections[0]?.end()
    const { next } = await seen
    expect(socketOf(first).destroyed).toBe(true)
    expect(next).not.toBe(first)
    expect((await origin.request()).connection.id).toBe(2)
    await until(() => pool.size === 1, 'the end of the first')
    expect(pool.idleSize).toBe(0)
  })

  test('that was reset is forgotten', async () => {
    const { origin, pool, exchange } = await stage()
    await exchange()
    origin.connections[0]?.reset()
    await until(() => pool.size === 0, 'the end')
    expect(pool.idleSize).toBe(0)
  })

  test.each([
    ['an answer to nobody', ok],
    ['a single byte', 'x'],
    ['an empty line', '\r\n'],
  ])('is closed when the upstream says something on it: %s (RFC 9112 §11.1)', async (_, said) => {
    const { origin, pool, exchange } = await stage()
    const connection = await exchange()
    origin.connections[0]?.send(said)
    await until(() => pool.size === 0, 'the end')
    expect([pool.idleSize, socketOf(connection).destroyed]).toEqual([0, true])
  })

  test.each([
    ['a second answer', `${ok}${ok}`],
    ['a byte too many', `${ok}x`],
    ['the content that a 204 cannot have', 'HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok'],
  ])('is none after an answer with something behind it: %s', async (_, said) => {
    const { origin, pool, exchange } = await stage()
    const connection = await exchange(said)
    await until(() => pool.size === 0, 'the end')
    expect(socketOf(connection).destroyed).toBe(true)
    const next = await exchange()
    expect(next).not.toBe(connection)
    expect(origin.requests).toHaveLength(2)
  })

  test.each([
    ['Connection: close', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
    ['Connection: x, CLOSE', 'HTTP/1.1 200 OK\r\nConnection: x, CLOSE\r\nContent-Length: 2\r\n\r\nok'],
    ['Keep-Alive: timeout=1', 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok'],
    [
      'Keep-Alive: timeout=0',
      'HTTP/1.1 200 OK\r\nKeep-Alive: max=5, timeout=0\r\nContent-Length: 2\r\n\r\nok',
    ],
  ])('is none after an answer with %s', async (_, said) => {
    const { pool, exchange } = await stage()
    await exchange(said)
    await until(() => pool.size === 0, 'the end')
  })

  test('is given up a second before the upstream said it would be', async () => {
    const { pool, exchange } = await stage({ idleTimeout: 60_000 })
    await exchange('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=100\r\nContent-Length: 2\r\n\r\nok')
    const now = performance.now()
    pool.check(now + 3_500)
    expect(pool.idleSize).toBe(1)
    pool.check(now + 4_100)
    await until(() => pool.size === 0, 'the end')
  })

  test('is looked at as long as there is any', async () => {
    const { pool, sweep, exchange } = await stage()
    const connection = await exchange()
    expect(sweep.members).toEqual([pool])
    socketOf(connection).destroy()
    await until(() => sweep.members.length === 0, 'the end')
  })

  test('is given up after its time', async () => {
    const { pool, exchange } = await stage({ idleTimeout: 2_000 })
    await exchange()
    const now = performance.now()
    pool.check(now + 1_000)
    expect(pool.idleSize).toBe(1)
    pool.check(now + 2_100)
    await until(() => pool.size === 0, 'the end')
  })

  test('that is given up while it is listed is not used', async () => {
    const { pool, exchange, ask } = await stage({ idleTimeout: 2_000 })
    const first = await exchange()
    pool.check(performance.now() + 2_100)
    expect(ask().connection).not.toBe(first)
  })

  test('is not used when a fresh one is wanted', async () => {
    const { pool, exchange, ask } = await stage()
    const first = await exchange()
    expect(ask(true).connection).not.toBe(first)
    expect(pool.size).toBe(2)
  })
})

test('a client that has logged in and leaves takes its own connections with it, and no others', async () => {
  const { ask } = await stage()
  const fields = Fields.from({ Authorization: 'NTLM a' })
  const logIn = () => {
    const client = someClient()
    return { client, ...ask(false, '/', { client, fields }) }
  }
  // Enough of them for the name of one to begin like that of another.
  const clients = Array.from({ length: 12 }, logIn)
  const { connection: shared } = ask()
  clients[0]?.client.emit('close')
  const ended = [...clients.map(({ connection }) => connection), shared].map(
    (connection) => socketOf(connection).destroyed,
  )
  expect(ended).toEqual([true, ...Array(12).fill(false)])
})

test('room for a client that has logged in is not made by what is idle of another one', async () => {
  const { origin, pool, ask } = await stage({ connections: 11 })
  const logged = (client: ReturnType<typeof someClient>) =>
    ask(false, '/', { client, fields: Fields.from({ Authorization: 'NTLM a' }) })
  const first = someClient()
  logged(first).connection.abandon()
  await until(() => pool.size === 0, 'the end')
  // Enough of them for the name of one to begin like that of the first.
  for (let i = 0; i < 11; i++) {
    const { connection, answer } = logged(someClient())
    ;(await origin.request()).send(ok)
    await answer
    connection.release()
  }
  expect(() => logged(first)).toThrow('no room')
  expect(pool.idleSize).toBe(11)
})

describe('the bound', () => {
  test('on idle connections closes what is too much', async () => {
    const { origin, pool, ask } = await stage({ idle: 1 })
    const asked = [ask(), ask()]
    for (const request of [await origin.request(), await origin.request()]) request.send(ok)
    for (const { connection, answer } of asked) {
      await answer
      connection.release()
    }
    await until(() => pool.size === 1, 'the end of one')
    expect(pool.idleSize).toBe(1)
  })

  test('on all connections has what is too much wait', async () => {
    const { pool, ask } = await stage({ connections: 2 })
    ask()
    const { connection } = ask()
    expect(() => ask()).toThrow('no room')
    const called = new Promise<void>((resolve) => pool.wait(resolve))
    connection.abandon()
    await called
    expect(pool.size).toBe(1)
  })

  test('makes room by an idle one of another upstream', async () => {
    const { origin, pool, ask, exchange } = await stage({ connections: 1 })
    const first = await exchange()
    const next = ask(true).connection
    expect([next === first, socketOf(first).destroyed, pool.size, pool.idleSize]).toEqual([false, true, 1, 0])
    expect((await origin.request()).connection.id).toBe(2)
  })
})

test('closing ends idle connections and those in use, and none is kept afterwards', async () => {
  const { origin, pool, ask, exchange } = await stage()
  await exchange()
  const busy = ask(true)
  await origin.request()
  pool.close()
  expect(await busy.answer).toBeInstanceOf(GatewayError)
  await until(() => pool.size === 0, 'the end')
  const late = ask(true)
  ;(await origin.request()).send(ok)
  await late.answer
  late.connection.release()
  await until(() => pool.size === 0, 'the end')
})

test('a connection that was made after closing is not kept', async () => {
  const { pool, exchange } = await stage()
  pool.close()
  const late = await exchange()
  expect(pool.idleSize).toBe(0)
  expect(socketOf(late).destroyed).toBe(true)
})
