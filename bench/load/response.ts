/** Reads HTTP/1.1 responses off a socket, body slice by body slice, without keeping any. Judges framing strictly. */

export interface ResponseHead {
  readonly status: number
  /** Lower-case names; repeated fields joined with a comma. */
  readonly fields: ReadonlyMap<string, string>
}

export interface ResponseEvents {
  head?(head: ResponseHead): void
  /** A view into the socket's buffer: valid only during the call. */
  body(slice: Buffer): void
  end(): void
}

type State =
  | 'head'
  | 'length'
  | 'close'
  | 'chunk-size'
  | 'chunk'
  | 'chunk-end'
  | 'trailers'
  | 'done'
  | 'broken'

const headLimit = 64 * 1024

export class ResponseReader {
  state: State = 'head'
  problem: string | undefined
  #events: ResponseEvents
  #line = ''
  #left = 0

  constructor(events: ResponseEvents) {
    this.#events = events
  }

  push(data: Buffer): void {
    let rest = data
    while (rest.length > 0) {
      switch (this.state) {
        case 'length':
        case 'chunk':
          rest = this.#take(rest)
          break
        case 'close':
          this.#events.body(rest)
          return
        case 'done':
          this.#break('bytes after the end')
          return
        case 'broken':
          return
        default:
          rest = this.#readLine(rest)
      }
    }
  }

  /** The connection has ended; returns what is wrong with that, if anything. */
  close(): string | undefined {
    if (this.problem) return this.problem
    if (this.state === 'close') {
      this.#finish()
      return undefined
    }
    if (this.state === 'done') return undefined
    return this.state === 'head' ? 'no response' : 'truncated'
  }

  #take(rest: Buffer): Buffer {
    const taken = rest.length > this.#left ? rest.subarray(0, this.#left) : rest
    this.#left -= taken.length
    this.#events.body(taken)
    if (this.#left === 0) {
      if (this.state === 'chunk') this.state = 'chunk-end'
      else this.#finish()
    }
    return rest.subarray(taken.length)
  }

  /** Collects one line (or the whole head) as text, then acts on it. */
  #readLine(rest: Buffer): Buffer {
    const mark = this.state === 'head' ? '\r\n\r\n' : '\r\n'
    if (this.#line === '') {
      const end = rest.indexOf(mark)
      if (end !== -1) {
        this.#act(rest.toString('latin1', 0, end))
        return rest.subarray(end + mark.length)
      }
    }
    const before = this.#line.length
    this.#line += rest.toString('latin1', 0, Math.min(rest.length, headLimit))
    const end = this.#line.indexOf(mark)
    if (end === -1) {
      if (this.#line.length > headLimit) this.#break('head too long')
      return rest.subarray(rest.length)
    }
    const text = this.#line.slice(0, end)
    this.#line = ''
    this.#act(text)
    return rest.subarray(end + mark.length - before)
  }

  #act(text: string): void {
    if (this.state === 'head') this.#startBody(text)
    else if (this.state === 'chunk-size') this.#startChunk(text)
    else if (this.state === 'trailers') {
      if (text === '') this.#finish()
    } else if (text === '') this.state = 'chunk-size'
    else this.#break('bad chunk end')
  }

  #startChunk(text: string): void {
    const [digits = ''] = text.split(';')
    if (/^[0-9a-f]+$/i.test(digits.trim())) {
      this.#left = Number.parseInt(digits, 16)
      this.state = this.#left === 0 ? 'trailers' : 'chunk'
    } else this.#break('bad chunk size')
  }

  #startBody(text: string): void {
    const [statusLine = '', ...lines] = text.split('\r\n')
    const [, digits] = /^HTTP\/1\.[01] (\d{3})/.exec(statusLine) ?? []
    const status = Number(digits)
    if (Number.isNaN(status)) this.#break('bad status line')
    // An interim response: the real one follows.
    if (digits === undefined || (status < 200 && status !== 101)) return
    const fields = new Map<string, string>()
    for (const line of lines) {
      const colon = line.indexOf(':')
      const name = line.slice(0, colon).toLowerCase()
      const value = line.slice(colon + 1).trim()
      const earlier = fields.get(name)
      fields.set(name, earlier === undefined ? value : `${earlier}, ${value}`)
    }
    this.#events.head?.({ status, fields })
    const length = fields.get('content-length')
    if (fields.get('transfer-encoding')?.toLowerCase() === 'chunked') this.state = 'chunk-size'
    else if (length === undefined) this.state = status === 204 || status === 304 ? 'done' : 'close'
    else if (!/^\d+$/.test(length)) this.#break('bad content-length')
    else {
      this.#left = Number(length)
      this.state = 'length'
    }
    if (this.state === 'done' || (this.state === 'length' && this.#left === 0)) this.#finish()
  }

  #finish(): void {
    this.state = 'done'
    this.#events.end()
  }

  #break(problem: string): void {
    this.problem ??= problem
    this.state = 'broken'
  }
}
