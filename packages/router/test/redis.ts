/** A Redis of one's own, on a socket in a folder of its own. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'

export interface RedisServer {
  /** A client that does not wait for a server that is gone. */
  connect(): Promise<Redis>
  /** As a machine that is lost. */
  kill(): Promise<void>
  /** It is there, and answers nothing. */
  freeze(): void
}

/** Goes with the test. Undefined where there is no Redis. */
export async function startRedis(): Promise<RedisServer | undefined> {
  const folder = await mkdtemp(path.join(tmpdir(), 'redis-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const socket = path.join(folder, 'socket')
  const args = ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', '--appendonly', 'no']
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(server, 'exit').catch(() => {})
  try {
    await once(server, 'spawn')
  } catch {
    return undefined
  }
  const kill = async (): Promise<void> => {
    server.kill('SIGKILL')
    await ended
  }
  onTestFinished(kill)
  let said = ''
  for await (const piece of server.stdout) {
    said += piece
    if (/ready to accept connections/i.test(said)) break
  }
  return {
    async connect() {
      const redis = new Redis({ path: socket, retryStrategy: null, maxRetriesPerRequest: 1 })
      redis.on('error', () => {})
      onTestFinished(() => redis.disconnect())
      await once(redis, 'ready')
      return redis
    },
    kill,
    freeze: () => void server.kill('SIGSTOP'),
  }
}
