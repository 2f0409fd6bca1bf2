import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { shippedTargets } from '@relayrace/fixtures/targets'
import { expect, test } from 'vitest'
import { type Request, readOptions, UsageError } from './options.ts'
import { chunked } from './scenarios/chunked.ts'
import { download } from './scenarios/download.ts'
import { scenarios as all } from './scenarios/index.ts'
import { stalled } from './scenarios/stalled.ts'

const read = (line: string): Request => readOptions(line === '' ? [] : line.split(' ')) as Request

test('without a word it is the quick preset with all scenarios but those that are asked by name', () => {
  const { preset, scenarios, scaleOf, action } = read('')
  expect({ preset: preset.name, scenarios: scenarios.length, size: scaleOf(download).size, action }).toEqual({
    preset: 'quick',
    scenarios: all.filter(({ byName }) => !byName).length,
    size: 1024 ** 3,
    action: 'run',
  })
})

test('names are picked in the order in which they are given', () => {
  const { targets, scenarios } = read('--target nginx,direct --scenario upload,download')
  expect(targets.map(({ name }) => name)).toEqual(['nginx', 'direct'])
  expect(scenarios.map(({ name }) => name)).toEqual(['upload', 'download'])
})

test('all is every one', () => {
  const { targets: chosen, scenarios } = read('--preset smoke --target all --scenario all')
  expect(chosen).toEqual(shippedTargets)
  expect(scenarios).toEqual(all)
})

test('our own are measured as they are installed, or from their sources when that is asked for', () => {
  const how = (line: string) => read(line).targets.map(({ name, runs }) => [name, runs])
  expect(how('--target pipe-proxy,nginx')).toEqual([
    ['pipe-proxy', 'packed'],
    ['nginx', undefined],
  ])
  expect(how('--target pipe-proxy --from-source')).toEqual([['pipe-proxy', 'source']])
  expect(how('--target pipe-proxy --buffer 64KiB')).toEqual([['pipe-proxy-64KiB', 'packed']])
})

test('our own of another checkout stand beside those here', () => {
  const { targets } = read(`--against ${path.resolve(import.meta.dirname, '..')} --target pipe-proxy,nginx`)
  expect(targets.map(({ name }) => name)).toEqual(['pipe-proxy', 'nginx', 'base-pipe-proxy'])
})

test('a profile is one of a download through our own, unless told otherwise', () => {
  const { action, profiler, targets: chosen, scenarios } = read('--profile cpu')
  expect({ action, profiler: profiler?.name }).toEqual({ action: 'profile', profiler: 'cpu' })
  expect(chosen.map(({ kind }) => kind)).toEqual(Array(5).fill('strategy'))
  expect(scenarios.map(({ name }) => name)).toEqual(['download'])
  const told = read('--profile cpu --target undici --scenario upload,small')
  expect(told.targets.map(({ name }) => name)).toEqual(['undici'])
  expect(told.scenarios.map(({ name }) => name)).toEqual(['upload', 'small'])
})

test('a buffer size makes a target of its own of each that has such buffers', () => {
  const { targets: chosen } = read('--buffer 64KiB,1MiB --target duplex-server,nginx')
  expect(chosen.map(({ name }) => name)).toEqual(['duplex-server-64KiB', 'duplex-server-1MiB', 'nginx'])
})

test('a smaller size makes the warm-up no larger than itself', () => {
  const { scaleOf } = read('--size 1MiB')
  expect(scaleOf(download)).toEqual({ size: 1024 ** 2, warmUp: 1024 ** 2 })
  expect(scaleOf(chunked)).toMatchObject({ size: 1024 ** 2, warmUp: 1024 ** 2 })
  expect(scaleOf(stalled)).toEqual({ streams: 200 })
})

test('a command makes a target named custom', () => {
  const { targets } = read('--command prog:{port} --target custom,direct')
  expect(targets.map(({ name }) => name)).toEqual(['custom', 'direct'])
})

test('every command counts, also beside targets by name', () => {
  const { targets } = read('--command one:{port} --target direct --command two:{port}')
  expect(targets.map(({ name, about }) => [name, about])).toEqual([
    ['direct', expect.anything()],
    ['custom', 'one:{port}'],
    ['custom-2', 'two:{port}'],
  ])
  expect(read('--profile cpu --command one:{port}').targets.at(-1)?.name).toBe('custom')
})

