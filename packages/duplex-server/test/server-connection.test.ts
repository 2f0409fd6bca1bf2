import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { RequestLine } from '../src/head.ts'
import type { Inbound } from '../src/inbound.ts'
import type { Response } from '../src/response.ts'
import { type Answerer, ServerConnection } from '../src/server-connection.ts'
import { cut } from './reading.ts'
import { fc } from './seed.ts'
import { hear, pair, until } from './sockets.ts'
import { Watched } from './watched.ts'

interface Asked {
  readonly line: RequestLine
  readonly content: Inbound
  readonly response: Response
}

const limits = {
  requestHead: 16_384,
  headTimeout: 60_000,
  idleTimeout: 60_000,
  drainTimeout: 300_000,
  bodyTimeout: 300_000,
}
const opened: Socket[] = []
afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy()
})

/** A connection whose requests `answer` is told of. */
async function connection(answer: (asked: Asked) => void) {
  const { near, far } = await pair()
  const asked: Asked[] = []
  let gone = false
  const sweep = new Watched()
  const answerer: Answerer = {
    limits,
    sweep,
    closing: false,
    answer(line, content, response) {
      asked.push({ line, content, response })
      answer({ line, content, response })
    },
    gone: () => {
      gone = true
    },
  }
  const served = new ServerConnection(near, answerer)
  opened.push(near, far, served.wire.socket)
  return { served, far, asked, sweep, gone: () => gone, heard: hear(far) }
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

function ok({ response }: Asked, body = ''): void {
  response.writeHead(200, 'OK', ['Content-Length', String(body.length)])
  response.content(bytes(body), response.wire)
  response.end()
}

/** How many whole answers there are in it. */
const answers = (heard: string): number => heard.split('HTTP/1.1 ').length - 1

describe('pipelined requests', () => {
  test('are answered one after the other, in order, however they are cut', async () => {
    const texts = [
      'GET /0 HTTP/1.1\r\nHost: a\r\n\r\n',
      'POST /1 HTTP/1.1\r\nContent-Length: 23\r\n\r\nGET /not HTTP/1.1\r\n\r\n..',
      'POST /2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\nT: t\r\n\r\n',
      'HEAD /3 HTTP/1.1\r\nHost: a\r\n\r\n',
    ]
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(), { maxLength: 10 }),
        fc.array(fc.constantFrom(0, 1, 2), { maxLength: 4 }),
        async (places, turns) => {
          let busy = 0
          const { far, asked, heard } = await connection((one) => {
            expect(++busy).toBe(1)
            const answer = (): void => {
              busy--
              ok(one)
            }
            one.content.discard()
            let left = turns[asked.length - 1] ?? 0
            const wait = (): void => {
              if (left-- > 0) setImmediate(wait)
              else answer()
            }
            setImmediate(wait)
          })
          for (const piece of cut(bytes(texts.join('')), places)) {
            far.write(piece)
            await new Promise((resolve) => setImmediate(resolve))
          }
          await until(() => answers(heard()) === 4, 'four answers')
          expect(asked.map(({ line }) => line.target)).toEqual(['/0', '/1', '/2', '/3'])
          far.destroy()
        },
      ),
      { numRuns: 40 },
    )
  })

  test('keep their order when bytes arrive between an answer and the turn of what waits', async () => {
    const { served, asked } = await connection(() => {})
    served.received(bytes('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Le'))
    ok(asked[0] as Asked)
    served.received(bytes('ngth: 0\r\n\r\n'))
    const second = await until(() => asked[1], 'the second request')
    expect(second.line).toMatchObject({ method: 'POST', target: '/2', raw: ['Content-Length', '0'] })
  })

  test('are not read beyond 64 KiB while the first waits for its answer, whatever it has been sent', async () => {
    const { served, far, asked } = await connection(({ content }) =>
      content.consume({ content: () => true, end: () => {} }),
    )
    far.write('POST /1 HTTP/1.1\r\nContent-Length: 1\r\n\r\nx')
    const first = await until(() => asked[0], 'the first request')
    far.write(Buffer.alloc(2 ** 20, 'GET / HTTP/1.1\r\n'))
    await until(() => served.wire.paused, 'a pause')
    // The receiver of the content says that it can take more: there is no more of it.
    first.content.resume()
    expect(served.wire.paused).toBe(true)
  })

  test('and the connection is given up when it could not be read for 10 s', async () => {
    const { served, far } = await connection(() => {})
    far.write('GET /1 HTTP/1.1\r\n\r\n')
    far.write(Buffer.alloc(2 ** 20, 'GET / HTTP/1.1\r\n'))
    await until(() => served.wire.paused, 'a pause')
    const now = performance.now()
    served.check(now + 9_000)
    expect(served.wire.socket.destroyed).toBe(false)
    served.check(now + 10_000)
    expect(served.wire.socket.destroyed).toBe(true)
  })

  test('but not once it has been read again', async () => {
    const { served, far, asked } = await connection(() => {})
    far.write('GET /1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 100000\r\n\r\n')
    far.write(Buffer.alloc(99_999))
    await until(() => served.wire.paused, 'a pause')
    ok(asked[0] as Asked)
    const second = await until(() => asked[1], 'the second request')
    second.content.consume({ content: () => true, end: () => {} })
    await until(() => second.content.bytes === 99_999, 'what has been sent')
    served.check(performance.now() + 10_000)
    expect(served.wire.socket.destroyed).toBe(false)
  })
})

