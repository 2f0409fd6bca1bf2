import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { type Program, startProgram } from '@relayrace/fixtures/target'
import { connect, type Origin, startOrigin } from '@relayrace/fixtures/wire'
import { expect, onTestFinished, test } from 'vitest'

const bin = fileURLToPath(new URL('../src/bin.ts', import.meta.url))
const answer = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`

async function origin(): Promise<Origin> {
  const it = await startOrigin()
  onTestFinished(() => it[Symbol.asyncDispose]())
  return it
}

async function program(...args: string[]): Promise<Program> {
  const running = await startProgram(
    { argv: [process.execPath, bin, 'serve', '--port', '0', '--log', 'json', ...args] },
    {},
  )
  onTestFinished(() => running[Symbol.asyncDispose]())
  return running
}

/** The admin port is in the line that says where it serves. */
function adminOf({ stdout }: Program): string {
  const [, url] = /"admin":"([^"]+)"/.exec(stdout()) ?? []
  return url as string
}

async function page(url: string): Promise<{ status: number; body: string }> {
  const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) =>
    get(url, resolve).on('error', reject),
  )
  return { status: response.statusCode as number, body: await text(response) }
}

async function exchange(running: Program, to: Origin, body: string): Promise<string> {
  const client = await connect(running.url)
  onTestFinished(() => client.close())
  client.send('GET /x HTTP/1.1\r\nHost: a\r\n\r\n')
  await (await to.request()).send(answer(body))
  return (await client.response()).text
}

test.each(['pipe-proxy', 'duplex-server'])(
  '%s as a command: serves, logs, tells of itself, ends in order',
  async (strategy) => {
    const one = await origin()
    const running = await program('--upstream', one.url.href, '--strategy', strategy, '--admin-port', '0')
    expect(await exchange(running, one, 'hello')).toBe('hello')
    await expect.poll(() => running.stdout()).toContain('"target":"/x"')
    const admin = adminOf(running)
    expect(await page(`${admin}healthz`)).toEqual({ status: 200, body: 'ok\n' })
    expect((await page(`${admin}readyz`)).status).toBe(200)
    const { body } = await page(`${admin}metrics`)
    expect(body).toMatch(/relayrace_exchanges_total\{[^}]*status="200"[^}]*\} 1/)
    expect(body).toContain('relayrace_content_bytes_total{route="/",direction="response"} 5')
    process.kill(running.pid as number, 'SIGTERM')
    expect(await running.exited).toMatchObject({ code: 0 })
  },
)

test('ends with a code and the reason where its admin port is taken', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const args = ['serve', '--upstream', 'http://127.0.0.1:1', '--port', '0', '--admin-port', String(port)]
  const running = spawn(process.execPath, [bin, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  onTestFinished(() => void running.kill('SIGKILL'))
  const [said, [code]] = await Promise.all([text(running.stderr), once(running, 'exit')])
  expect([code, said]).toEqual([2, expect.stringContaining(`address already in use 127.0.0.1:${port}`)])
})

test('is not ready while it drains, and still serves', async () => {
  const one = await origin()
  const folder = await mkdtemp(path.join(tmpdir(), 'relayrace-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'relayrace.yaml')
  await writeFile(file, `upstream: ${one.url.href}\nadmin: { port: 0 }\ndrain: { delay: 60s }`)
  const running = await program(file)
  process.kill(running.pid as number, 'SIGTERM')
  const admin = adminOf(running)
  await expect.poll(async () => (await page(`${admin}readyz`)).status).toBe(503)
  expect((await page(`${admin}healthz`)).status).toBe(200)
  expect(await exchange(running, one, 'still')).toBe('still')
})

test('reads a file again when it changes, and keeps what it has when that is wrong', async () => {
  const [before, after] = [await origin(), await origin()]
  const folder = await mkdtemp(path.join(tmpdir(), 'relayrace-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'relayrace.yaml')
  const routes = (to: string): string =>
    `listen: { port: 0 }\nlog: json\nroutes:\n  - { path: /, to: '${to}' }\n`
  await writeFile(file, routes(before.url.href))
  const running = await program(file)
  expect(await exchange(running, before, 'before')).toBe('before')
  await writeFile(file, 'routes: nothing')
  await expect.poll(() => running.stdout()).toContain('configuration not changed')
  expect(await exchange(running, before, 'before')).toBe('before')
  await writeFile(file, routes(after.url.href))
  await expect.poll(() => running.stdout()).toContain('configuration read again')
  expect(await exchange(running, after, 'after')).toBe('after')
})

test('several workers serve one port, and their metrics are one', async () => {
  const one = await origin()
  const running = await program('--upstream', one.url.href, '--workers', '2', '--admin-port', '0')
  for (const nth of ['1', '2', '3']) expect(await exchange(running, one, nth)).toBe(nth)
  const admin = adminOf(running)
  await expect
    .poll(async () => (await page(`${admin}metrics`)).body)
    .toMatch(/relayrace_exchanges_total\{[^}]*\} 3/)
  process.kill(running.pid as number, 'SIGTERM')
  expect(await running.exited).toMatchObject({ code: 0 })
})

test.each<[string[], RegExp]>([
  [['serve'], /say where requests go/],
  [['serve', '--upstream', 'nowhere'], /neither a URL nor one of upstreams or programs: nowhere/],
  [['serve', '--upstream', 'http://a', '--port', 'many'], /--port is a number from 0 to 65535, not many/],
  [['serve', '--upstream', 'http://a', '--port', '99999'], /--port is a number from 0 to 65535, not 99999/],
  [['serve', '--upstream', 'ftp://a', '--check'], /upstream: The upstream must be an http: or https: URL/],
  [['serve', '--upstream', 'http://a', '--strategy', 'fast'], /pipe-proxy/],
  [['serve', '--upstrem', 'http://a'], /--upstream/],
])('%j is refused with the mend, and exit code 2', async (args, expected) => {
  const failure = await startProgram({ argv: [process.execPath, bin, ...args] }, {}).catch(
    (error: Error) => error,
  )
  expect((failure as Error).message).toMatch(expected)
  expect(((failure as Error).cause as Error).message).toBe('ended with 2')
})
