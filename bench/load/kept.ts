/** A connection that is kept: asks for a small response, compares it, and can ask again. Cheap, so that it is not the limit. */

import { connect, type Socket } from 'node:net'
import { slice, Verifier } from '@relayrace/fixtures/payloads'
import { silenceLimit } from './module.ts'
import { ResponseReader } from './response.ts'
import { bytesPath } from './sink.ts'

const seed = 1
const buffer = Buffer.allocUnsafeSlow(64 * 1024)
const good = Buffer.from('HTTP/1.1 200 ')
const endOfHead = Buffer.from('\r\n\r\n')

export class KeptConnection {
  /** It takes no further request. */
  ended = false
  readonly #url: URL
  readonly #bytes: number
  readonly #expected: Buffer
  readonly #request: string
  readonly #settled: (problem: string | undefined) => void
  readonly #socket: Socket
  #reader: ResponseReader | undefined
  #waiting = false
  #fresh = false
  /** Of the latest response that was read at once: the next one most often has the same. */
  #headLength = 0

  /** @param settled Told of each response what was wrong with it, if anything was. */
  constructor(url: URL, bytes: number, settled: (problem: string | undefined) => void) {
    this.#url = url
    this.#bytes = bytes
    this.#expected = slice(0, bytes, seed)
    this.#request = `GET ${bytesPath(bytes, seed)} HTTP/1.1\r\nHost: ${this.#url.host}\r\n\r\n`
    this.#settled = settled
    this.#socket = connect({
      host: url.hostname,
      port: Number(url.port),
      noDelay: true,
      onread: { buffer, callback: (length) => this.#read(length) },
    })
    this.#socket.setTimeout(silenceLimit, () => this.#settle('no response in time'))
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      this.ended = true
      this.#settle(this.#reader?.close() ?? 'no response')
    })
  }

  ask(): void {
    this.#waiting = true
    this.#fresh = true
    this.#reader = undefined
    this.#socket.write(this.#request, 'latin1')
  }

  leave(): void {
    this.ended = true
    this.#waiting = false
    this.#socket.destroy()
  }

  #read(length: number): boolean {
    const piece = buffer.subarray(0, length)
    if (this.#fresh && this.#isUsual(piece)) this.#settle(undefined)
    else this.#readAnew(piece)
    return true
  }

  /** As long as the one before, and right from end to end: then its head need not be taken apart. */
  #isUsual(piece: Buffer): boolean {
    const head = this.#headLength
    return (
      head > 0 &&
      piece.length === head + this.#bytes &&
      piece.compare(good, 0, good.length, 0, good.length) === 0 &&
      piece.compare(endOfHead, 0, 4, head - 4, head) === 0 &&
      piece.compare(this.#expected, 0, this.#bytes, head) === 0
    )
  }

  #readAnew(piece: Buffer): void {
    const atOnce = this.#fresh
    this.#fresh = false
    // Who is told of the end may ask again at once, and then there is another.
    const keeps = (): void => {
      this.#headLength = atOnce ? piece.length - this.#bytes : 0
    }
    const reader = this.#reader ?? this.#newReader(keeps)
    this.#reader = reader
    reader.push(piece)
    if (reader.problem === undefined) return
    this.ended = true
    this.#settle(reader.problem)
  }

  #newReader(keeps: () => void): ResponseReader {
    const verifier = new Verifier(seed)
    let status = 0
    let plain = false
    return new ResponseReader({
      head: ({ status: received, fields }) => {
        status = received
        plain = fields.has('content-length')
        if (fields.get('connection')?.toLowerCase() === 'close') this.ended = true
      },
      body: (part) => verifier.update(part),
      end: () => {
        if (status !== 200) this.#settle(`status ${status}`)
        else if (verifier.bytes !== this.#bytes) this.#settle('wrong length')
        else if (!verifier.intact) this.#settle('wrong bytes')
        else {
          if (plain && !this.ended) keeps()
          this.#settle(undefined)
        }
      },
    })
  }

  #settle(problem: string | undefined): void {
    if (!this.#waiting) return
    this.#waiting = false
    this.#settled(problem)
  }
}
