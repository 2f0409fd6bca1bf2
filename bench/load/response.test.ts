import { describe, expect, test } from 'vitest'
import { ResponseReader } from './response.ts'

interface Read {
  readonly status: number | undefined
  readonly body: string
  readonly ends: number
  readonly problem: string | undefined
}

/** Reads a response in pieces of the given size, then the end of the connection. */
function read(text: string, piece: number = text.length): Read {
  let status: number | undefined
  let body = ''
  let ends = 0
  const reader = new ResponseReader({
    head: (head) => {
      status = head.status
    },
    body: (slice) => {
      body += slice.toString('latin1')
    },
    end: () => {
      ends++
    },
  })
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length; at += piece) reader.push(bytes.subarray(at, at + piece))
  return { status, body, problem: reader.close(), ends }
}

const good = {
  'with a length': ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'hello'],
  'in chunks': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: 1\r\n\r\n',
    'hello',
  ],
  'until the end of the connection': ['HTTP/1.1 200 OK\r\n\r\nhello', 'hello'],
  'after interim responses': [
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
    'hello',
  ],
  'of no length': ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', ''],
} as const

describe.each(Object.entries(good))('a response %s', (_, [text, body]) => {
  test.each([1, 2, 3, 7, text.length])('is read in pieces of %i', (piece) => {
    expect(read(text, piece)).toEqual({ status: 200, body, ends: 1, problem: undefined })
  })
})

test.each([
  ['truncated', 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello'],
  ['truncated', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
  ['truncated', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n'],
  ['bytes after the end', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhello'],
  ['bad chunk size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\nhello\r\n'],
  ['bad chunk end', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n'],
  ['bad content-length', 'HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello'],
  ['bad status line', 'HTTP/2 200\r\n\r\nhello'],
  ['no response', 'HTTP/1.1 200 OK\r\nContent-Le'],
])('says "%s" of %j', (problem, text) => {
  expect(read(text).problem).toBe(problem)
  expect(read(text, 1).problem).toBe(problem)
})
