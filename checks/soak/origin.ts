/** The origin of a soak: a target says what it does, of which little is what an origin should do. */

import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { parser } from '@relayrace/fixtures/wire'

export interface SoakOrigin {
  readonly url: string
  /** Open now. */
  readonly sockets: number
  close(): void
}

/** How content ends, so that a part of it is not taken for the whole. */
export const ending = 'the end.'
/** At the beginning of answers that nobody has asked for. */
export const poison = 'poison'

/** @param length In bytes, with the ending. */
const contentOf = (length: number): string => `${'x'.repeat(length - ending.length)}${ending}`

const ok = (content: string, ...fields: readonly string[]): string =>
  message('HTTP/1.1 200 OK', [...fields, `Content-Length: ${content.length}`], content)

const message = (start: string, fields: readonly string[], content = ''): string =>
  `${[start, ...fields].join('\r\n')}\r\n\r\n${content}`

const chunked = (length: number): string => {
  let pieces = ''
  const content = contentOf(length)
  for (let at = 0; at < length; at += 4_000) {
    const piece = content.slice(at, at + 4_000)
    pieces += `${piece.length.toString(16)}\r\n${piece}\r\n`
  }
  const fields = ['Transfer-Encoding: chunked', 'Trailer: X-Sum']
  return message('HTTP/1.1 200 OK', fields, `${pieces}0\r\nX-Sum: 1\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n`)
}

const many = (count: number, length: number): string[] =>
  Array.from({ length: count }, (_, i) => `X-${i}: ${'a'.repeat(length)}`)

interface Bad {
  /** Sent in one write as soon as the head of the request is there. */
  readonly bytes: string
  /** What follows it. Default: nothing, so that the gateway has to know what to do. */
  readonly end?: 'fin' | 'reset'
}

