import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { canMeasure } from '@relayrace/fixtures/proc'
import { expect, test } from 'vitest'
import { chain } from './chain.ts'
import { ownFolder } from './mounts.ts'
import { type Candidate, chooseProvider, type Provider } from './provider.ts'

const candidate = (name: Provider['name'], why?: string): Candidate => ({
  name,
  async open() {
    if (why !== undefined) throw new Error(why)
    return { name, counts: 'bytes', tcpIsCounted: false, group: () => Promise.reject(new Error('not here')) }
  },
})

test('the first that can be had is taken, and the reasons against those before it are kept', async () => {
  const { provider, passedOver } = await chooseProvider([
    candidate('cgroup v2', 'it has no memory controller'),
    candidate('cgroup v1'),
    candidate('watchdog'),
  ])
  expect(provider.name).toBe('cgroup v1')
  expect(passedOver).toEqual([{ name: 'cgroup v2', why: 'it has no memory controller' }])
})

test('where none can be had all reasons are given', async () => {
  await expect(
    chooseProvider([candidate('cgroup v1', 'not mounted'), candidate('watchdog', 'no /proc')]),
  ).rejects.toThrow('cgroup v1: not mounted; watchdog: no /proc')
})

test('control groups of version 2 come before those of version 1, and the watchdog is last', () => {
  expect([...chain.keys()]).toEqual(['cgroup-v2', 'cgroup-v1', 'watchdog'])
})

const hybrid = `31 24 0:29 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw`
const unified = '30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate'
const inside = '35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory'

test.each([
  [1, hybrid, '4:memory:/jobs/7\n0::/', '/sys/fs/cgroup/memory/jobs/7'],
  [2, hybrid, '4:memory:/jobs/7\n0::/', '/sys/fs/cgroup/unified'],
  [2, unified, '0::/user.slice/a:b.scope', '/sys/fs/cgroup/user.slice/a:b.scope'],
  [1, unified, '0::/user.slice', undefined],
  [1, inside, '4:cpu,memory:/docker/abc', '/sys/fs/cgroup/memory'],
] as const)('our own group of version %i is found', (version, mounts, own, folder) => {
  expect(ownFolder(version, mounts, own)).toBe(folder)
})

const MiB = 1024 ** 2

/** A program that holds so much, and then waits for the end of its input. */
async function hungry(provider: Provider, limit: number, mebibytes: number) {
  const group = await provider.group(limit)
  const script = `globalThis.held=Buffer.alloc(${mebibytes}*${MiB},1);process.stdin.resume()`
  const [file = '', ...args] = [...group.prefix, process.execPath, '-e', script]
  const child = spawn(file, args, { stdio: ['pipe', 'ignore', 'ignore'] })
  const exit = once(child, 'exit')
  return {
    group,
    child,
    exit,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exit
      await group[Symbol.asyncDispose]()
    },
  }
}

for (const [name, { open }] of chain) {
  const provider = canMeasure ? await open().catch(() => undefined) : undefined

  test.runIf(provider !== undefined)(
    `${name} lets live what is within the limit, and knows its peak`,
    async () => {
      await using program = await hungry(provider as Provider, 200 * MiB, 64)
      const { group, child, exit } = program
      await expect.poll(() => group.peak()).toBeGreaterThan(64 * MiB)
      expect(group.pids()).toEqual([child.pid])
      child.stdin.end()
      expect(await exit).toEqual([0, null])
      expect(group.killed()).toBe(0)
      expect(group.peak()).toBeLessThan(200 * MiB)
    },
  )

  test.runIf(provider !== undefined)(`${name} kills what is beyond the limit, and says so`, async () => {
    await using program = await hungry(provider as Provider, 100 * MiB, 160)
    expect(await program.exit).toEqual([null, 'SIGKILL'])
    expect(program.group.killed()).toBeGreaterThan(0)
  })
}