test('a command may have a name, which is not that of a variable', () => {
  const own = read('--command mine=one:{port} --command PORT=two:{port} --target mine')
  expect(own.targets.map(({ name, about }) => [name, about])).toEqual([
    ['mine', 'one:{port}'],
    ['custom', 'PORT=two:{port}'],
  ])
})

test('ratios may refer to a command, and to a target with a buffer of its own', () => {
  expect(read('--command one:{port} --base custom').base).toBe('custom')
  expect(read('--buffer 64KiB --target pipe-proxy --base pipe-proxy-64KiB').base).toBe('pipe-proxy-64KiB')
})

test('smoke and quick run all five strategies', () => {
  for (const preset of ['smoke', 'quick']) {
    const strategies = read(`--preset ${preset}`).targets.filter(({ kind }) => kind === 'strategy')
    expect(strategies.map(({ name }) => name).toSorted()).toEqual([
      'dispatch-proxy',
      'duplex-server',
      'fetch-proxy',
      'pipe-proxy',
      'reverse-proxy',
    ])
  }
})

test.each([
  ['--preset fast', /no preset "fast"\. There are: smoke, quick, standard, publish/],
  ['--target ngnix', /no target "ngnix"\. Did you mean nginx\? There are: .*nginx/],
  ['--scenario downlaod', /no scenario "downlaod"\. Did you mean download\? There are: download, parallel/],
  ['--profile flam', /no profiler "flam"\. Did you mean flame\? There are: cpu, heap/],
  [
    '--buffer 64KiB --target nginx',
    /--buffer is for pipe-proxy, reverse-proxy, dispatch-proxy, duplex-server/,
  ],
  ['--buffer 64', /Write a size from 1KiB on/],
  ['--command prog', /needs \{port\}/],
  ['--base nobody', /no target "nobody"\. There are: pipe-proxy, /],
  ['--base pipeproxy', /no target "pipeproxy"\. Did you mean pipe-proxy\?/],
  ['--base nginx --target direct,undici', /--base nginx is not among the targets to measure: direct, undici/],
  ['--base nginx --report there', /--base is for measuring/],
  ['--command one:{port} --command two', /needs \{port\}/],
  ['--target custom', /no target "custom"/],
  ['--command a=1:{port} --command a=2:{port}', /two targets named a/],
  ['--command nginx={port}', /two targets named nginx/],
  ['--target ,', /names nothing/],
  ['--size 10', /Write a size from 1KiB on/],
  ['--size big', /Write a size from 1KiB on/],
  ['--versus one', /--versus takes two targets/],
  ['--against /nowhere', /there is no checkout at \/nowhere/],
  ['--against .. --target nginx', /--against is for our own/],
  ['--rounds 0', /Write a whole number from 1 on/],
  ['--rounds 1.5', /Write a whole number from 1 on/],
  ['--sed 1', /unknown option '--sed'.*--seed/s],
  ['download', /too many arguments/],
])('refuses %s', (line, message) => {
  expect(() => read(line)).toThrow(UsageError)
  expect(() => read(line)).toThrow(message)
})

const run = fileURLToPath(new URL('run.ts', import.meta.url))
const bench = (...args: string[]) => spawnSync(process.execPath, [run, ...args], { encoding: 'utf8' })

test('a refusal ends with 2, says why on standard error and measures nothing', () => {
  const { status, stderr, stdout } = bench('--target', 'nobody')
  expect(status).toBe(2)
  expect(stderr).toMatch(/^bench: there is no target "nobody". There are: pipe-proxy, /)
  expect(stdout).toBe('')
})

test('a folder without results is refused', () => {
  const { status, stderr } = bench('--report', 'nowhere')
  expect(status).toBe(2)
  expect(stderr).toMatch(/cannot report on nowhere/)
})

test('help ends with 0', () => {
  const { status, stdout } = bench('--help')
  expect(status).toBe(0)
  expect(stdout).toContain('--preset')
})

test('the list shows every target as installed or how to get it', { timeout: 60_000 }, () => {
  const { status, stdout } = bench('--list', '--json')
  expect(status).toBe(0)
  const list = JSON.parse(stdout) as { targets: { name: string; version: string | null; install: string }[] }
  expect(list.targets.find(({ name }) => name === 'direct')?.version).toBe('none')
  for (const { install } of list.targets) expect(install).not.toBe('')
})
