import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseResults, type Results } from './report/results.ts'
import { makeOwnFolder } from './write.ts'

const program = fileURLToPath(new URL('run.ts', import.meta.url))
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'relayrace-bench-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly leader: number
}

/** Runs the bench in a process group of its own; `heard` is told each line of standard error. */
async function bench(args: readonly string[], heard?: (line: string, pid: number) => void): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const leader = child.pid as number
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data) => {
    stdout += data
  })
  createInterface({ input: child.stderr }).on('line', (line) => {
    stderr += `${line}\n`
    heard?.(line, leader)
  })
  const [code] = await once(child, 'close')
  return { code, stdout, stderr, leader }
}

const results = async (at: string): Promise<Results> =>
  parseResults(await readFile(path.join(folder, at, 'results.json'), 'utf8'))

const tiny = ['--size', '256KiB', '--seed', '5']

describe('a whole run', { timeout: 60_000 }, () => {
  test('measures, writes, and reports the same again from the file alone', async () => {
    const out = path.join(folder, 'good')
    // As much as takes more processor time than may be missed of threads that end: 20 ms.
    const args = [
      ...['--size', '64MiB', '--seed', '5'],
      '-s',
      'download,chunked',
      '-t',
      'direct,naive-pipeline',
      '--rounds',
      '2',
      '--out',
      out,
    ]
    const { code, stdout, stderr } = await bench(args)
    expect(stderr).toContain('Written to')
    expect(code).toBe(0)
    expect(stdout).toContain('One download')

    const { samples, complete, command, seed, targets } = await results('good')
    expect(complete).toBe(true)
    expect(seed).toBe(5)
    expect(command).toMatch(/^npm run bench -- --size 64MiB --seed 5 /)
    expect(targets.at(-1)).toMatchObject({ name: 'naive-pipeline-again', again: 'naive-pipeline' })
    expect(samples).toHaveLength(12)
    for (const { problems, values } of samples) {
      expect(problems).toEqual({})
      expect(values.goodput).toBeGreaterThan(0)
    }
    const proxied = samples.filter(({ target }) => target === 'naive-pipeline')
    if (process.platform === 'linux') {
      for (const { values } of proxied) expect(values.cpuPerGiB).toBeGreaterThan(0)
    }

    const page = await readFile(path.join(out, 'report.html'), 'utf8')
    await rm(path.join(out, 'report.html'))
    expect((await bench(['--report', out])).code).toBe(0)
    expect(await readFile(path.join(out, 'report.html'), 'utf8')).toBe(page)
  })

  test('where nothing can be written, nothing is measured', async () => {
    const out = path.join(program, 'below-a-file')
    const { code, stdout, stderr } = await bench([...tiny, '-t', 'direct', '-s', 'download', '--out', out])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^bench: cannot write to .*below-a-file: ENOTDIR[^\n]*\n$/)
  })

  test('a folder that is there already is somebody else’s', async () => {
    const wanted = path.join(folder, 'now', '2026-01-01-0000-quick')
    const made = await Promise.all([1, 2, 3].map(() => makeOwnFolder(wanted)))
    expect(made.toSorted()).toEqual([wanted, `${wanted}-2`, `${wanted}-3`])
  })

  test('the same seed gives the same order', async () => {
    const orders = []
    for (const name of ['first', 'second']) {
      await bench([
        ...tiny,
        '-s',
        'download',
        '-t',
        'direct,naive-pipeline',
        '-n',
        '3',
        '-o',
        path.join(folder, name),
      ])
      orders.push((await results(name)).samples.map(({ target }) => target))
    }
    expect(orders[0]).toHaveLength(9)
    expect(orders[1]).toEqual(orders[0])
  })

  test.each([
    ['truncated', `c.pipe(s);u.on('data',d=>{c.write(d.subarray(0,1000));c.end()})`],
    ['wrong bytes', `c.pipe(s);u.on('data',d=>{d[d.length-1]^=1;c.write(d)})`],
  ])('a proxy of one’s own whose bodies are "%s" is an error, not a figure', async (problem, relay) => {
    const script = `const net=require('net');net.createServer(c=>{const s=net.connect(process.argv[2],'127.0.0.1'),u=s;c.on('error',()=>{});s.on('error',()=>{});c.on('close',()=>s.destroy());${relay}}).listen(process.argv[1],'127.0.0.1')`
    const command = `${process.execPath} -e "${script}" {port} {upstreamPort}`
    const out = path.join(folder, problem.replace(' ', '-'))
    const args = [...tiny, '-s', 'download', '-t', 'custom', '-n', '1', '--command', command, '--out', out]
    const { code } = await bench(args)
    expect(code).toBe(1)
    const { samples } = await results(problem.replace(' ', '-'))
    expect(samples.map(({ problems, values }) => ({ problems, values }))).toEqual([
      { problems: { [problem]: 1 }, values: {} },
    ])
  })

  test('JSON on standard output is nothing but JSON', async () => {
    const out = path.join(folder, 'json')
    const { stdout } = await bench([
      ...tiny,
      '-s',
      'download',
      '-t',
      'direct',
      '-n',
      '1',
      '--json',
      '--out',
      out,
    ])
    expect(parseResults(stdout)).toEqual(await results('json'))
  })

  test('what a target said last is shown when it went wrong, and not published', async () => {
    const script = `console.error('out of cheese');require('net').createServer(c=>c.destroy()).listen(process.env.PORT,'127.0.0.1')`
    const command = `PORT={port} ${process.execPath} -e "${script}"`
    const out = path.join(folder, 'said')
    const args = [...tiny, '-s', 'download', '-t', 'custom', '-n', '1', '--command', command, '--out', out]
    const { code, stderr } = await bench(args)
    expect(code).toBe(1)
    expect(stderr).toContain('custom said: out of cheese')
    expect((await results('said')).samples.map((sample) => Object.keys(sample))).not.toContainEqual(
      expect.arrayContaining(['said']),
    )
  })

  test.each([
    ['cpu', '.cpuprofile'],
    ['heap', '.heapprofile'],
  ])(
    '--profile %s leaves a profile of a program that ends in order, and of one that a signal would kill',
    async (profiler, ending) => {
      const out = path.join(folder, profiler)
      const args = [...tiny, '--from-source', '-t', 'pipe-proxy,naive-pipeline', '--profile', profiler]
      args.push('--out', out)
      const { code, stdout, stderr } = await bench(args)
      expect(stderr).toBe('')
      expect(code).toBe(0)
      const names = ['pipe-proxy', 'naive-pipeline'].map((name) => `${name}-download-${profiler}${ending}`)
      expect(readdirSync(out).toSorted()).toEqual(names.toSorted())
      expect(stdout.trim().split('\n')).toEqual(names.map((name) => path.join(out, name)))
      for (const name of names) {
        const profile = JSON.parse(await readFile(path.join(out, name), 'utf8')) as object
        expect(Object.keys(profile)).toContain(profiler === 'cpu' ? 'timeDeltas' : 'samples')
      }
    },
  )

  test('what has no program cannot be profiled', async () => {
    const out = path.join(folder, 'no-profile')
    const { code, stderr } = await bench([...tiny, '-t', 'direct', '--profile', 'cpu', '--out', out])
    expect(stderr).toBe('direct, download: there is no program to look at\n')
    expect(code).toBe(1)
  })

  test('Ctrl-C, even delivered twice, keeps what was measured and leaves no process behind', async () => {
    const out = path.join(folder, 'interrupted')
    let pressed = false
    const args = [...tiny, '-s', 'download', '-t', 'naive-pipeline', '-n', '500', '--out', out]
    const { code, leader, stderr } = await bench(args, (line, pid) => {
      if (pressed || !line.includes('(3 of 500')) return
      pressed = true
      process.kill(-pid, 'SIGINT')
      process.kill(pid, 'SIGINT')
    })
    expect(stderr).toContain('Stopping')
    expect(code).toBe(130)
    const { complete, samples } = await results('interrupted')
    expect(complete).toBe(false)
    expect(samples.length).toBeGreaterThanOrEqual(3)
    for (const { problems } of samples) expect(problems).toEqual({})
    expect(processesOfGroup(leader)).toEqual([])

    // What is left of a shorter run is three samples.
    const file = path.join(out, 'results.json')
    const { command, ...rest } = await results('interrupted')
    const rounds = samples.length + 3
    const shorter = command.replace('-n 500', `-n ${rounds}`)
    await writeFile(file, JSON.stringify({ ...rest, rounds, command: shorter }))
    expect((await bench(['--resume', out])).code).toBe(0)
    const whole = await results('interrupted')
    expect(whole.samples.slice(0, samples.length)).toEqual(samples)
    expect(whole).toMatchObject({
      complete: true,
      samples: { length: rounds },
      resumedAt: [expect.anything()],
    })
    expect(await bench(['--resume', out])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('nothing left'),
    })
  })
})

/** Who is still there of a process group. Elsewhere than on Linux nobody can tell. */
function processesOfGroup(group: number): string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
        const [state, , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
        return Number(pgrp) === group && state !== 'Z'
      } catch {
        return false
      }
    })
}
