import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { type Known, main } from '../src/command-line.ts'
import { command, type Report } from '../src/index.ts'

afterEach(() => void vi.restoreAllMocks())

/** Nothing is installed, so nothing is run. */
function spoken(argv: readonly string[], names?: readonly string[]) {
  const asked: string[] = []
  const said: string[] = []
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => said.push(`${text}`) > 0)
  const known: Known = {
    command: 'judge',
    targets: [...(names ?? []), 'foreign'].map((name) => ({
      name,
      kind: name === 'foreign' ? 'peer' : 'strategy',
      install: 'get it',
      async version() {
        asked.push(name)
        return undefined
      },
      start: () => Promise.reject(new Error('it is not there')),
    })),
    deviations: () => ({}),
  }
  return main(argv, names && known).then((code) => ({ code, asked, said: said.join('') }))
}

test('where targets have names, our own are judged unless others are named', async () => {
  expect(await spoken([], ['one', 'two'])).toMatchObject({ code: 2, asked: ['one', 'two'] })
  expect(await spoken(['--target', 'foreign'], ['one', 'two'])).toMatchObject({ asked: ['foreign'] })
})

test('where they have none, it has to be said what to judge', async () => {
  const { code, said } = await spoken([])
  expect(code).toBe(2)
  expect(said).toMatch(/^say what to judge, with --command or --url\n/)
  expect(said).not.toContain('--target')
})

test.for([
  [['--command', 'false {port}'], /^sh -c false \d+ did not start: /],
  [['--url', 'http://127.0.0.1:1', '--origin-port', '0'], /^nobody accepts connections at 127\.0\.0\.1:1\n$/],
] as const)('%j is no proxy that starts', async ([argv, why]) => {
  const { code, said } = await spoken([...argv, '--only', 'FRAME-01'])
  expect(code).toBe(2)
  expect(said).toMatch(why)
})

test.for([
  ['my-proxy --listen {port}', 'my-proxy'],
  ['node src/proxy.js --port {port}', 'proxy.js'],
  ['PORT={port} ./proxy', 'proxy'],
  ['python3 proxy.py {port} {upstream}', 'proxy.py'],
] as const)('%s is called %s', ([line, name]) => {
  expect(command(line).name).toBe(name)
})

test.for([
  [['--target', 'one', '--url', 'http://127.0.0.1:1'], 'exclude each other'],
  [['--target', 'three'], 'no target "three"'],
  [['--target', ''], '--target needs a name'],
  [['--command', 'proxy --listen 8080'], '--command needs {port} in it'],
  [['--url', 'http://127.0.0.1:1'], '--url needs --origin-port'],
  [['--only', 'NONE'], 'no case begins with "NONE"'],
  [['--seed', 'x'], '--seed is not a whole number'],
  [['--command', 'proxy {port}', '--lacks', 'h2'], '--lacks knows trailers, informational, upgrade'],
  [['--url', 'http://127.0.0.1:1', '--origin-port', '2', '--has', 'x'], '--has knows h2, log, resolver'],
  [['--lanes', '0'], '--lanes must be at least 1'],
  [['--command', 'one {port}', '--command', 'two'], '--command needs {port} in it'],
  [
    ['--command', 'one {port}', '--json', `${import.meta.filename}/below`],
    '--json cannot be written: ENOTDIR',
  ],
] as const)('%j is not understood', async ([argv, why]) => {
  const { code, said, asked } = await spoken(argv, ['one', 'two'])
  expect(code).toBe(2)
  const lines = said.trimEnd().split('\n')
  expect(lines[0]).toContain(why)
  expect(lines).toHaveLength(2)
  expect(asked).toEqual([])
})

async function temporary(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'relayrace-conformance-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** How one of the programs beside this file is started. */
function lineFor(name: string): string {
  const program = fileURLToPath(new URL(`broken/${name}.ts`, import.meta.url))
  return `PORT={port} UPSTREAM={upstream} ${process.execPath} ${program}`
}

const cli = fileURLToPath(new URL('../src/bin.ts', import.meta.url))

test('a reader that has seen enough is no error', async () => {
  const { stderr } = await promisify(execFile)('sh', ['-c', '"$0" "$1" --list | true', process.execPath, cli])
  expect(stderr).toBe('')
})

test('every command is judged, under a name of its own', { timeout: 60_000 }, async () => {
  const folder = await temporary()
  const json = path.join(folder, 'json')
  const lines = ['sound', 'sound'].flatMap((name) => ['--command', lineFor(name)])
  await spoken([...lines, '--only', 'FRAME-01', '--json', json])
  const reports = JSON.parse(await readFile(json, 'utf8')) as Report[]
  expect(reports.map(({ subject }) => subject)).toEqual(['node', 'node-2'])
})

test('a command may have a name', { timeout: 60_000 }, async () => {
  const json = path.join(await temporary(), 'json')
  await spoken(['--command', `mine=${lineFor('sound')}`, '--only', 'FRAME-01', '--json', json])
  const [report] = JSON.parse(await readFile(json, 'utf8')) as Report[]
  expect(report).toMatchObject({ subject: 'mine', failures: [] })
})

test.for([
  ['a sound one', 'sound', 'HDR-07', 0, 'pass'],
  ['one that fails a case', 'keeps-last-field', 'HDR-07', 1, 'fail'],
  ['one that dies', 'dies', 'TRLR-06', 1, 'crash'],
] as const)('the exit code for %s', { timeout: 60_000 }, async ([, name, only, expected, verdict]) => {
  const json = path.join(await temporary(), 'json')
  const argv = [cli, '--command', lineFor(name), '--only', only, '--json', json]
  const child = spawn(process.execPath, argv, { stdio: 'ignore' })
  const [code] = await once(child, 'exit')
  const [report] = JSON.parse(await readFile(json, 'utf8')) as [Report]
  expect(report.results.map((result) => [result.id, result.verdict])).toEqual([[only, verdict]])
  expect(code).toBe(expected)
})

test('the version is said', async () => {
  expect(await spoken(['--version'])).toMatchObject({ code: 0, said: 'conformance 0.0.0\n' })
})

test('Ctrl-C writes what has been judged, and ends what was started', { timeout: 60_000 }, async () => {
  const folder = await temporary()
  const files = ['json', 'junit', 'html', 'markdown'].map((name) => [name, path.join(folder, name)] as const)
  const line = `${lineFor('keeps-last-field')} ${folder}`
  const child = spawn(process.execPath, [
    cli,
    '--command',
    line,
    ...files.flatMap(([name, file]) => [`--${name}`, file]),
  ])
  child.stdout.resume()
  // The first failure that it tells.
  createInterface({ input: child.stderr }).once('line', () => child.kill('SIGINT'))
  const [code] = await once(child, 'exit')
  expect(code).toBe(130)
  for (const [, file] of files)
    expect(await readFile(file, 'utf8')).toMatch(/incomplete|"complete": false|complete" value="false/i)
  const [{ results, complete }] = JSON.parse(await readFile(path.join(folder, 'json'), 'utf8')) as [Report]
  expect(complete).toBe(false)
  expect(results.length).toBeGreaterThan(0)
  expect(processesWith(folder)).toEqual([])
})

/** Command lines in which that word stands. Elsewhere than on Linux nobody can tell. */
function processesWith(word: string): string[] {
  return globSync('/proc/[0-9]*/cmdline')
    .map((file) => {
      try {
        return readFileSync(file, 'utf8').replaceAll('\0', ' ')
      } catch {
        return ''
      }
    })
    .filter((line) => line.includes(word))
}
