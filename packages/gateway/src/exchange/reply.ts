/** The content of a reply that is no string and no bytes: pulled off its source, and let go of exactly once. */

import type { Reply } from '../contract/gateway.ts'

export type ReplySource = Extract<Reply['body'], AsyncIterable<unknown>>

export function isSource(body: unknown): body is ReplySource {
  return typeof Object(body)[Symbol.asyncIterator] === 'function'
}

interface Read {
  readonly done?: boolean | undefined
  readonly value?: unknown
}

export class ReplyContent {
  /** It was let go of before its end. */
  stopped = false
  readonly #next: () => Promise<Read>
  readonly #letGo: (() => unknown) | undefined
  /** Of Content-Length. */
  #left: number | undefined
  /** The last piece of that. It goes on with the end: of what is longer than was said, nobody is to see a whole message. */
  #last: Uint8Array | undefined
  #over = false
  #wake: (() => void) | undefined
  #taken: (() => void) | undefined

  /** @throws TypeError when it was a reply's before, and would be empty now. */
  constructor(source: ReplySource, length: number | undefined) {
    this.#left = length
    if (isWebStream(source)) {
      // Its iterator would wait for a piece before it lets go.
      const reader = source.getReader()
      this.#next = () => reader.read()
      this.#letGo = () => reader.cancel()
      return
    }
    const iterator = source[Symbol.asyncIterator]()
    const node = isNodeStream(source) ? source : undefined
    const once = node ?? iterator
    if (used.has(once))
      throw new TypeError('the body of its reply has been sent before: a stream can be read once')
    used.add(once)
    this.#next = () => iterator.next()
    if (node === undefined) this.#letGo = () => iterator.return?.()
    else {
      // An iterator that has not begun would not, and it may fail to open when nobody listens any more.
      this.#letGo = () => node.destroy()
      node.on('error', () => {})
    }
  }

  /**
   * The next piece that has anything in it; undefined at the end, and as soon as it is let go of.
   * @throws what the source does, or a TypeError when it is not as long as was said.
   */
  next(): Promise<Uint8Array | undefined> {
    // Who waits for a source that says nothing any more is not to be held by it.
    return new Promise((resolve, reject) => {
      this.#wake = () => resolve(undefined)
      void this.#pull().then(
        (piece) => this.#wake && resolve(piece),
        (cause) => this.#wake && reject(cause),
      )
    })
  }

  async #pull(): Promise<Uint8Array | undefined> {
    while (!this.#over) {
      const { value, done } = await this.#read()
      if (done === true) return this.#end()
      const piece = bytesOf(value)
      if (piece.byteLength === 0) continue
      if (this.#left === undefined) return piece
      this.#left -= piece.byteLength
      if (this.#left < 0) throw new TypeError('the body of its reply is longer than its Content-Length')
      if (this.#left > 0) return piece
      this.#last = piece
    }
    return undefined
  }

  async #read(): Promise<Read> {
    try {
      return await this.#next()
    } catch (cause) {
      this.#over = true
      throw cause
    }
  }

  #end(): Uint8Array | undefined {
    this.#over = true
    if (this.#left !== undefined && this.#left > 0)
      throw new TypeError('the body of its reply is shorter than its Content-Length')
    return this.#last
  }

  /** Settles when the receiver has taken what it was given, and as soon as it is let go of. */
  untilTaken(): Promise<void> {
    return new Promise((resolve) => {
      this.#taken = resolve
    })
  }

  taken(): void {
    this.#taken?.()
  }

  /** It is wanted no longer. */
  stop(): void {
    this.stopped = true
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
    this.#taken?.()
    if (this.#over) return
    this.#over = true
    // What goes wrong now is nobody's affair any more.
    void (async () => this.#letGo?.())().catch(() => {})
  }
}

/** Of a reply that is not to be sent, or to be sent without it. */
export function letGo(body: unknown): void {
  try {
    if (isSource(body)) new ReplyContent(body, undefined).stop()
  } catch {
    // It was a reply's before.
  }
}

/** Those that can be read once. */
const used = new WeakSet<object>()

function isWebStream(source: object): source is ReadableStream<unknown> & ReplySource {
  return 'getReader' in source
}

function isNodeStream(
  source: object,
): source is ReplySource & { destroy(): void; on(event: 'error', listener: () => void): void } {
  return 'destroy' in source && 'on' in source
}

const utf8 = new TextEncoder()

function bytesOf(piece: unknown): Uint8Array {
  if (typeof piece === 'string') return utf8.encode(piece)
  if (piece instanceof Uint8Array) return piece
  throw new TypeError(`the body of its reply has yielded what is no bytes and no string, but ${typeof piece}`)
}
