import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request } from 'node:http'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { startProgram } from '@relayrace/fixtures/target'
import { connect, startOrigin } from '@relayrace/fixtures/wire'
import { expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import type { Starter } from '../src/choose/questions.ts'
import { filesOf, writeProject } from '../src/choose/starters.ts'
import { parseConfig, strategies } from '../src/config.ts'

/** Writes the project where it finds the packages, and starts its main. */
async function started(starter: Starter, strategy: string, env: Record<string, string>) {
  const folder = await mkdtemp(path.join(import.meta.dirname, '.project-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  writeProject(folder, { starter, strategy }, '0.0.0')
  const running = await startProgram(
    { argv: [process.execPath, path.join(folder, 'main.js')], env: { PORT: '0', ...env } },
    {},
  )
  onTestFinished(() => running[Symbol.asyncDispose]())
  return running
}

async function origin() {
  const it = await startOrigin()
  onTestFinished(() => it[Symbol.asyncDispose]())
  return it
}

test.each(strategies)('a proxy with %s relays', async (strategy) => {
  const one = await origin()
  const { url } = await started('proxy', strategy, { UPSTREAM: one.url.origin })
  const client = await connect(url)
  onTestFinished(() => client.close())
  client.send('GET /x HTTP/1.1\r\nHost: a\r\n\r\n')
  await (await one.request()).send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')
  expect((await client.response()).text).toBe('hello')
})

test('WebSockets without a session are refused, with what a browser sends they are asked on', async () => {
  const one = await origin()
  const { url } = await started('websocket', 'pipe-proxy', { UPSTREAM: one.url.origin, SESSION: 'secret' })
  const upgrade = (more: string): string =>
    `GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${more}\r\n`
  const asking = async (more: string) => {
    const client = await connect(url)
    onTestFinished(() => client.close())
    client.send(upgrade(more))
    return client
  }
  const cookie = 'Cookie: session=secret\r\n'
  for (const [more, status] of [
    ['', 401],
    [cookie, 403],
    [`${cookie}Origin: https://evil.example\r\n`, 403],
  ] as const)
    expect((await (await asking(more)).response()).status).toBe(status)
  const client = await asking(`${cookie}Origin: http://localhost:8080\r\n`)
  const asked = await one.request()
  expect(asked.message.get('upgrade')).toBe('websocket')
  await asked.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  expect((await client.response()).status).toBe(200)
})

test('what fetches URLs of users reaches nothing private', async () => {
  const { url } = await started('public-urls', 'pipe-proxy', {})
  const client = await connect(url)
  onTestFinished(() => client.close())
  client.send('GET /download?url=http://127.0.0.1:80/ HTTP/1.1\r\nHost: a\r\n\r\n')
  expect((await client.response()).status).toBe(403)
})

test('the echo answers', async () => {
  const { url } = await started('echo', 'duplex-server', {})
  const asking = request(url, { method: 'POST' })
  asking.end('hello')
  const [response] = await new Promise<[import('node:http').IncomingMessage]>((resolve, reject) =>
    asking.on('response', (response) => resolve([response])).on('error', reject),
  )
  expect(await text(response)).toBe('hello')
})

test('the configuration for services is one, with two routes and the token that the README names', () => {
  const files = filesOf({ starter: 'services', strategy: 'duplex-server' }, '0.0.0')
  const config = parseConfig(parse(files['relayrace.yaml'] as string))
  expect(config.routes).toHaveLength(2)
})

test('a project is named as its folder is', async () => {
  const folder = await mkdtemp(path.join(import.meta.dirname, '.project-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const written = writeProject(
    path.join(folder, 'My gate'),
    { starter: 'dev-server', strategy: 'pipe-proxy' },
    '0.0.0',
  )
  const manifest = JSON.parse(await readFile(written[0] as string, 'utf8'))
  expect(manifest.name).toBe('my-gate')
  expect(written.map((file) => path.basename(file))).toContain('index.html')
})

test('the configuration of Vite, and the handler, load', async () => {
  const folder = await mkdtemp(path.join(import.meta.dirname, '.project-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  writeProject(path.join(folder, 'vite'), { starter: 'dev-server', strategy: 'pipe-proxy' }, '0.0.0')
  writeProject(path.join(folder, 'handler'), { starter: 'handler', strategy: 'fetch-proxy' }, '0.0.0')
  const handler = await import(path.join(folder, 'handler/main.js'))
  expect(handler.default.fetch).toBeTypeOf('function')
  expect(await readFile(path.join(folder, 'vite/vite.config.js'), 'utf8')).toContain("prefix: '/api'")
})
