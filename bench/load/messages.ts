/** WebSockets (RFC 6455): each sends a message, waits for it to come back, and sends the next. Then all stand still. */

import { createHash, randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { slice, Verifier } from '@relayrace/fixtures/payloads'
import { quantile } from '../statistics/describe.ts'
import { Problems } from './exchange.ts'
import { type LoadModule, type Outcome, silenceLimit } from './module.ts'

export interface Messages {
  readonly kind: 'messages'
  readonly connections: number
  /** Of all connections together. */
  readonly amount: number
  /** Of each message: 125 at most. */
  readonly bytes: number
  readonly warmUp: number
}

const seed = 1
const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** `held` is awaited while all connections are open and silent. */
export async function messages(
  url: URL,
  job: Messages,
  held: () => Promise<void> = async () => {},
): Promise<Outcome> {
  const problems = new Problems()
  const each = Math.max(1, Math.ceil(job.amount / job.connections))
  const started = performance.now()
  const clients = await Promise.all(Array.from({ length: job.connections }, () => open(url)))
  const results = await Promise.all(
    clients.map((client) => (client instanceof Talker ? client.talk(each, job.bytes) : client)),
  )
  const seconds = (performance.now() - started) / 1000
  await held()
  for (const client of clients) if (client instanceof Talker) client.leave()
  const trips: number[] = []
  let good = 0
  for (const result of results) {
    if (typeof result === 'string') problems.add(result)
    else {
      trips.push(...result)
      good++
    }
  }
  return {
    seconds,
    bytes: trips.length * job.bytes,
    exchanges: good,
    problems: problems.counts,
    values: { tripMedian: quantile(trips, 0.5), trip99: quantile(trips, 0.99), messages: trips.length },
  }
}

/** @returns what went wrong, if anything did. */
function open(url: URL): Promise<Talker | string> {
  const { promise, resolve } = Promise.withResolvers<Talker | string>()
  const key = randomBytes(16).toString('base64')
  const accept = createHash('sha1').update(`${key}${magic}`).digest('base64')
  const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true })
  let head = ''
  const read = (piece: Buffer): void => {
    head += piece.toString('latin1')
    if (!head.includes('\r\n\r\n')) return
    socket.off('data', read)
    const [, status = ''] = /^HTTP\/1\.1 (\d{3})/.exec(head) ?? []
    if (status !== '101') fail(status === '' ? 'no response' : `status ${status}`)
    else if (!head.toLowerCase().includes(`sec-websocket-accept: ${accept.toLowerCase()}`))
      fail('the handshake is another one’s')
    else resolve(new Talker(socket))
  }
  const fail = (problem: string): void => {
    resolve(problem)
    socket.destroy()
  }
  socket.on('data', read)
  socket.setTimeout(silenceLimit, () => fail('no response in time'))
  socket.on('error', ({ message }) => fail(message))
  socket.on('close', () => fail('closed without a response'))
  socket.write(
    [
      'GET /socket HTTP/1.1',
      `Host: ${url.host}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${key}`,
      '',
      '',
    ].join('\r\n'),
    'latin1',
  )
  return promise
}

class Talker {
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** @returns the milliseconds of each turn, or what went wrong. */
  talk(count: number, bytes: number): Promise<number[] | string> {
    const { promise, resolve } = Promise.withResolvers<number[] | string>()
    const socket = this.#socket
    const trips: number[] = []
    const verifier = new Verifier(seed)
    let sentAt = 0
    let got = 0
    const send = (): void => {
      sentAt = performance.now()
      socket.write(frame(slice(trips.length * bytes, bytes, seed)))
    }
    socket.on('data', (piece: Buffer) => {
      for (let at = 0; at < piece.length; ) {
        // Two bytes of framing come back, and the message.
        if (got < 2) {
          const expected = got === 0 ? 0x82 : bytes
          if (piece[at] !== expected) return resolve('wrong framing')
          at++
          got++
          continue
        }
        const part = piece.subarray(at, at + bytes + 2 - got)
        verifier.update(part)
        at += part.length
        got += part.length
        if (got < bytes + 2) continue
        got = 0
        trips.push(performance.now() - sentAt)
        if (!verifier.intact) return resolve('wrong bytes')
        if (trips.length === count) return resolve(trips)
        send()
      }
    })
    socket.setTimeout(silenceLimit, () => resolve('silence'))
    socket.on('close', () => resolve('closed between messages'))
    send()
    return promise
  }

  leave(): void {
    this.#socket.destroy()
  }
}

/** A mask of nothing leaves the bytes as they are, and is one all the same. */
function frame(message: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([0x82, 0x80 | message.length, 0, 0, 0, 0]), message])
}

export const webSockets: LoadModule<Messages> = {
  kind: 'messages',
  warmUp: (url, job) => messages(url, { ...job, connections: 4, amount: job.warmUp }),
  perform: messages,
}
