import { existsSync, globSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { burdens, candidates, features } from '../src/choose/candidates.ts'
import { conformanceOf, type Figures, figures, figuresOf } from '../src/choose/figures.ts'
import { type Answers, defaults, type JobName, jobs } from '../src/choose/questions.ts'
import { recommend } from '../src/choose/recommend.ts'
import { main } from '../src/command-line.ts'

const root = path.resolve(import.meta.dirname, '../../..')
const answer = (job: JobName, more: Partial<Answers> = {}): Answers => ({ ...defaults, job, ...more })

/** Made up: everybody costs 100, but for those named. */
function made(scenario: string, metric: string, costs: Readonly<Record<string, number>>): Figures {
  const medians = Object.fromEntries(candidates.map(({ name }) => [name, costs[name] ?? 100]))
  return {
    date: '2001-02-03',
    machine: 'a machine',
    conformance: {},
    scenarios: { [scenario]: { [metric]: { label: 'CPU', unit: 's', better: 'lower', medians } } },
  }
}

afterEach(() => vi.restoreAllMocks())

/** What the command prints, and its exit code. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const lines = { log: [] as string[], error: [] as string[] }
  for (const stream of ['log', 'error'] as const)
    vi.spyOn(console, stream).mockImplementation((line) => void lines[stream].push(String(line)))
  vi.spyOn(process.stderr, 'write').mockImplementation((line) => lines.error.push(String(line)) > 0)
  const code = await main(args)
  return { code, out: lines.log.join('\n'), err: lines.error.join('\n') }
}

test('a recommendation changes when a result changes', () => {
  const asked = answer('downloads', { weigh: 'processor' })
  expect(recommend(asked, made('download', 'cpuPerGiB', { 'fetch-proxy': 10 })).name).toBe('fetch-proxy')
  expect(recommend(asked, made('download', 'cpuPerGiB', { 'duplex-server': 10 })).name).toBe('duplex-server')
})

test('what differs by less than a tenth is decided by what surprises least', () => {
  const close = made('download', 'cpuPerGiB', { 'duplex-server': 95 })
  expect(recommend(answer('downloads', { weigh: 'processor' }), close).name).toBe('pipe-proxy')
})

test('memory is another figure than processor time', () => {
  const costs = made('stalled', 'processPerStream', { 'duplex-server': 1 })
  expect(recommend(answer('slow-clients', { weigh: 'memory' }), costs).name).toBe('duplex-server')
})

test('who cannot do what is needed is not chosen, however cheap, and it is said what is missing', () => {
  const cheap = made('download', 'cpuPerGiB', { 'duplex-server': 1 })
  const { name, others } = recommend(answer('downloads', { weigh: 'processor', needs: ['http2'] }), cheap)
  expect(name).toBe('pipe-proxy')
  expect(others).toContainEqual({ name: 'duplex-server', why: `cannot: ${features.http2}` })
})

test('who has what one does not want to own is not chosen', () => {
  const { name, others } = recommend(answer('api', { avoid: ['internals'] }), figures)
  expect(name).toBe('fetch-proxy')
  expect(others.find(({ name }) => name === 'pipe-proxy')?.why).toBe(`has ${burdens.internals}`)
})

test('none of ours where no code has to see the bytes', () => {
  const { ours, name, also } = recommend(answer('downloads', { code: false }), figures)
  expect([ours, name]).toEqual([false, 'nginx'])
  expect(also.join()).toContain('redirect to a signed URL')
})

test('nobody, where nobody can do all of it', () => {
  expect(recommend(answer('own-protocol', { needs: ['http2'] }), figures).name).toBeUndefined()
})

test.each(Object.keys(jobs) as JobName[])(
  '%s has a figure for what decides, and a recommendation with it',
  (job) => {
    const { processor, memory } = jobs[job]
    for (const [scenario, metric] of [processor, memory])
      expect(figures.scenarios[scenario]?.[metric]?.medians['pipe-proxy']).toBeGreaterThan(0)
    const { name, why } = recommend(answer(job), figures)
    expect(figures.scenarios[processor[0]]?.[processor[1]]?.medians).toHaveProperty(name ?? '')
    expect(why.join('\n')).toContain(figures.date)
  },
)

test('the figures are those of the newest results and of what the suite says', async () => {
  const newest = await newestResults()
  const conformance = conformanceOf(await readFile(path.join(root, 'docs/conformance.md'), 'utf8'))
  expect(Object.keys(conformance)).toContain('duplex-server')
  // `npx vitest run choose -u` writes them anew.
  await expect(`${JSON.stringify(figuresOf(newest, conformance), undefined, 2)}\n`).toMatchFileSnapshot(
    '../src/choose/figures.json',
  )
})

async function newestResults(): Promise<string> {
  const files = globSync('bench/results/*/results.json', { cwd: root })
  const all = await Promise.all(files.map((file) => readFile(path.join(root, file), 'utf8')))
  const texts = all.filter((text) => JSON.parse(text).complete)
  const of = (text: string): string => JSON.parse(text).createdAt
  return texts.toSorted((a, b) => of(a).localeCompare(of(b))).at(-1) as string
}

