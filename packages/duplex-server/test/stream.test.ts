import type { Socket } from 'node:net'
import { payload, Verifier } from '@relayrace/fixtures/payloads'
import { seeded } from '@relayrace/fixtures/random'
import { parser } from '@relayrace/fixtures/wire'
import { GatewayError } from '@relayrace/gateway'
import { chunked, type Framing, noContent, shared, smallSize, untilClose } from '@relayrace/gateway/strategy'
import { afterEach, describe, expect, test } from 'vitest'
import { Inbound } from '../src/inbound.ts'
import { Outbound } from '../src/outbound.ts'
import { Wire, type WireEvents } from '../src/wire.ts'
import { random, seed } from './seed.ts'
import { hear, pair, until } from './sockets.ts'

const MiB = 2 ** 20
const opened: Socket[] = []
afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy()
})

const silent: WireEvents = { received: () => {}, ended: () => {}, drained: () => {}, closed: () => {} }

async function wire(events: Partial<WireEvents> = {}): Promise<{ wire: Wire; far: Socket }> {
  const { near, far } = await pair()
  const made = Wire.accept(near, { ...silent, ...events })
  opened.push(near, far, made.socket)
  return { wire: made, far }
}

/** A buffer that is larger than the one that all share is a stream's large one. */
const isLarge = (sizes: Set<number>): boolean => [...sizes].some((size) => size > shared.length)

interface Relay {
  /** Says what is relayed. */
  readonly source: Socket
  /** Hears it, framed. */
  readonly sink: Socket
  readonly from: Wire
  readonly to: Wire
  /** The memory that pieces came in: its sizes. */
  readonly sizes: Set<number>
}

/** Content of that length goes from one connection to another in that framing, no faster than it is taken. */
async function relay(length: number, framing: Framing): Promise<Relay> {
  const sizes = new Set<number>()
  let left = length
  const incoming = await wire({
    received(bytes) {
      left -= bytes.length
      inbound.deliver(bytes)
      if (left === 0) {
        incoming.wire.bulk = false
        inbound.finish([])
      }
    },
  })
  incoming.wire.bulk = true
  const outgoing = await wire({ drained: () => inbound.resume() })
  const inbound = new Inbound(incoming.wire, framing)
  const outbound = new Outbound(outgoing.wire, framing)
  inbound.consume({
    content(piece, from) {
      sizes.add(piece.buffer.byteLength)
      return outbound.content(piece, from)
    },
    end: () => void outbound.end(),
  })
  return { source: incoming.far, sink: outgoing.far, from: incoming.wire, to: outgoing.wire, sizes }
}

/** Reads in bursts, and stops in between for some turns of the event loop. */
function readUnevenly(socket: Socket, random: () => number, take: (bytes: Buffer) => void): void {
  socket.on('data', (bytes: Buffer) => {
    take(bytes)
    if (random() < 0.6) return
    socket.pause()
    let turns = Math.floor(random() * 40)
    const wait = (): void => {
      if (turns-- > 0) setImmediate(wait)
      else socket.resume()
    }
    wait()
  })
}