describe('after an answer that ends the connection', () => {
  for (const [what, request] of [
    ['a request that asked for it', 'GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
    ['an HTTP/1.0 request', 'GET /1 HTTP/1.0\r\n\r\n'],
  ] as const) {
    test(`nothing is a request any more: ${what}`, async () => {
      const { far, asked, heard } = await connection((one) => ok(one))
      far.write(`${request}GET /2 HTTP/1.1\r\nHost: a\r\n\r\n`)
      await once(far, 'end')
      expect(answers(heard())).toBe(1)
      expect(asked.map(({ line }) => line.target)).toEqual(['/1'])
    })
  }

  test('nothing is a request any more: one that was refused', async () => {
    const { far, asked, heard } = await connection((one) => ok(one))
    far.write('GET /1 HTTP/1.1\r\nHost : a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n')
    await once(far, 'end')
    expect(heard()).toMatch(/^HTTP\/1\.1 400 /)
    expect(asked).toEqual([])
  })

  test('nothing is a request any more: one whose content is wrong', async () => {
    const { far, asked } = await connection((one) => {
      one.content.discard()
      one.response.close()
      ok(one)
    })
    far.write(
      'POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n',
    )
    await once(far, 'end')
    expect(asked.map(({ line }) => line.target)).toEqual(['/1'])
  })
})

test('an answer that was complete before its request leaves the connection usable', async () => {
  const { far, asked, heard } = await connection((one) => ok(one))
  far.write('POST /1 HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345')
  await until(() => answers(heard()) === 1, 'the first answer')
  far.write('67890GET /2 HTTP/1.1\r\nHost: a\r\n\r\n')
  await until(() => answers(heard()) === 2, 'the second answer')
  expect(asked.map(({ line }) => line.target)).toEqual(['/1', '/2'])
})

describe('a client that is slow to take its answer', () => {
  const long = 'x'.repeat(24 * 2 ** 20)

  for (const version of ['1.0', '1.1']) {
    test(`gets the drain limit for it, not the limit on silence: HTTP/${version}`, async () => {
      const { served, far, asked } = await connection(() => {})
      far.pause()
      far.write(`GET /1 HTTP/${version}\r\nHost: a\r\n\r\n`)
      ok(await until(() => asked[0], 'the request'), long)
      const now = performance.now()
      served.check(now + limits.idleTimeout + 1_000)
      expect(served.wire.socket.destroyed).toBe(false)
      expect(served.wire.socket.writableLength).toBeGreaterThan(0)
      served.check(now + limits.drainTimeout + 1_000)
      expect(served.wire.socket.destroyed).toBe(true)
    })
  }

  test('gets all of it', async () => {
    const { served, far, asked, heard } = await connection(() => {})
    far.pause()
    far.write('GET /1 HTTP/1.0\r\n\r\n')
    ok(await until(() => asked[0], 'the request'), long)
    served.check(performance.now() + 10_000)
    far.resume()
    await once(far, 'end')
    expect(heard().endsWith(long)).toBe(true)
  })
})

test.each([
  ['it is gone', (one: ServerConnection) => void one.wire.socket.destroy()],
  ['it speaks another protocol', (one: ServerConnection) => void one.handOver(one)],
])('a connection is not looked at any more when %s', async (_, end) => {
  const { served, sweep } = await connection(() => {})
  expect(sweep.members).toEqual([served])
  end(served)
  await until(() => sweep.members.length === 0, 'the end')
})

describe('a silent client', () => {
  test('is left without a word between two requests', async () => {
    const { served, far, heard } = await connection((one) => ok(one))
    far.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(() => answers(heard()) === 1, 'the answer')
    served.check(performance.now() + limits.idleTimeout + 1_000)
    await once(far, 'end')
    expect(answers(heard())).toBe(1)
  })

  test('is told 408 within a request head', async () => {
    const { served, far, heard } = await connection((one) => ok(one))
    far.write('GET / HTTP/1.1\r\nHo')
    await until(() => !served.idle, 'the first bytes')
    served.check(performance.now() + limits.headTimeout + 1_000)
    await once(far, 'end')
    expect(heard()).toMatch(/^HTTP\/1\.1 408 /)
  })

  test('is gone some seconds after the connection was ended, whether it ends its side or not', async () => {
    const { served, far, gone, heard } = await connection((one) => ok(one))
    far.write('GET / HTTP/1.0\r\n\r\n')
    await once(far, 'end')
    expect(answers(heard())).toBe(1)
    served.check(performance.now() + 6_000)
    await until(gone, 'the end of the connection')
  })
})
