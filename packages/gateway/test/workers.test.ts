/** Several processes behind one port, and how they are replaced. */

import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { Verifier } from '@relayrace/fixtures/payloads'
import { findTarget } from '@relayrace/fixtures/targets'
import { describe, expect, onTestFinished, test } from 'vitest'
import { until } from './programs.ts'

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