describe('16 streams at once, each with a reader that stops and goes on as it likes', () => {
  const framings: readonly [string, (length: number) => Framing][] = [
    ['of known length', (length) => ({ kind: 'length', length })],
    ['in chunks', () => chunked],
    ['until the connection ends', () => untilClose],
  ]

  for (const [name, framing] of framings) {
    test(`every byte arrives once, in its place: ${name}`, async () => {
      const dice = random(name)
      // Half of them long enough for a large buffer.
      const lengths = Array.from({ length: 16 }, (_, i) =>
        Math.floor((i % 2 === 0 ? 17 : 1) * MiB + dice() * 3 * MiB),
      )
      const streams = await Promise.all(
        lengths.map(async (length, i) => {
          const { source, sink, sizes } = await relay(length, framing(length))
          const verifier = new Verifier(i + 1)
          const reader = parser('response', { keep: 0 })
          if (framing(length).kind === 'chunked')
            reader.push(Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'))
          const { add } = reader.message
          reader.message.add = (bytes) => {
            verifier.update(bytes)
            return add.call(reader.message, bytes)
          }
          readUnevenly(sink, seeded(seed + i), (bytes) => {
            if (framing(length).kind === 'chunked') reader.push(bytes)
            else verifier.update(bytes)
          })
          payload(length, { seed: i + 1, chunk: 64 * 1024 }).pipe(source, { end: false })
          await until(() => verifier.bytes >= length, `stream ${i}`, 100_000)
          if (framing(length).kind === 'chunked') await until(() => reader.done, `the end of stream ${i}`)
          return { bytes: verifier.bytes, intact: verifier.intact, sizes }
        }),
      )
      expect(
        streams.map(({ bytes, intact }) => ({ bytes, intact })),
        `SEED=${seed}`,
      ).toEqual(lengths.map((bytes) => ({ bytes, intact: true })))
      // The large buffers were there: they are what could be overwritten.
      expect(streams.some(({ sizes }) => isLarge(sizes))).toBe(true)
    }, 120_000)
  }
})

test('a stream whose reader never reads holds a small buffer', async () => {
  const { source, sink, from, to, sizes } = await relay(64 * MiB, { kind: 'length', length: 64 * MiB })
  sink.pause()
  payload(64 * MiB).pipe(source, { end: false })
  await until(
    () => from.paused && to.socket.writableLength > 0 && source.writableLength > 0,
    'a standstill',
    60_000,
  )
  expect(isLarge(sizes)).toBe(false)
  expect(to.socket.writableLength).toBeLessThanOrEqual(smallSize + 64)
})

describe('a wire', () => {
  test.each([false, true])(
    'keeps what a receiver owns while others read, with more to come: %s',
    async (bulk) => {
      const kept: Buffer[] = []
      const wires = await Promise.all(
        Array.from({ length: 8 }, async () => {
          const one = await wire({
            received: (bytes) => void kept.push(one.wire.own(bytes)),
          })
          one.wire.bulk = bulk
          return one
        }),
      )
      for (const [i, { far }] of wires.entries()) {
        far.write(Buffer.alloc(1_000, i))
        await until(() => kept.length === i + 1 && kept[i]?.length === 1_000, 'the bytes')
      }
      for (const [i, bytes] of kept.entries()) expect(bytes.equals(Buffer.alloc(1_000, i))).toBe(true)
    },
  )

  test('has the beginning of long content where it reads the rest', async () => {
    const kept: Buffer[] = []
    const { wire: one, far } = await wire({
      received(bytes) {
        one.bulk = true
        const half = bytes.length / 2
        kept.push(one.own(bytes.subarray(0, half)), one.own(bytes.subarray(half)))
      },
    })
    far.write('onetwo')
    await until(() => kept.length === 2, 'the beginning')
    expect(kept.map(String)).toEqual(['one', 'two'])
    far.write('three!')
    await until(() => kept.length === 4, 'the rest')
    expect(kept.slice(2).map(String)).toEqual(['thr', 'ee!'])
    expect(new Set(kept.map(({ buffer }) => buffer)).size).toBe(1)
  })

  test('reads nothing after it was paused within a call, until it is resumed', async () => {
    let calls = 0
    let received = 0
    const { wire: one, far } = await wire({
      received(bytes) {
        calls++
        received += bytes.length
        one.pause()
      },
    })
    far.write(Buffer.alloc(4 * MiB))
    for (let n = 1; n <= 5; n++) {
      await until(() => calls === n, 'a read')
      for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve))
      expect(calls).toBe(n)
      one.resume()
    }
    expect(received).toBeGreaterThan(0)
  })

  test('says that it has drained when the last byte is gone, not before', async () => {
    let drained = 0
    const { wire: one, far } = await wire({ drained: () => drained++ })
    far.pause()
    expect(one.write(Buffer.alloc(32 * MiB))).toBe(false)
    expect(one.write(Buffer.alloc(10))).toBe(false)
    expect([drained, one.socket.writableLength > 0]).toEqual([0, true])
    far.resume()
    await until(() => drained > 0, 'the drain')
    expect(one.socket.writableLength).toBe(0)
    expect(drained).toBe(1)
    expect(one.write(Buffer.alloc(10))).toBe(true)
  })

  test('tells of the other end once, with its error if it broke', async () => {
    const closed: (string | undefined)[] = []
    const events = {
      closed: (error: Error | undefined) =>
        void closed.push((error as NodeJS.ErrnoException | undefined)?.code),
      ended: () => first.wire.socket.end(),
    }
    const first = await wire(events)
    first.far.resume()
    first.far.end()
    await until(() => closed.length === 1, 'the end')
    const second = await wire({ ...events, ended: () => {} })
    second.far.resetAndDestroy()
    await until(() => closed.length === 2, 'the reset')
    expect(closed).toEqual([undefined, 'ECONNRESET'])
  })
})