/** What some origin has sent to some proxy, to the regret of its operator. */
export const bad: Readonly<Record<string, Bad>> = {
  nothing: { bytes: '', end: 'fin' },
  'a reset': { bytes: '', end: 'reset' },
  garbage: { bytes: '\x16\x03\x01\x02\x00\x01\x00garbage\r\n\r\n' },
  'half a head': { bytes: 'HTTP/1.1 200 OK\r\nContent-Le', end: 'fin' },
  'no end of the status line': { bytes: `HTTP/1.1 200 ${'O'.repeat(100_000)}` },
  'a status of 099': { bytes: message('HTTP/1.1 099 No', ['Content-Length: 0']) },
  'a status of 1000': { bytes: message('HTTP/1.1 1000 No', ['Content-Length: 0']) },
  'two framings': {
    bytes: message('HTTP/1.1 200 OK', ['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
  },
  'two lengths': { bytes: message('HTTP/1.1 200 OK', ['Content-Length: 5', 'Content-Length: 6'], 'hello') },
  'fields that HTTP/2 forbids': {
    bytes: ok(
      'hello',
      'HTTP2-Settings: AAMAAABk',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: close',
      'TE: x',
    ),
  },
  'fields twice': {
    bytes: ok(
      'hello',
      'Date: x',
      'Date: y',
      'ETag: "a"',
      'ETag: "b"',
      'Location: /',
      'Location: /',
      'Age: 1',
    ),
  },
  'a field that is none': { bytes: message('HTTP/1.1 200 OK', ['X-A : b', 'Content-Length: 0']) },
  'a field with a control character': { bytes: ok('hello', 'X-A: a\x01b') },
  'a reason with a control character': { bytes: message('HTTP/1.1 200 a\x01b', ['Content-Length: 0']) },
  '1003 fields': { bytes: ok('hello', ...many(1003, 1)) },
  'a head of 59 KB': { bytes: ok('hello', ...many(900, 58)) },
  'a head of 90 KB': { bytes: ok('hello', ...many(900, 92)) },
  '100 unasked': { bytes: `HTTP/1.1 100 Continue\r\n\r\n${ok('hello')}` },
  '101 unasked': { bytes: message('HTTP/1.1 101 No', ['Connection: Upgrade', 'Upgrade: foo'], 'hello') },
  '103 with two links': { bytes: `HTTP/1.1 103 Hints\r\nLink: </a>, </b>\r\n\r\n${ok('hello')}` },
  '103 that HTTP/2 forbids': { bytes: `HTTP/1.1 103 Hints\r\nConnection: a\r\nA: b\r\n\r\n${ok('hello')}` },
  '103 without end': { bytes: 'HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n'.repeat(2_000) },
  'content that breaks off': {
    bytes: message('HTTP/1.1 200 OK', ['Content-Length: 10'], 'hello'),
    end: 'fin',
  },
  'content that is reset': {
    bytes: message('HTTP/1.1 200 OK', ['Content-Length: 10'], 'hello'),
    end: 'reset',
  },
  'content that stands still': { bytes: message('HTTP/1.1 200 OK', ['Content-Length: 10'], 'hello') },
  'chunks that break off': {
    bytes: message('HTTP/1.1 200 OK', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n'),
    end: 'fin',
  },
  'chunks that are none': { bytes: message('HTTP/1.1 200 OK', ['Transfer-Encoding: chunked'], 'xyz\r\n') },
  'chunks of zeros': {
    bytes: message('HTTP/1.1 200 OK', ['Transfer-Encoding: chunked'], '0'.repeat(50_000)),
  },
  'content with 204': { bytes: message('HTTP/1.1 204 No Content', ['Content-Length: 5'], 'hello') },
  'content with 205': { bytes: message('HTTP/1.1 205 Reset Content', ['Content-Length: 5'], 'hello') },
  'content with 304': { bytes: message('HTTP/1.1 304 Not Modified', ['Content-Length: 5'], '') },
  'content until the end': { bytes: message('HTTP/1.0 200 OK', [], contentOf(100)), end: 'fin' },
  'a second answer': { bytes: `${ok('hello')}${ok(poison)}` },
  'a challenge': {
    bytes: message('HTTP/1.1 401 Who', [
      'WWW-Authenticate: NTLM',
      'WWW-Authenticate: Negotiate',
      'Content-Length: 0',
    ]),
  },
  'a redirect to itself': {
    bytes: message('HTTP/1.1 302 Found', ['Location: /bad/a%20redirect%20to%20itself', 'Content-Length: 0']),
  },
}

export async function startOrigin(): Promise<SoakOrigin> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serve(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get sockets() {
      return sockets.size
    },
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function serve(socket: Socket): void {
  let reading = parser('request', { keep: 0 })
  let switched = false
  let begun = false
  socket.on('error', () => {})
  socket.on('end', () => socket.end())
  socket.on('data', (bytes: Buffer) => {
    for (let rest = bytes; rest.length > 0; ) {
      if (switched) {
        socket.write(rest)
        return
      }
      rest = rest.subarray(reading.push(rest))
      const { headComplete, target, method, bodyLength, verdict } = reading.message
      if (verdict === 'malformed') {
        socket.destroy()
        return
      }
      if (!headComplete) return
      if (!begun) begin(socket, target)
      begun = true
      if (!reading.done) return
      switched = answer(socket, method, target, bodyLength)
      reading = parser('request', { keep: 0 })
      begun = false
    }
  })
}

/** When it knows what is asked for, whether or not the content has come. */
function begin(socket: Socket, target: string): void {
  const [, first, second = ''] = target.split('/')
  if (first === 'continue') socket.write('HTTP/1.1 100 Continue\r\n\r\n')
  else if (first === 'early')
    socket.end(message('HTTP/1.1 403 Forbidden', ['Content-Length: 0', 'Connection: close']))
  else if (first === 'bad') {
    const { bytes, end } = bad[decodeURIComponent(second)] ?? { bytes: '', end: 'reset' as const }
    if (bytes !== '') socket.write(bytes, 'latin1')
    if (end === 'fin') socket.end()
    else if (end === 'reset') socket.resetAndDestroy()
  }
}

/** @returns whether the connection speaks another protocol from here on. */
function answer(socket: Socket, method: string, target: string, bodyLength: number): boolean {
  const [, first, second = ''] = target.split('/')
  const say = (text: string): void => void socket.write(text, 'latin1')
  const content = (text: string): void => say(method === 'HEAD' ? ok(text).slice(0, -text.length) : ok(text))
  if (first === 'content') content(contentOf(Number(second)))
  else if (first === 'chunked') say(chunked(Number(second)))
  else if (first === 'hints') say(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok(contentOf(20))}`)
  else if (first === 'half') say(message('HTTP/1.1 200 OK', ['Content-Length: 10'], 'begun'))
  else if (first === 'refuse')
    say(message('HTTP/1.1 404 Not Found', [`Content-Length: ${ending.length}`], ending))
  else if (first === 'switch') {
    say(message('HTTP/1.1 101 Switching Protocols', ['Connection: Upgrade', 'Upgrade: echo'], 'hi'))
    return true
  } else if (!['silent', 'bad', 'early'].includes(first as string)) content(`${bodyLength} bytes, ${ending}`)
  return false
}
