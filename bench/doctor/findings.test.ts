import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { type Facts, read } from './facts.ts'
import { type Finding, findings } from './findings.ts'

const target = {
  name: 'nginx',
  kind: 'peer',
  about: '',
  version: '1.22.1',
  install: 'get it',
  absent: null,
} as const

/** Of a machine on which all is well. */
const sound: Facts = {
  platform: 'linux',
  node: 'v26.0.0',
  processors: 8,
  model: 'a processor',
  memory: 16 * 1024 ** 3,
  pinned: true,
  limits: { name: 'cgroup v2', passedOver: [] },
  noise: { load1: 0, busyShare: 0.01, stealShare: 0, pressureShare: 0, objections: [] },
  files: {
    [read.meminfo]: 'MemAvailable: 8000000 kB\nSwapTotal: 1000000 kB\nSwapFree: 1000000 kB\n',
    [read.limits]: 'Max open files            65536                1048576              files\n',
    [read.sockstat]: 'TCP: inuse 5 orphan 0 tw 12 alloc 9 mem 3\n',
    [read.ports]: '32768\t60999\n',
    [read.rmem]: '4096 131072 6291456\n',
    [read.wmem]: '4096 16384 4194304\n',
    [read.mem]: '100000 200000 300000\n',
    [read.somaxconn]: '4096\n',
    [read.cpuPressure]: 'some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n',
    [read.memoryPressure]: 'some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n',
    [read.governor]: 'performance\n',
  },
  targets: [target],
}

const other = (findings: readonly Finding[]): readonly Finding[] =>
  findings.filter(({ level }) => level !== 'good')

test('of a machine on which all is well there is nothing to mend', () => {
  expect(other(findings(sound))).toEqual([])
  expect(findings(sound)).toContainEqual({ about: 'nginx', level: 'good', says: '1.22.1' })
})

const file = (name: keyof typeof read, text: string): Partial<Facts> => ({
  files: { ...sound.files, [read[name]]: text },
})

test.each<[string, Partial<Facts>, Finding['level'], says: RegExp, mend: RegExp]>([
  ['platform', { platform: 'darwin' }, 'bad', /darwin/, /Linux/],
  ['processors', { processors: 1 }, 'bad', /take turns/, /two at least/],
  ['processors', { processors: 2 }, 'note', /share one/, /processor time/],
  ['processors', { pinned: false }, 'note', /held to its own/, /taskset/],
  [
    'control groups',
    { limits: { name: 'cgroup v1', passedOver: [{ name: 'cgroup v2', why: 'no memory' }] } },
    'note',
    /do not count TCP.*no memory/,
    /unified/,
  ],
  ['control groups', { limits: { name: 'watchdog', passedOver: [] } }, 'note', /watchdog/, /Delegate/],
  [
    'memory',
    file('meminfo', 'MemAvailable: 1000000 kB'),
    'bad',
    /^976\.\d*MiB|^1000000KiB|of 16\.0 GiB/,
    /2 GiB/,
  ],
  [
    'swap',
    file('meminfo', 'MemAvailable: 8000000 kB\nSwapTotal: 1000000 kB\nSwapFree: 1 kB'),
    'bad',
    /swapped out/,
    /swapoff/,
  ],
  ['ports', file('ports', '60000 60999'), 'bad', /^1000 /, /ip_local_port_range/],
  [
    'TIME_WAIT',
    file('sockstat', 'TCP: inuse 5 orphan 0 tw 20000 alloc 9 mem 3'),
    'bad',
    /^20000 connections, 70/,
    /60 s/,
  ],
  ['TCP buffers', file('rmem', '4096 131072 33554432'), 'note', /before 72MiB have left/, /tcp_rmem/],
  ['backlog', file('somaxconn', '128'), 'bad', /^128 /, /somaxconn/],
  ['descriptors', file('limits', 'Max open files  1024  4096  files'), 'bad', /^1024 /, /ulimit -n/],
  [
    'quiet',
    { noise: { ...sound.noise, objections: ['the host takes the processors away 5 % of the time'] } },
    'bad',
    /the host/,
    /another hour/,
  ],
  [
    'quiet',
    { noise: { ...sound.noise, objections: ['other programs keep the processors busy'] } },
    'bad',
    /busy/,
    /top/,
  ],
  [
    'memory pressure',
    file('memoryPressure', 'some avg10=12.00 avg60=0.00'),
    'bad',
    /12\.0 %/,
    /end what runs/,
  ],
  ['governor', file('governor', 'powersave'), 'bad', /powersave/, /cpupower/],
  [
    'nginx',
    { targets: [{ ...target, version: null, absent: 'not installed; get it' }] },
    'note',
    /^not installed$/,
    /^get it$/,
  ],
])('%s: %j is told, with how to mend it', (about, change, level, says, mend) => {
  const found = other(findings({ ...sound, ...change }))
  expect(found).toEqual([
    { about, level, says: expect.stringMatching(says), mend: expect.stringMatching(mend) },
  ])
})

test('what a kernel does not tell is no fault, and is said', () => {
  const { [read.cpuPressure]: _, [read.governor]: __, ...files } = sound.files
  expect(other(findings({ ...sound, files })).map(({ about, level }) => [about, level])).toEqual([
    ['pressure', 'note'],
    ['governor', 'note'],
  ])
})

const doctor = (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
  promisify(execFile)(process.execPath, [path.join(import.meta.dirname, 'main.ts'), ...args]).then(
    (out) => ({ code: 0, ...out }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  )

test('npm run doctor says what it has found as JSON, and ends by it', { timeout: 60_000 }, async () => {
  const { code, stdout } = await doctor('--json')
  const { findings: found } = JSON.parse(stdout) as { findings: Finding[] }
  expect(found.map(({ about }) => about)).toContain('pipe-proxy')
  expect(code).toBe(found.some(({ level }) => level === 'bad') ? 1 : 0)
})

test('npm run doctor has a help, and refuses what it does not know', { timeout: 60_000 }, async () => {
  expect(await doctor('--help')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('✗ spoils figures'),
  })
  expect(await doctor('--cure')).toMatchObject({ code: 2, stderr: expect.stringContaining('--cure') })
})