test('the guide says of each what it can do as the rules do', async () => {
  const guide = await readFile(path.join(root, 'docs/choosing.md'), 'utf8')
  const [, header = ''] = /^\| You need \|(.*)\|$/m.exec(guide) ?? []
  const columns = header.split('|').map((name) => name.trim())
  const rows = {
    mount: 'To be mounted',
    web: 'Bun, Deno',
    http2: 'HTTP/2 toward',
    upgrade: 'WebSocket',
    trailers: 'Trailers of requests',
    early: 'To answer while',
    takeover: 'To take a connection',
  }
  for (const [feature, begins] of Object.entries(rows)) {
    const cells =
      guide
        .split('\n')
        .find((line) => line.startsWith(`| ${begins}`))
        ?.split('|')
        .slice(2, -1) ?? []
    const can = columns.filter((_, index) => cells[index]?.trim().startsWith('yes'))
    const said = candidates.filter(({ ours, can }) => ours && (can as readonly string[]).includes(feature))
    expect([feature, can.toSorted()]).toEqual([feature, said.map(({ name }) => name).toSorted()])
  }
})

test('says it as text: what to install, why with figure, machine and day, and how to begin', async () => {
  const { code, out } = await run('choose', '--job', 'uploads', '--weigh', 'processor')
  expect(code).toBe(0)
  expect(out).toMatch(/^[\w-]+: npm install @relayrace\/[\w-]+$/m)
  expect(out).toContain(`(${figures.machine}, ${figures.date})`)
  expect(out).toContain('npx relayrace init my-proxy --job uploads --strategy ')
})

test('says it as JSON, which is answers again', async () => {
  const folder = await temporary()
  const first = await run('choose', '--job', 'websocket', '--needs', 'http2', '--json')
  const file = path.join(folder, 'answers.json')
  await writeFile(file, JSON.stringify(JSON.parse(first.out).answers))
  vi.restoreAllMocks()
  expect((await run('choose', '--answers', file, '--json')).out).toBe(first.out)
})

test('reads results of one’s own', async () => {
  const file = path.join(await temporary(), 'results.json')
  const newest = await newestResults()
  const own = JSON.parse(newest)
  for (const sample of own.samples)
    if (sample.target === 'fetch-proxy' && sample.scenario === 'small') sample.values.cpuPerRequest = 1
  await writeFile(file, JSON.stringify(own))
  const { out } = await run('choose', '--job', 'api', '--weigh', 'processor', '--results', file)
  expect(out).toMatch(/^fetch-proxy: /)
})

test.each([
  [['choose', '--job', 'nonsense'], 'Allowed choices are'],
  [['choose'], 'say what it is for: --job downloads|'],
  [['choose', '--job', 'api', '--results', path.join(root, 'package.json')], 'no results of the bench'],
])('%j is told what is wrong', async (args, told) => {
  const { code, err } = await run(...args)
  expect(code).toBe(2)
  expect(err).toContain(told)
})

test('an answer in a file that is none is told by name', async () => {
  const file = path.join(await temporary(), 'answers.json')
  await writeFile(file, '{ "job": "api", "wher": "node" }')
  const { code, err } = await run('choose', '--answers', file)
  expect(code).toBe(2)
  expect(err).toContain('wher')
})

test('who is told what for reads which guide, and there is one of that name', async () => {
  const { out } = await run('choose', '--job', 'tokens')
  expect(out).toContain('blob/main/docs/model-tokens.md')
  for (const { guide } of Object.values(jobs))
    if (guide !== undefined) expect(existsSync(path.join(root, `docs/${guide}.md`)), guide).toBe(true)
})

test('a project is not written over what is there', async () => {
  const folder = await temporary()
  await writeFile(path.join(folder, 'README.md'), 'mine')
  const { code, err } = await run('init', folder)
  expect([code, await readFile(path.join(folder, 'README.md'), 'utf8')]).toEqual([2, 'mine'])
  expect(err).toContain('README.md is there already')
})

test('a project is not written with a strategy that cannot do what the job needs', async () => {
  const folder = path.join(await temporary(), 'new')
  const { code, err } = await run('init', folder, '--job', 'dev-server', '--strategy', 'duplex-server')
  expect([code, existsSync(folder)]).toEqual([2, false])
  expect(err).toContain('duplex-server cannot do what dev-server needs: mounted on')
})

test('without a strategy a project is written with the first that can', async () => {
  const folder = path.join(await temporary(), 'new')
  expect((await run('init', folder, '--job', 'own-protocol')).code).toBe(0)
  expect(await readFile(path.join(folder, 'package.json'), 'utf8')).toContain('@relayrace/duplex-server')
})

async function temporary(): Promise<string> {
  // Inside of the package, so that what is written finds what it imports.
  const folder = await mkdtemp(path.join(import.meta.dirname, '.project-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}
