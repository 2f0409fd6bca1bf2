import type { Socket } from 'node:net'
import { payload, Verifier } from '@relayrace/fixtures/payloads'
import type { GatewayError } from '@relayrace/gateway'
import { afterEach, describe, expect, test } from 'vitest'
import { Tunnel } from '../src/tunnel.ts'
import { Wire } from '../src/wire.ts'
import { hear, pair, until } from './sockets.ts'
import { Watched } from './watched.ts'

const opened: Socket[] = []
afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy()
})

const limits = { silence: 60_000, drain: 10_000 }

/** `client` and `upstream` are the far ends. */
async function stage() {
  const [left, right] = [await pair(), await pair()]
  const closed: (GatewayError | undefined)[] = []
  const silent = { received: () => {}, ended: () => {}, drained: () => {}, closed: () => {} }
  const wires = [Wire.accept(left.near, silent), Wire.accept(right.near, silent)] as const
  const sweep = new Watched()
  const tunnel = new Tunnel(...wires, limits, sweep, (error) => void closed.push(error))
  wires[0].events = tunnel.fromClient
  wires[1].events = tunnel.fromUpstream
  for (const wire of wires) wire.bulk = true
  opened.push(left.far, right.far, wires[0].socket, wires[1].socket)
  const end = (socket: Socket) => {
    const told: string[] = []
    socket.on('end', () => told.push('end'))
    socket.on('error', (error: NodeJS.ErrnoException) => told.push(error.code ?? ''))
    return { socket, heard: hear(socket), told }
  }
  return { tunnel, closed, sweep, client: end(left.far), upstream: end(right.far), wires }
}

const sides = [
  ['client', 'upstream'],
  ['upstream', 'client'],
] as const

describe.each(sides)('what the %s says', (here, there) => {
  test('the other side hears', async () => {
    const { tunnel, ...ends } = await stage()
    ends[here].socket.write('hello')
    await until(() => ends[there].heard() === 'hello', 'the words')
    expect([tunnel.sent, tunnel.received]).toEqual(here === 'client' ? [5, 0] : [0, 5])
  })

  test('reaches it whole, however slowly it reads', async () => {
    const { ...ends } = await stage()
    const size = 24 * 2 ** 20
    const verifier = new Verifier()
    ends[there].socket.removeAllListeners('data')
    ends[there].socket.on('data', (bytes: Buffer) => {
      verifier.update(bytes)
      ends[there].socket.pause()
      setImmediate(() => ends[there].socket.resume())
    })
    payload(size).pipe(ends[here].socket)
    await until(() => ends[there].told.includes('end'), 'the end', 60_000)
    expect([verifier.bytes, verifier.intact]).toEqual([size, true])
  })

  test('ends where it ends, and the other direction goes on', async () => {
    const { closed, sweep, ...ends } = await stage()
    ends[here].socket.end('last words')
    await until(() => ends[there].told.includes('end'), 'the end')
    expect(ends[there].heard()).toBe('last words')
    ends[there].socket.write('still here')
    await until(() => ends[here].heard() === 'still here', 'the answer')
    expect(closed).toEqual([])
    ends[there].socket.end()
    await until(() => closed.length === 1, 'the end of the tunnel')
    expect(closed).toEqual([undefined])
    expect(sweep.members).toEqual([])
    expect(ends[here].told).toEqual(['end'])
  })

  test('is broken off where it breaks off, and not ended', async () => {
    const { closed, ...ends } = await stage()
    ends[here].socket.write('a')
    await until(() => ends[there].heard() === 'a', 'the words')
    ends[here].socket.resetAndDestroy()
    await until(() => closed.length === 1, 'the end of the tunnel')
    await until(() => ends[there].told.length > 0, 'the break')
    expect(ends[there].told).toEqual(['ECONNRESET'])
    expect(closed[0]?.source).toBe(here === 'client' ? undefined : 'upstream')
  })

  test('is broken off although the other side had ended already', async () => {
    const { closed, sweep, wires, ...ends } = await stage()
    ends[there].socket.end()
    await until(() => ends[here].told.includes('end'), 'the end')
    ends[here].socket.resetAndDestroy()
    await until(() => closed.length === 1, 'the end of the tunnel')
    expect(wires.map(({ socket }) => socket.destroyed)).toEqual([true, true])
    expect(sweep.members).toEqual([])
  })
})

test('a tunnel in which nobody says anything is cut after its time', async () => {
  const { tunnel, closed } = await stage()
  const now = performance.now()
  tunnel.check(now + limits.silence - 1_000)
  expect(closed).toEqual([])
  tunnel.check(now + limits.silence + 1_000)
  await until(() => closed.length === 1, 'the end')
  expect(closed[0]).toMatchObject({ type: 'connection_read_timeout', phase: 'tunnel' })
})

test.each(sides)(
  'a tunnel whose %s takes nothing is cut after its time, and holds little until then',
  async (here, there) => {
    const { tunnel, closed, wires, ...ends } = await stage()
    const [taker, giver] = here === 'client' ? wires : wires.toReversed()
    ends[here].socket.pause()
    payload(64 * 2 ** 20).pipe(ends[there].socket)
    await until(() => giver?.paused === true, 'a standstill')
    expect(taker?.socket.writableLength).toBeLessThan(2 ** 20)
    tunnel.check(performance.now() + limits.drain + 1_000)
    await until(() => closed.length === 1, 'the end')
    expect(closed[0]).toMatchObject({ phase: 'drain' })
  },
)

test('a tunnel that is cut tells why, once', async () => {
  const { tunnel, closed } = await stage()
  const why = { type: 'proxy_internal_error' } as GatewayError
  tunnel.cut(why)
  tunnel.cut({} as GatewayError)
  await until(() => closed.length > 0, 'the end')
  expect(closed).toEqual([why])
})
