/** The fetch handler where fetch runs: on Bun, on Deno, and on a server of Hono. */

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { Verifier } from '@relayrace/fixtures/payloads'
import { usage } from '@relayrace/fixtures/proc'
import { startProgram } from '@relayrace/fixtures/target'
import { type Client, connect, type Origin, startOrigin } from '@relayrace/fixtures/wire'
import { describe, expect, onTestFinished, test } from 'vitest'

const MiB = 2 ** 20

interface Runtime {
  readonly name: string
  readonly file: string
  readonly args: readonly string[]
  /** Its `fetch` undoes the coding of content, whoever asks. */
  readonly unpacks: boolean
}

const peer = (path: string): string =>
  fileURLToPath(new URL(`../../../fixtures/peers/runtimes/node_modules/${path}`, import.meta.url))

const runtimes: readonly Runtime[] = [
  {
    name: 'Bun',
    file: peer('bun/bin/bun.exe'),
    args: ['run', '--no-install', program('bun')],
    unpacks: false,
  },
  {
    name: 'Deno',
    file: peer('deno/deno'),
    args: ['run', '--no-lock', '--cached-only', '--allow-net', '--allow-env', program('deno')],
    unpacks: false,
  },
  { name: 'Hono on Node.js', file: process.execPath, args: [program('hono')], unpacks: true },
]

function program(name: string): string {
  return fileURLToPath(new URL(`runtimes/${name}.ts`, import.meta.url))
}

describe.each(runtimes)('createFetchHandler on $name', ({ file, args, unpacks }) => {
  const missing = existsSync(file) ? '' : ' (not installed: npm run peers -- runtimes)'

  async function start(upstream: URL): Promise<{ url: URL; pid: number | undefined }> {
    const env = { UPSTREAM: upstream.href, DENO_NO_UPDATE_CHECK: '1' }
    const running = await startProgram({ argv: [file, ...args], env })
    onTestFinished(() => running[Symbol.asyncDispose]())
    return running
  }

  async function stage(): Promise<{ origin: Origin; client: Client }> {
    const origin = await startOrigin()
    onTestFinished(() => origin[Symbol.asyncDispose]())
    const { url } = await start(origin.url)
    const client = await connect(url)
    onTestFinished(() => client.close())
    return { origin, client }
  }

  describe.skipIf(missing !== '')(`A1–A9 the promises of a gateway${missing}`, () => {
    test.skipIf(process.platform !== 'linux')(
      'A1 a download arrives as it was sent, and memory does not grow with it',
      async () => {
        const origin = await startBulkOrigin()
        onTestFinished(() => origin[Symbol.asyncDispose]())
        const { url, pid } = await start(origin.url)
        const peaks: number[] = []
        for (const size of [64 * MiB, 512 * MiB]) {
          const response = await fetch(new URL(`/bytes/${size}`, url))
          const verifier = new Verifier()
          for await (const piece of response.body as ReadableStream<Uint8Array>) verifier.update(piece)
          expect([verifier.bytes, verifier.intact]).toEqual([size, true])
          peaks.push(peak(pid))
        }
        const [small = 0, large = Number.POSITIVE_INFINITY] = peaks
        expect(large - small).toBeLessThan(128 * MiB)
      },
      60_000,
    )

    test('A2 head and first bytes go on before the rest has come', async () => {
      const { origin, client } = await stage()
      client.send(get('/'))
      const exchange = await origin.request()
      exchange.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}begun`)
      const incoming = await client.responding()
      expect(String(await incoming.body(5))).toBe('begun')
      exchange.send('ended')
      expect((await incoming.done()).text).toBe('begunended')
    })

    test('A4 an upload goes on piece by piece', async () => {
      const { origin, client } = await stage()
      client.send(`${head('POST /up?load HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')}5\r\nfirst\r\n`)
      const exchange = await origin.request()
      expect(exchange.message.target).toBe('/up?load')
      expect(String(await exchange.body(5))).toBe('first')
      client.send('6\r\nsecond\r\n0\r\n\r\n')
      expect((await exchange.done()).text).toBe('firstsecond')
      exchange.send(reply('thanks'))
      expect((await client.response()).text).toBe('thanks')
    })

    test('A5 hop-by-hop fields stay where they are, in both directions', async () => {
      const { origin, client } = await stage()
      client.send(get('/', 'Connection: X-Hop', 'X-Hop: 1', 'Keep-Alive: timeout=7', 'X-End: 1'))
      const exchange = await origin.request()
      expect(
        ['x-hop', 'keep-alive', 'proxy-connection'].filter((name) => exchange.message.has(name)),
      ).toEqual([])
      expect(exchange.message.get('x-end')).toBe('1')
      exchange.send(reply('', 'Connection: X-Back', 'X-Back: 1', 'X-End: 2'))
      const response = await client.response()
      expect(response.has('x-back')).toBe(false)
      expect(response.get('x-end')).toBe('2')
    })

    test('A6 a response that was packed unasked stays packed, or says that it is not', async () => {
      const { origin, client } = await stage()
      client.send(get('/', 'Accept-Encoding: gzip'))
      const packed = gzipSync('hello')
      const exchange = await origin.request()
      expect(exchange.message.all('accept-encoding')).toEqual(['identity'])
      exchange.send(head('HTTP/1.1 200 OK', 'Content-Encoding: gzip', `Content-Length: ${packed.length}`))
      exchange.send(packed)
      const response = await client.response()
      expect(response.verdict).toBe('complete')
      expect(response.get('content-encoding')).toBe(unpacks ? undefined : 'gzip')
      expect(response.body).toEqual(unpacks ? Buffer.from('hello') : packed)
    })

    test('A8 nobody listens upstream: 502', async () => {
      const { origin, client } = await stage()
      await origin[Symbol.asyncDispose]()
      client.send(get('/'))
      expect((await client.response()).status).toBe(502)
    })

    test.each([
      ['of known length', 'Content-Length: 10', 'begun'],
      ['in chunks', 'Transfer-Encoding: chunked', '5\r\nbegun\r\n'],
    ])('A8 a response %s that breaks off looks broken', async (_, framing, part) => {
      const { origin, client } = await stage()
      client.send(get('/'))
      const exchange = await origin.request()
      exchange.send(head('HTTP/1.1 200 OK', framing) + part)
      const incoming = await client.responding()
      await incoming.body(5)
      exchange.connection.end()
      expect((await incoming.done()).verdict).toBe('incomplete')
    })

    test.each([
      ['before it is answered', false],
      ['in the middle of its answer', true],
    ])('A9 a client that leaves %s takes the upstream request with it', async (_, answered) => {
      const { origin, client } = await stage()
      client.send(get('/'))
      const exchange = await origin.request()
      if (answered) {
        exchange.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}begun`)
        await (await client.responding()).body(5)
      }
      client.close()
      expect(await exchange.connection.ended()).toMatch(/^(?:fin|reset)$/)
    })
  })
})

const head = (start: string, ...fields: string[]): string => `${[start, ...fields].join('\r\n')}\r\n\r\n`
const get = (target: string, ...fields: string[]): string =>
  head(`GET ${target} HTTP/1.1`, 'Host: a', ...fields)
const reply = (text: string, ...fields: string[]): string =>
  head('HTTP/1.1 200 OK', `Content-Length: ${text.length}`, ...fields) + text

/** The most memory the process has had at once, in bytes. */
const peak = (pid: number | undefined): number => usage(pid as number)?.peak ?? Number.NaN
