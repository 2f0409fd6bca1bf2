/** What is left of a program when its parent has ended, however that was: nothing. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { UnixSocket } from '@relayrace/gateway'
import { expect, onTestFinished, test } from 'vitest'
import { child, exchange, lives, node, pidOf, stage } from './stage.ts'

interface Family {
  readonly parent: ChildProcess
  /** The program and its child, both of which ignore SIGTERM. */
  readonly pids: readonly number[]
  readonly folder: string
}

/** A program whose parent is a process of its own. */
async function family(...args: string[]): Promise<Family> {
  const parent = spawn(process.execPath, [child('leaving.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void parent.kill('SIGKILL'))
  let below = 0
  for await (const line of createInterface({ input: parent.stdout })) {
    if (line.startsWith('below')) below = Number(line.split(' ')[1])
    if (!line.startsWith('ready')) continue
    const { pid, origin } = JSON.parse(line.slice(6)) as { pid: number; origin: UnixSocket }
    return { parent, pids: [pid, below], folder: path.dirname(origin.socketPath) }
  }
  throw new Error('it has ended')
}

test.each<[string, (parent: ChildProcess) => unknown, string?]>([
  ['is killed', (parent) => parent.kill('SIGKILL')],
  ['is ended by a signal', (parent) => parent.kill('SIGHUP')],
  ['has started it without a shell, and is killed', (parent) => parent.kill('SIGKILL'), 'odd'],
])('C5 no process is left, and no folder, when the parent %s', async (_, end, how = '') => {
  const { parent, pids, folder } = await family(how)
  expect(pids.map(lives)).toEqual([true, true])
  expect(existsSync(folder)).toBe(true)
  end(parent)
  await once(parent, 'exit')
  await expect.poll(() => pids.map(lives)).toEqual([false, false])
  await expect.poll(() => existsSync(folder)).toBe(false)
})

test('C5 a guard that was killed has a successor, which knows what was there', async () => {
  const { parent, pids } = await family()
  const guards = (): number[] =>
    spawnSync('ps', ['-o', 'pid=,args=', '--ppid', `${parent.pid}`])
      .stdout.toString()
      .split('\n')
      .flatMap((line) => (line.includes('relayrace-guard') ? Number.parseInt(line, 10) : []))
  const [guard] = guards()
  process.kill(guard as number, 'SIGKILL')
  await expect.poll(() => guards().filter((pid) => pid !== guard && lives(pid))).toHaveLength(1)
  expect(pids.map(lives)).toEqual([true, true])
  parent.kill('SIGKILL')
  await expect.poll(() => pids.map(lives)).toEqual([false, false])
})

test('C5 the guard goes with the last program, and nothing keeps this process', async () => {
  const { app } = stage({ ...node, socket: 'auto' })
  await app.start()
  const origin = (await app.upstream(exchange().exchange)) as UnixSocket
  expect(await pidOf(origin)).toBeGreaterThan(0)
  await app.close()
  expect(existsSync(path.dirname(origin.socketPath))).toBe(false)
})

test('C5 a process that has no descriptors left to start one says so, goes on, and starts it later', () => {
  const { status, stdout } = spawnSync(
    '/bin/sh',
    ['-c', 'ulimit -n 100; exec "$@"', 'sh', process.execPath, child('few.ts')],
    { timeout: 30_000 },
  )
  // Nothing is left for the guard; for the program; for its output. Then there is enough.
  expect([stdout.toString().split('\n').slice(0, -1), status]).toEqual([
    ['could not be started', 'could not be started', 'could not be started', 'ready', 'closed'],
    0,
  ])
})
