/** Several processes behind one port, and how they are replaced. */

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { certificates } from '@relayrace/fixtures/certificates'
import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { Verifier } from '@relayrace/fixtures/payloads'
import type { Program, StartOptions } from '@relayrace/fixtures/target'
import { findTarget } from '@relayrace/fixtures/targets'
import { connect, startOrigin } from '@relayrace/fixtures/wire'
import { describe, expect, onTestFinished, test } from 'vitest'
import { files, until } from './programs.ts'

const size = 4 * 1024 * 1024

async function download(url: URL, query = ''): Promise<boolean> {
  const response = await fetch(new URL(`/bytes/${size}${query}`, url), { headers: { connection: 'close' } })
  const verifier = new Verifier(1)
  for await (const piece of response.body as ReadableStream<Uint8Array>) verifier.update(piece)
  return response.status === 200 && verifier.intact && verifier.bytes === size
}

describe.each(['pipe-proxy', 'duplex-server'])('%s with two workers', (name) => {
  test('loses no exchange while they are replaced', async () => {
    const origin = await startBulkOrigin()
    onTestFinished(() => origin[Symbol.asyncDispose]())
    const target = await findTarget(name).start(origin.url, { env: { WORKERS: '2' } })
    onTestFinished(() => target[Symbol.asyncDispose]())

    // One that is under way when it begins, and some that come in the meantime.
    const slow = download(target.url, `?pace=${size}`)
    let replaced = false
    const results: boolean[] = []
    const loops = Array.from({ length: 4 }, async () => {
      while (!replaced) results.push(await download(target.url))
    })
    await until(() => results[0])
    process.kill(target.pid as number, 'SIGUSR2')
    await until(() => (target.stderr().includes('replaced 2 workers') ? true : undefined))
    replaced = true
    await Promise.all(loops)
    expect(results.filter((whole) => !whole)).toEqual([])
    expect(await slow).toBe(true)
  }, 60_000)
})

const { server, wrongHost } = await certificates()
const nowhere = new URL('http://127.0.0.1:9')

/** Two workers, one program. */
async function started(upstream: URL, options: StartOptions = {}): Promise<Program & { pid: number }> {
  const running = await findTarget('pipe-proxy').start(upstream, { env: { WORKERS: '2' }, ...options })
  onTestFinished(() => running[Symbol.asyncDispose]())
  return running as Program & { pid: number }
}

/** The processes that it has started. */
async function workersOf({ pid }: { readonly pid: number }): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.split(' ').filter(Boolean).map(Number)
}

const said = ({ stderr }: Program, text: string): Promise<true> =>
  until(() => (stderr().includes(text) ? true : undefined))

describe.runIf(process.platform === 'linux')('two workers', () => {
  test('a worker that is killed in its first second is replaced', async () => {
    const running = await started(nowhere)
    const [killed, other] = await workersOf(running)
    process.kill(killed as number, 'SIGKILL')
    await said(running, `worker ${killed} was ended by SIGKILL; starting another`)
    const now = await until(async () => {
      const workers = await workersOf(running)
      return workers.length === 2 && !workers.includes(killed as number) ? workers : undefined
    })
    expect(now).toContain(other)
  })

  test('a program whose workers cannot start ends with a code and one reason', async () => {
    const occupied = createServer().listen(0, '127.0.0.1')
    await once(occupied, 'listening')
    onTestFinished(() => void occupied.close())
    const { port } = occupied.address() as { port: number }
    const attempt = started(nowhere, { env: { WORKERS: '2', PORT: `${port}` } })
    await expect(attempt).rejects.toThrow(/did not start: pipe-proxy: [^\n]*EADDRINUSE[^\n]*$/)
    await expect(attempt).rejects.toMatchObject({ cause: { message: 'ended with 2' } })
  })

  test('a broken certificate replaces nobody, and is told; a mended one replaces all', async () => {
    const pair = await files(server)
    const running = await started(nowhere, { args: ['--tls.cert', pair.cert, '--tls.key', pair.key] })
    const old = await workersOf(running)
    await pair.replace({ cert: server.cert, key: wrongHost.key })
    process.kill(running.pid, 'SIGUSR2')
    await said(running, `the workers that are there go on: ${pair.cert} with ${pair.key}: `)
    expect(await workersOf(running)).toEqual(old)

    await pair.replace(wrongHost)
    process.kill(running.pid, 'SIGUSR2')
    await said(running, 'replaced 2 workers')
    const now = await workersOf(running)
    expect(now).toHaveLength(2)
    expect(now.filter((pid) => old.includes(pid))).toEqual([])
  })

  test('what is told while they are being replaced has them replaced once more', async () => {
    const running = await started(nowhere)
    const old = await workersOf(running)
    process.kill(running.pid, 'SIGUSR2')
    await until(async () => (await workersOf(running)).some((pid) => !old.includes(pid)) || undefined)
    process.kill(running.pid, 'SIGUSR2')
    await until(() => running.stderr().split('replaced 2 workers').length === 3 || undefined)
  })

  test('a worker that cannot be replaced is tried again, later each time', async () => {
    const pair = await files(server)
    const running = await started(nowhere, { args: ['--tls.cert', pair.cert, '--tls.key', pair.key] })
    await pair.replace({ cert: server.cert, key: wrongHost.key })
    const [killed] = await workersOf(running)
    process.kill(killed as number, 'SIGKILL')
    for (const ms of [100, 200, 400]) await said(running, `starting another in ${ms} ms`)
    await pair.replace(server)
    await until(async () => ((await workersOf(running)).length === 2 ? true : undefined))
  })

  test('an exchange is ended in order also in a worker that is told to end twice', async () => {
    const origin = await startOrigin()
    onTestFinished(() => origin[Symbol.asyncDispose]())
    const running = await started(origin.url)
    const client = await connect(running.url)
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const exchange = await origin.request()
    process.kill(running.pid, 'SIGTERM')
    // The idle one is gone: both have been told.
    const [busy] = await until(async () => {
      const workers = await workersOf(running)
      return workers.length === 1 ? workers : undefined
    })
    process.kill(busy as number, 'SIGTERM')
    await exchange.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    expect(String((await client.response()).body)).toBe('ok')
    expect(await running.exited).toEqual({ code: 0, signal: null })
  })
})

test('a program without workers says so to SIGUSR2, and goes on', async () => {
  const running = await started(nowhere, { env: {} })
  process.kill(running.pid, 'SIGUSR2')
  await said(running, 'pipe-proxy: SIGUSR2 replaces workers, and there are none')
})