describe('content that is sent', () => {
  const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

  test.each([
    ['more than was announced', 4, 'hello', 'proxy_internal_error'],
    ['less than was announced', 6, 'hello', 'http_response_incomplete'],
  ])('is refused when it is %s', async (_, length, text, type) => {
    const { wire: to } = await wire()
    const outbound = new Outbound(to, { kind: 'length', length })
    expect(() => {
      outbound.content(bytes(text), to)
      outbound.end()
    }).toThrow(expect.objectContaining({ name: 'GatewayError', type }))
    expect(outbound.ended).toBe(false)
  })

  test('is refused where there can be none', async () => {
    const { wire: to } = await wire()
    expect(() => new Outbound(to, noContent).content(bytes('x'), to)).toThrow(GatewayError)
  })

  test('may be empty in between: an empty chunk would end it', async () => {
    const { wire: to, far } = await wire()
    const heard = hear(far)
    const outbound = new Outbound(to, chunked)
    for (const text of ['a', '', 'b', '']) outbound.content(bytes(text), to)
    outbound.end(['X-T', '1'])
    await until(() => heard().endsWith('\r\n\r\n'), 'the end')
    expect(heard()).toBe('1\r\na\r\n1\r\nb\r\n0\r\nX-T: 1\r\n\r\n')
  })

  test('leaves with its head in one piece', async () => {
    const { wire: to, far } = await wire()
    const piece = await new Promise<Buffer | string>((resolve) => {
      far.once('data', resolve)
      const outbound = new Outbound(to, { kind: 'length', length: 5 })
      outbound.head('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n')
      outbound.content(bytes('hello'), to)
      outbound.end()
    })
    expect(String(piece)).toBe('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')
  })
})

describe('content that is received', () => {
  test('waits for who wants it, and for nobody else', async () => {
    const { wire: from } = await wire()
    const inbound = new Inbound(from, untilClose)
    const taken: string[] = []
    const first = 'first'.repeat(4_000)
    const lent = Buffer.from(first)
    inbound.deliver(lent)
    lent.fill('x')
    expect(from.paused).toBe(true)
    // Somebody who has nothing to do with it makes room elsewhere.
    inbound.resume()
    expect([taken, from.paused]).toEqual([[], true])
    inbound.deliver(Buffer.from('second'))
    inbound.finish(['X-T', '1'])
    inbound.consume({
      content: (piece) => taken.push(String(piece)) > 0,
      end: ([name]) => void taken.push(`end ${name}`),
    })
    expect([taken, from.paused]).toEqual([[first, 'second', 'end X-T'], false])
  })

  test('is read on while little of it waits, so that the end of its wire is heard', async () => {
    const { wire: from } = await wire()
    const inbound = new Inbound(from, untilClose)
    const taken: string[] = []
    const lent = Buffer.from('first')
    inbound.deliver(lent)
    lent.fill('x')
    expect(from.paused).toBe(false)
    inbound.deliver(Buffer.from('second'))
    inbound.consume({ content: (piece) => taken.push(String(piece)) > 0, end: () => {} })
    expect([taken, from.paused]).toEqual([['first', 'second'], false])
  })

  test('is held back piece by piece', async () => {
    const { wire: from } = await wire()
    const inbound = new Inbound(from, untilClose)
    const taken: string[] = []
    let room = false
    inbound.consume({
      content: (piece) => {
        taken.push(String(piece))
        return room
      },
      end: () => void taken.push('end'),
    })
    inbound.deliver(Buffer.from('1'))
    inbound.deliver(Buffer.from('2'))
    inbound.deliver(Buffer.from('3'))
    inbound.finish([])
    expect([taken, from.paused]).toEqual([['1'], true])
    inbound.resume()
    expect([taken, from.paused]).toEqual([['1', '2'], true])
    room = true
    inbound.resume()
    expect([taken, from.paused]).toEqual([['1', '2', '3', 'end'], false])
  })

  test('is dropped when nobody wants it any more, and its end with it', async () => {
    const { wire: from } = await wire()
    const inbound = new Inbound(from, untilClose)
    inbound.consume({
      content: () => false,
      end: () => {
        throw new Error('told of the end')
      },
    })
    inbound.deliver(Buffer.from('1'))
    expect(from.paused).toBe(true)
    inbound.discard()
    expect(from.paused).toBe(false)
    inbound.deliver(Buffer.from('2'))
    inbound.finish([])
    expect([inbound.complete, inbound.bytes]).toEqual([true, 2])
  })
})

test('a socket that is no plain one is read as well', async () => {
  const { near, far } = await pair()
  opened.push(near, far)
  const received: string[] = []
  const flowing = Wire.flowing(near, { ...silent, received: (bytes) => void received.push(String(bytes)) })
  far.write('one')
  await until(() => received.join('') === 'one', 'the first')
  flowing.pause()
  far.write('two')
  flowing.resume()
  await until(() => received.join('') === 'onetwo', 'the second')
  expect(received.join('')).toBe('onetwo')
})
