import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { canMeasure } from '@relayrace/fixtures/proc'
import { type ListedTarget, startProgram } from '@relayrace/fixtures/target'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { chain } from './chain.ts'
import { findCeiling } from './find.ts'
import { ceilingJobs } from './jobs.ts'
import type { Provider } from './provider.ts'
import type { SearchRecord, TrialRecord } from './results.ts'
import { outcomeOf } from './trial.ts'

const MiB = 1024 ** 2
const resolution = 4 * MiB

/** A relay of bytes. What `held` says it does first. */
const relay = (held: string): ListedTarget => ({
  name: 'relay',
  kind: 'peer',
  about: 'a relay for this test',
  install: 'nothing to install',
  version: async () => '1',
  start: (upstream, options) => {
    const script = `const net=require('net');${held};net.createServer(c=>{const u=net.connect(${upstream.port},'127.0.0.1');c.pipe(u).pipe(c);c.on('error',()=>u.destroy());u.on('error',()=>c.destroy())}).listen(0,'127.0.0.1',function(){console.log('http://127.0.0.1:'+this.address().port)})`
    return startProgram({ argv: [process.execPath, '-e', script] }, options)
  },
})

const holding = (mebibytes: number): ListedTarget =>
  relay(`globalThis.held=Buffer.alloc(${mebibytes}*${MiB},1)`)

const download = ceilingJobs[0] as (typeof ceilingJobs)[number]

let origin: Awaited<ReturnType<typeof startBulkOrigin>>
beforeAll(async () => {
  origin = await startBulkOrigin()
})
afterAll(() => origin[Symbol.asyncDispose]())

async function find(target: ListedTarget, provider: Provider, seen?: TrialRecord[]): Promise<SearchRecord> {
  const { signal } = new AbortController()
  return findCeiling(target, download, {
    origin,
    provider,
    pinning: undefined,
    size: MiB,
    signal,
    // Memory is what is looked for here, and the machine may be busy.
    share: 0.01,
    resolution,
    steps: 24,
    runs: 1,
    most: 1024 * MiB,
    progress: (trial) => seen?.push(trial),
  })
}

for (const [name, { open }] of chain) {
  const provider = canMeasure ? await open().catch(() => undefined) : undefined
  test.runIf(provider !== undefined)(
    `by ${name}, a target that holds 64 MiB more has a ceiling that is 64 MiB higher`,
    { timeout: 90_000 },
    async () => {
      const bare = await find(holding(0), provider as Provider)
      const full = await find(holding(64), provider as Provider)
      expect([bare.how, full.how]).toEqual(['found', 'found'])
      const more = (full.ceiling as number) - (bare.ceiling as number)
      expect(Math.abs(more - 64 * MiB)).toBeLessThanOrEqual(resolution)
      expect(full.trials.find(({ limit }) => limit === full.below)?.outcome).toBe('killed')
    },
  )
}

test.runIf(canMeasure)('what fails without a limit has no ceiling, and says what was wrong', async () => {
  const provider = (await chain.get('watchdog')?.open()) as Provider
  const search = await find(relay('process.exit(3)'), provider)
  expect(search).toMatchObject({ ceiling: null, how: 'fails without a limit' })
  expect(search.trials.map(({ outcome }) => outcome)).toEqual(['died'])
})

test.runIf(canMeasure)('a target that hangs ends when its time is over', async () => {
  const provider = (await chain.get('watchdog')?.open()) as Provider
  const { tryLimit } = await import('./trial.ts')
  const asked = { job: download, limit: undefined, patience: 300 }
  const deaf = relay(
    `net.Server.prototype.emit=new Proxy(net.Server.prototype.emit,{apply:(f,s,a)=>a[0]==='connection'||Reflect.apply(f,s,a)})`,
  )
  const setting = { origin, provider, pinning: undefined, size: MiB, signal: new AbortController().signal }
  expect((await tryLimit({ ...asked, target: deaf }, setting)).outcome).toBe('hang')
})

test.each([
  ['enough', { speed: 90 }],
  ['errors', { speed: null }],
  ['hang', { speed: null, late: true }],
  ['died', { speed: null, ended: true }],
  ['killed', { speed: null, ended: true, killed: 1 }],
  ['killed', { speed: 100, killed: 1 }],
] as const)('is called %s: %o', (outcome, seen) => {
  expect(outcomeOf({ killed: 0, ended: false, late: false, ...seen })).toBe(outcome)
})
