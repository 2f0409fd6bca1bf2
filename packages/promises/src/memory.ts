/** The memory of every strategy, as a program: it does not grow with what goes through. */

import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { startBulkOrigin, type UploadReport } from '@relayrace/fixtures/origin'
import { payload, Verifier } from '@relayrace/fixtures/payloads'
import { usage } from '@relayrace/fixtures/proc'
import { findTarget } from '@relayrace/fixtures/targets'
import { describe, expect, onTestFinished, test } from 'vitest'

const MiB = 2 ** 20
/** Large bodies are long on a machine that is busy. */
const limit = 100_000

/** A gateway and an origin, each a process of its own. */
async function stage(name: string) {
  const origin = await startBulkOrigin()
  onTestFinished(() => origin[Symbol.asyncDispose]())
  const gateway = await findTarget(name).start(origin.url)
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  return gateway
}

/** The most memory the process has had at once, in bytes: the kernel's own count, which misses nothing. */
const peak = (pid: number | undefined): number => usage(pid as number)?.peak ?? Number.NaN

async function download(url: URL, size: number): Promise<void> {
  const outgoing = httpRequest(new URL(`/bytes/${size}`, url), { agent: false }).end()
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  const verifier = new Verifier()
  for await (const piece of incoming) verifier.update(piece)
  expect([verifier.bytes, verifier.intact, incoming.complete]).toEqual([size, true, true])
}

async function upload(url: URL, size: number): Promise<void> {
  const outgoing = httpRequest(new URL('/upload', url), {
    method: 'PUT',
    agent: false,
    headers: { 'Content-Length': size },
  })
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>
  await pipeline(payload(size), outgoing)
  const [incoming] = await answered
  expect((await json(incoming)) as UploadReport).toMatchObject({ bytes: size, intact: true })
}

/** @param most The larger size, in MiB. */
export function memoryOf(name: string, most = 256): void {
  const sizes = [64 * MiB, most * MiB]

  describe.skipIf(process.platform !== 'linux')('A1 memory does not grow with the size of the object', () => {
    test.each([
      ['download', download],
      ['upload', upload],
    ])(`%s: 64 or ${most} MiB`, { timeout: limit }, async (_, transfer) => {
      const { url, pid } = await stage(name)
      const peaks: number[] = []
      for (const size of sizes) {
        await transfer(url, size)
        peaks.push(peak(pid))
      }
      const [small = 0, large = Number.POSITIVE_INFINITY] = peaks
      expect(small).toBeGreaterThan(10 * MiB)
      expect(large - small).toBeLessThan(16 * MiB)
    })
  })
}
