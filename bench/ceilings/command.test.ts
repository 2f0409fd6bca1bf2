import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { canMeasure } from '@relayrace/fixtures/proc'
import { targets } from '@relayrace/fixtures/targets'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { UsageError } from '../options.ts'
import { ownFolder } from './mounts.ts'
import { readCeilingsOptions } from './options.ts'
import { parseCeilings } from './results.ts'

const program = fileURLToPath(new URL('../run.ts', import.meta.url))
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'relayrace-ceilings-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function bench(args: readonly string[], heard?: (line: string, pid: number) => void) {
  const child = spawn(process.execPath, [program, 'ceilings', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const pid = child.pid as number
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data) => {
    stdout += data
  })
  createInterface({ input: child.stderr }).on('line', (line) => {
    stderr += `${line}\n`
    heard?.(line, pid)
  })
  const [code] = await once(child, 'close')
  return { code, stdout, stderr, pid }
}

/** Groups that a run has left. */
function leftBy(pid: number): string[] {
  const [mounts, own] = ['mountinfo', 'cgroup'].map((name) => readFileSync(`/proc/self/${name}`, 'utf8'))
  return ([1, 2] as const)
    .flatMap((version) => ownFolder(version, mounts ?? '', own ?? '') ?? [])
    .flatMap((parent) => [...readdirSync(parent), ...readdirSync(path.dirname(parent))])
    .filter((name) => name.startsWith(`relayrace-ceiling-${pid}-`))
}

const tiny = ['--size', '256KiB', '--runs', '1', '--resolution', '32MiB', '--share', '0.01', '-j', 'download']

test.runIf(canMeasure)(
  'finds, shows, writes, and reports the same again from the file alone',
  { timeout: 90_000 },
  async () => {
    const out = path.join(folder, 'good')
    const { code, stdout, stderr, pid } = await bench([...tiny, '-t', 'naive-pipeline', '--out', out])
    expect(stderr).toMatch(/A limit is held by (cgroup v2|cgroup v1|watchdog)\. It counts /)
    expect(stderr).toMatch(/download, naive-pipeline: ceiling \d+ MiB/)
    expect(stdout).toContain('One download')
    expect(code).toBe(0)

    const { complete, searches, command } = parseCeilings(
      await readFile(path.join(out, 'ceilings.json'), 'utf8'),
    )
    expect(complete).toBe(true)
    expect(command).toMatch(/^npm run bench -- ceilings --size 256KiB /)
    const [search] = searches
    expect(search?.how).toBe('found')
    expect(search?.held?.peak.heap).toBeGreaterThan(1024 ** 2)
    expect(search?.held?.rest.pss).toBeGreaterThan(5 * 1024 ** 2)
    expect(leftBy(pid)).toEqual([])

    const page = await readFile(path.join(out, 'ceilings.html'), 'utf8')
    expect(page).toContain('class="ceiling"')
    await rm(path.join(out, 'ceilings.html'))
    expect((await bench(['--report', out])).code).toBe(0)
    expect(await readFile(path.join(out, 'ceilings.html'), 'utf8')).toBe(page)
  },
)

test.runIf(canMeasure)(
  'Ctrl-C keeps what was found, says that it is not all, and leaves no group behind',
  { timeout: 90_000 },
  async () => {
    const out = path.join(folder, 'interrupted')
    let pressed = false
    const args = [...tiny, '-j', 'upload', '-t', 'naive-pipeline', '--out', out]
    const { code, stderr, pid } = await bench(args, (line, leader) => {
      if (pressed || !line.startsWith('upload, naive-pipeline: without a limit')) return
      pressed = true
      process.kill(leader, 'SIGINT')
    })
    expect(stderr).toContain('Stopping')
    expect(code).toBe(130)
    const { complete, searches } = parseCeilings(await readFile(path.join(out, 'ceilings.json'), 'utf8'))
    expect(complete).toBe(false)
    expect(searches.map(({ how }) => how)).toEqual(['found', 'stopped'])
    expect(leftBy(pid)).toEqual([])
  },
)

test('without a word it is all jobs, our strategies and the best-known peers', () => {
  const request = readCeilingsOptions([])
  expect(request?.jobs.map(({ name }) => name)).toEqual([
    'download',
    'upload',
    'parallel-64',
    'stalled-200',
    'slow-1000',
  ])
  const ours = targets.filter(({ kind }) => kind === 'strategy').map(({ name }) => name)
  expect(request?.targets.map(({ name }) => name)).toEqual(expect.arrayContaining(ours))
  expect(request?.size).toBe(1024 ** 3)
})

test.each([
  ['--job downlaod', /no job "downlaod"\. Did you mean download\?/],
  ['--target direct', /no target "direct"/],
  ['--share 2', /Write a part of one/],
  ['--provider cgroup', /no provider "cgroup".*cgroup-v2, cgroup-v1, watchdog/],
  ['--steps 0', /Write a whole number from 1 on/],
  ['--sise 5', /unknown option '--sise'/],
])('refuses %s', (line, message) => {
  expect(() => readCeilingsOptions(line.split(' '))).toThrow(UsageError)
  expect(() => readCeilingsOptions(line.split(' '))).toThrow(message)
})

test('what cannot begin ends with 2 and measures nothing', async () => {
  const { code, stdout, stderr } = await bench(['--target', 'nobody'])
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(/^bench: there is no target "nobody"/)
})
