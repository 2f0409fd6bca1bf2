import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { canMeasure, processTree, proportionalSize, resetPeaks, usage } from './process.ts'

/** A child that runs some script, says `done`, and waits to be ended: by us, or by the end of its input with ours. */
async function child(script: string): Promise<{ pid: number; said: string } & AsyncDisposable> {
  const program = spawn(process.execPath, [
    '--expose-gc',
    '-e',
    `${script};console.log('done');process.stdin.resume()`,
  ])
  let said = ''
  for await (const line of createInterface({ input: program.stdout })) {
    if (line === 'done') break
    said += `${line} `
  }
  return {
    pid: program.pid as number,
    said,
    async [Symbol.asyncDispose]() {
      program.kill('SIGKILL')
      await once(program, 'exit')
    },
  }
}

const MiB = 1024 ** 2

test.runIf(canMeasure)('counts the processor time of a process as it does itself', async () => {
  await using busy = await child(
    'const own=process.cpuUsage;while(own().user<300_000);' +
      'while(own().system<200_000)fs.readFileSync("/proc/self/status");const {user,system}=own();' +
      'console.log(user/1e6,system/1e6)',
  )
  const [user, system] = busy.said.split(/\s+/).map(Number) as [number, number]
  const used = usage(busy.pid)
  // Counted in ticks of 10 ms, and what it does to say so comes on top.
  expect(Math.abs((used?.user ?? 0) - user)).toBeLessThan(0.1)
  expect(Math.abs((used?.system ?? 0) - system)).toBeLessThan(0.1)
  expect(Math.abs((used?.cpu ?? 0) - user - system)).toBeLessThan(0.1)
})

test.runIf(canMeasure)('counts the children of a process', async () => {
  await using parent = await child(
    `const c=require('child_process').spawn(process.execPath,['-e','process.stdin.resume()'],{stdio:['inherit','ignore','ignore']})`,
  )
  const tree = processTree(parent.pid)
  expect(tree).toHaveLength(2)
  expect(usage(parent.pid)?.processes).toBe(2)
  process.kill(tree[1] as number, 'SIGKILL')
})

test.runIf(canMeasure)('sees a peak that has passed, until it is reset', async () => {
  await using held = await child('let b=Buffer.alloc(200*2**20,1);b=undefined;gc()')
  expect(usage(held.pid)?.peak).toBeGreaterThan(200 * MiB)
  resetPeaks(held.pid)
  expect(usage(held.pid)?.peak).toBeLessThan(150 * MiB)
})

test.runIf(canMeasure)('the proportional size is no more than the resident', async () => {
  await using one = await child('')
  const size = proportionalSize(one.pid)
  expect(size).toBeGreaterThan(5 * MiB)
  expect(size).toBeLessThanOrEqual(usage(one.pid)?.rss ?? 0)
})

test('a process that has ended has used nothing that could be read', async () => {
  const program = spawn(process.execPath, ['-e', ''])
  await once(program, 'exit')
  expect(usage(program.pid as number)).toBeUndefined()
})
