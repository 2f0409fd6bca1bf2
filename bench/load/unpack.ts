/** Takes text that was packed on its way, unpacks it, and compares every byte of it. */

import { createGunzip } from 'node:zlib'
import { Verifier } from '@relayrace/fixtures/payloads'
import { exchange, Problems } from './exchange.ts'
import type { LoadModule, Outcome } from './module.ts'

export interface Unpack {
  readonly kind: 'unpack'
  /** Unpacked. */
  readonly bytes: number
  readonly warmUp: number
}

const seed = 1

export async function unpack(url: URL, { bytes }: Pick<Unpack, 'bytes'>): Promise<Outcome> {
  const problems = new Problems()
  const verifier = new Verifier(seed, 0, 'text')
  const gunzip = createGunzip({ chunkSize: 64 * 1024 })
  let packed = 0
  let damaged: string | undefined
  const closed = new Promise<void>((resolve) => gunzip.once('close', resolve))
  gunzip.on('data', (piece: Buffer) => verifier.update(piece))
  gunzip.on('error', () => {
    damaged = 'cannot be unpacked'
    running.resume()
  })
  gunzip.on('drain', () => running.resume())
  const running = exchange(url, {
    path: `/text/${bytes}?seed=${seed}`,
    fields: ['Accept-Encoding: gzip'],
    head({ fields }) {
      if (fields.get('content-encoding') !== 'gzip') damaged = 'not packed'
    },
    body(slice) {
      packed += slice.length
      // Copied: the buffer is read into again before all is unpacked.
      return damaged !== undefined || gunzip.write(Buffer.from(slice))
    },
  })
  const { problem, endedAt } = await running.ended
  if (problem === undefined && damaged === undefined) {
    gunzip.end()
    await closed
  }
  gunzip.destroy()
  const right = verifier.intact ? undefined : 'wrong bytes'
  const whole = verifier.bytes === bytes ? undefined : 'wrong length'
  const wrong = problem ?? damaged ?? right ?? whole
  problems.add(wrong)
  return {
    seconds: (endedAt - running.startedAt) / 1000,
    bytes: wrong === undefined ? bytes : 0,
    exchanges: wrong === undefined ? 1 : 0,
    problems: problems.counts,
    values: { packed },
  }
}

export const unpacking: LoadModule<Unpack> = {
  kind: 'unpack',
  warmUp: (url, { warmUp }) => unpack(url, { bytes: warmUp }),
  perform: (url, job) => unpack(url, job),
  bytes: ({ bytes }) => bytes,
}
