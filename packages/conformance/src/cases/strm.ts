/** STRM: content flows at the pace of the slower side, and memory does not grow with it. */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as every } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { seeded } from '@relayrace/fixtures/random'
import {
  type Client,
  type Connection,
  type Delivery,
  delivery,
  type Exchange,
  type Incoming,
  quietly,
} from '@relayrace/fixtures/wire'
import { type Case, get, head, reply, type Stage } from '../case.ts'
import { answered, check, complete, equal, values } from '../expect.ts'

const KiB = 1024
const MiB = 1024 * KiB
export const whole: Delivery = delivery('coalesced')
const chunkOf64KiB = Buffer.from(`10000\r\n${'x'.repeat(64 * KiB)}\r\n`)
export const piece: Buffer = Buffer.alloc(64 * KiB, 'x')

/** What the kernel may hold in its buffers on both hops, and a little for the program between them. */
const mostHeld = 2 * kernelBuffers() + 8 * MiB
const longEnough = 15_000
/** What a program may need to hold back one sender. */
export const mostMemory: number = 32 * MiB

export const strm: readonly Case[] = [
  {
    id: 'STRM-01',
    rule: 'ours',
    level: 'MUST',
    title:
      'holds the origin back when the client does not read, and keeps no more than buffers of fixed size',
    deliveries: ['coalesced'],
    alone: true,
    async run(stage) {
      const before = await stage.memory()
      const client = await stage.connect({ paused: true })
      client.send(get('/strm'))
      const exchange = await stage.origin.request()
      exchange.send(head('HTTP/1.1 200 OK', `Content-Length: ${1024 * MiB}`), whole)
      await heldBack(exchange.connection, () => exchange.send(piece, whole), 'the origin')
      await grewLessThan(mostMemory, stage, before)
      exchange.connection.reset()
    },
  },
  {
    id: 'STRM-02',
    rule: 'ours',
    level: 'MUST',
    title:
      'holds the client back when the origin does not read, and keeps no more than buffers of fixed size',
    deliveries: ['coalesced'],
    alone: true,
    run: {
      'Content-Length': (stage) => stuckUpload(stage, `Content-Length: ${1024 * MiB}`, piece),
      chunked: (stage) => stuckUpload(stage, 'Transfer-Encoding: chunked', chunkOf64KiB),
    },
  },
  {
    id: 'STRM-03',
    rule: 'ours',
    level: 'SHOULD',
    title: 'needs at most 2 MiB for each of a hundred clients that read 10 KiB a second',
    deliveries: ['coalesced'],
    alone: true,
    limit: 60_000,
    async run(stage) {
      await manyExchanges(stage, 200)
      const before = await stage.memory()
      const readers: { client: Client; response: Incoming; connection: Connection }[] = []
      for (let count = 0; count < 100; count++) {
        const client = await stage.connect()
        client.send(get('/strm'))
        const { connection } = await stage.origin.request()
        connection.send(head('HTTP/1.1 200 OK', `Content-Length: ${20 * MiB}`), whole)
        connection.send(piece, whole)
        const response = await client.responding({ keep: 0, within: longEnough })
        client.pause()
        readers.push({ client, response, connection })
      }
      for (const { connection } of readers) {
        repeat(connection, piece, 20 * MiB - piece.length)
        await stage.pass(20)
        await grewLessThan(200 * MiB, stage, before)
      }
      // Nobody reads less than a segment at a time, so they take turns: 64 KiB for each once in 6.4 s.
      for (const { client, response } of readers) {
        client.resume()
        await response.body(response.message.bodyLength + 1, { within: longEnough })
        client.pause()
        await stage.pass(64)
        await grewLessThan(200 * MiB, stage, before)
      }
      await Promise.all(readers.map(({ connection }) => quiet(connection)))
      await grewLessThan(200 * MiB, stage, before)
      for (const { connection } of readers) connection.reset()
    },
  },
  {
    id: 'STRM-04',
    rule: 'ours',
    level: 'MUST',
    title: 'loses and repeats nothing when the client stops reading and goes on later',
    deliveries: ['coalesced'],
    alone: true,
    async run({ connect, origin, random }) {
      const total = 50 * MiB
      const client = await connect()
      client.send(get('/strm'))
      const exchange = await origin.request()
      const sent = createHash('sha256')
      const pouring = pour(exchange, random, total, (bytes) => sent.update(bytes))
      const response = await client.responding({ keep: 0 })
      await response.body(MiB)
      client.pause()
      await quiet(exchange.connection)
      check(exchange.connection.sent < total, 'the origin was not held back while the client did not read')
      client.resume()
      const received = complete(await response.done({ within: 20_000 }))
      await pouring
      equal(received.bodyLength, total, 'the length of the content')
      equal(received.sha256, sent.digest('hex'), 'the SHA-256 of the content')
    },
  },
  {
    id: 'STRM-05',
    rule: 'ours',
    level: 'MUST',
    title: 'finishes when both directions of an exchange are full at the same time',
    deliveries: ['coalesced'],
    alone: true,
    async run({ connect, origin, random }) {
      const total = 64 * MiB
      const client = await connect()
      client.send(head('POST /strm HTTP/1.1', 'Host: a', `Content-Length: ${total}`), whole)
      const bytes = randomPiece(random)
      const upload = repeat(client, bytes, total)
      const exchange = await origin.request()
      exchange.send(head('HTTP/1.1 200 OK', `Content-Length: ${total}`), whole)
      const download = quietly(echo(exchange, bytes, total))
      const response = await client.responding({ keep: 0 })
      const [received, arrived] = await Promise.all([
        response.done({ within: 25_000 }),
        exchange.done({ within: 25_000 }),
      ])
      await Promise.all([upload, download])
      const expected = createHash('sha256')
      for (let sent = 0; sent < total; sent += bytes.length) expected.update(bytes)
      const digest = expected.digest('hex')
      equal(complete(received).sha256, digest, 'the SHA-256 of the response')
      equal(complete(arrived, 'the request').sha256, digest, 'the SHA-256 of the request')
    },
  },
  {
    id: 'STRM-06',
    rule: 'ours',
    level: 'SHOULD',
    title: 'serves others at once while one client does not read',
    deliveries: ['coalesced'],
    alone: true,
    async run({ connect, origin, exchange }) {
      const stuck = await connect({ paused: true })
      stuck.send(get('/strm/stuck'))
      const big = await origin.request()
      big.send(head('HTTP/1.1 200 OK', `Content-Length: ${1024 * MiB}`), whole)
      await heldBack(big.connection, () => big.send(piece, whole), 'the origin')
      for (let count = 0; count < 10; count++) {
        const { response } = await exchange(get('/strm/other'), reply('ok'))
        answered(response, 200, 'ok')
      }
      big.connection.reset()
    },
  },
  {
    id: 'STRM-08',
    rule: 'RFC 9110 §7.7',
    level: 'SHOULD',
    title: 'relays compressed content without decompressing it',
    deliveries: ['coalesced'],
    alone: true,
    async run(stage) {
      // 1 GiB in 1 MiB: a gzip file may have many members (RFC 1952 §2.2).
      const member = gzipSync(Buffer.alloc(16 * MiB), { level: 9 })
      const bomb = Buffer.concat(Array.from({ length: 64 }, () => member))
      const before = await stage.memory()
      const { exchange, response } = await stage.ask(get('/strm', 'Accept-Encoding: gzip'))
      check(exchange !== undefined, 'it answered without asking the origin')
      exchange.send(
        head('HTTP/1.1 200 OK', 'Content-Encoding: gzip', `Content-Length: ${bomb.length}`),
        whole,
      )
      exchange.send(bomb, whole)
      const received = complete(await response)
      values(received, 'content-encoding', ['gzip'], 'the response')
      equal(received.bodyLength, bomb.length, 'the length of the content')
      equal(received.sha256, createHash('sha256').update(bomb).digest('hex'), 'the SHA-256 of the content')
      await grewLessThan(mostMemory, stage, before)
    },
  },
  {
    id: 'STRM-09',
    rule: 'ours',
    level: 'SHOULD',
    title: 'keeps nothing of two thousand exchanges, half of them left by the client',
    deliveries: ['coalesced'],
    alone: true,
    limit: 150_000,
    async run(stage) {
      const count = 2000
      const within = 30_000
      await manyExchanges(stage, count, within)
      const descriptors = await stage.descriptors()
      for (let again = 2; ; again--) {
        const memory = await stage.memory()
        const part = (await manyExchanges(stage, count, within)) / count
        try {
          await grewLessThan(Math.max(1, 2 * part) * mostMemory, stage, memory)
          break
        } catch (error) {
          // A collector may be late once. What is kept is kept every time.
          if (again === 0) throw error
        }
      }
      const now = await stage.descriptors()
      if (descriptors === undefined || now === undefined) return
      check(now <= descriptors + 16, `it has ${now} open descriptors, and had ${descriptors}`)
    },
  },
]

