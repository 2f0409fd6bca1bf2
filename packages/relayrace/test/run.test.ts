/** Serving as a program, in this process. */

import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { parseConfig, type Settled } from '../src/config.ts'
import { run } from '../src/run.ts'

test('of two reloads the last one holds, however long reading the first one takes', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'relayrace-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const socketPath = path.join(folder, 'a.sock')
  const saying = (status: number): Settled =>
    parseConfig({ listen: { socket: socketPath }, log: 'none', routes: [{ path: '/', reply: { status } }] })
  const status = (): Promise<number | undefined> =>
    new Promise((resolve) =>
      request({ socketPath, agent: false }, (response) => resolve(response.resume().statusCode))
        .on('error', () => resolve(undefined))
        .end(),
    )
  const [first, second] = [Promise.withResolvers<Settled>(), Promise.withResolvers<Settled>()]
  const reads = [first.promise, second.promise]
  const ended = run(saying(200), { load: () => reads.shift() as Promise<Settled>, watch: false })
  await expect.poll(status).toBe(200)
  process.emit('SIGHUP')
  process.emit('SIGHUP')
  second.resolve(saying(202))
  await new Promise(setImmediate)
  first.resolve(saying(201))
  await expect.poll(() => reads.length).toBe(0)
  await expect.poll(status).not.toBe(200)
  await new Promise(setImmediate)
  expect(await status()).toBe(202)
  process.emit('SIGTERM')
  expect(await ended).toBe(0)
})
