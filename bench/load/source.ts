/** Uploads a payload as fast as it is taken, never ahead of it, and asks the origin whether it came whole. */

import { once } from 'node:events'
import { longestSlice, slice } from '@relayrace/fixtures/payloads'
import { exchange, Problems } from './exchange.ts'
import type { LoadModule, Outcome } from './module.ts'

export interface Upload {
  readonly kind: 'upload'
  readonly bytes: number
  readonly warmUp: number
}

const seed = 1

export async function upload(url: URL, job: Pick<Upload, 'bytes'>): Promise<Outcome> {
  const problems = new Problems()
  const answer: Buffer[] = []
  const running = exchange(url, {
    path: `/upload?seed=${seed}`,
    method: 'POST',
    fields: [`Content-Length: ${job.bytes}`, 'Content-Type: application/octet-stream'],
    body(part) {
      answer.push(Buffer.from(part))
      return true
    },
  })
  await Promise.race([send(running.socket, job.bytes), running.ended])
  const sentAt = performance.now()
  const { problem, endedAt } = await running.ended
  const wrong = problem ?? judge(Buffer.concat(answer).toString(), job.bytes)
  problems.add(wrong)
  return {
    seconds: (endedAt - running.startedAt) / 1000,
    bytes: wrong === undefined ? job.bytes : 0,
    exchanges: wrong === undefined ? 1 : 0,
    problems: problems.counts,
    values: { answerAfter: endedAt - sentAt },
  }
}

async function send(socket: NodeJS.WritableStream & { destroyed: boolean }, bytes: number): Promise<void> {
  for (let position = 0; position < bytes && !socket.destroyed; ) {
    const piece = slice(position, Math.min(longestSlice, bytes - position), seed)
    position += piece.length
    if (!socket.write(piece)) await once(socket, 'drain').catch(() => undefined)
  }
}

function judge(answer: string, bytes: number): string | undefined {
  let received: { bytes?: unknown; intact?: unknown }
  try {
    received = JSON.parse(answer) as typeof received
  } catch {
    return 'wrong answer'
  }
  if (received.bytes !== bytes) return 'wrong length'
  return received.intact === true ? undefined : 'wrong bytes'
}

export const uploads: LoadModule<Upload> = {
  kind: 'upload',
  warmUp: (url, { warmUp }) => upload(url, { bytes: warmUp }),
  perform: upload,
  bytes: ({ bytes }) => bytes,
}