/** The largest send buffer and the largest receive buffer of a connection. 8 MiB where nobody says. */
function kernelBuffers(): number {
  try {
    const largest = (name: string): number =>
      Number(readFileSync(`/proc/sys/net/ipv4/${name}`, 'utf8').trim().split(/\s+/)[2])
    return largest('tcp_wmem') + largest('tcp_rmem')
  } catch {
    return 8 * MiB
  }
}

/** A connection, or one stream of it. */
export type Sender = Pick<Connection, 'sent' | 'ending'>

/** Sends until the other end holds it back for a second. */
export async function heldBack(connection: Sender, send: () => Promise<boolean>, who: string): Promise<void> {
  const pouring = async (): Promise<void> => {
    while (connection.sent < mostHeld && (await send())) await every(0)
  }
  pouring()
  await quiet(connection)
  check(connection.sent < mostHeld, `${who} could send ${connection.sent} bytes that nobody read`)
  check(connection.ending === undefined, `the connection of ${who} was closed (${connection.ending})`)
}

/** Until no byte has gone out for a second. */
export async function quiet(connection: Pick<Sender, 'sent'>): Promise<void> {
  for (let sent = -1; sent !== connection.sent; ) {
    sent = connection.sent
    await every(1000)
  }
}

async function stuckUpload(stage: Stage, framing: string, part: Buffer): Promise<void> {
  const before = await stage.memory()
  const client = await stage.connect()
  client.send(head('POST /strm HTTP/1.1', 'Host: a', framing), whole)
  client.send(part, whole)
  const exchange = await stage.origin.request()
  exchange.connection.pause()
  await heldBack(client, () => client.send(part, whole), 'the client')
  await grewLessThan(mostMemory, stage, before)
  client.reset()
  exchange.connection.resume()
}

export async function grewLessThan(
  most: number,
  { memory }: Stage,
  before: number | undefined,
): Promise<void> {
  const now = await memory()
  if (before === undefined || now === undefined) return
  const grown = Math.round((now - before) / MiB)
  check(now - before <= most, `its resident memory grew by ${grown} MiB, more than ${Math.round(most / MiB)}`)
}

async function pour(
  { send }: Exchange,
  random: () => number,
  total: number,
  each: (bytes: Buffer) => void,
): Promise<void> {
  send(head('HTTP/1.1 200 OK', `Content-Length: ${total}`), whole)
  const bytes = randomPiece(random)
  for (let sent = 0; sent < total; sent += bytes.length) {
    // Each piece differs, so that a lost, repeated or swapped one shows.
    bytes.writeUInt32BE(sent, 0)
    const own = Buffer.from(bytes)
    each(own)
    if (!(await send(own, whole))) return
  }
}

async function repeat(to: Connection, bytes: Buffer, total: number): Promise<void> {
  for (let sent = 0; sent < total; sent += bytes.length) if (!(await to.send(bytes, whole))) return
}

/** As an echo would: never ahead of what has come. */
async function echo(exchange: Exchange, bytes: Buffer, total: number): Promise<void> {
  for (let sent = 0; sent < total; sent += bytes.length) {
    await exchange.body(sent + bytes.length, { within: 20_000 })
    if (!(await exchange.send(bytes, whole))) return
  }
}

function randomPiece(random: () => number): Buffer {
  const next = seeded(Math.floor(random() * 2 ** 31))
  return Buffer.from(Uint8Array.from({ length: 64 * KiB }, () => next() * 256))
}

/** Every other one is left in the middle of its content. Slow targets get through fewer, and it says how many. */
async function manyExchanges(
  { connect, origin }: Stage,
  count: number,
  within = longEnough,
): Promise<number> {
  const end = performance.now() + within
  let client: Client | undefined
  let number = 0
  for (; number < count && performance.now() < end; number++) {
    if (!client?.open || client.ending) client = await connect()
    client.send(get(`/strm/${number}`))
    const exchange = await origin.request()
    if (number % 2 === 0) {
      exchange.send(reply('ok'))
      answered(await client.response(), 200, 'ok')
    } else {
      exchange.send(head('HTTP/1.1 200 OK', `Content-Length: ${MiB}`), whole)
      exchange.send(piece, whole)
      await (await client.responding()).body(1)
      client.close()
      exchange.connection.reset()
      client = undefined
    }
  }
  return number
}
