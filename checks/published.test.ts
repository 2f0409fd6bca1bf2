import { execFile } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import {
  type Case,
  cases,
  check,
  equal,
  get,
  head,
  run as judge,
  type Target,
  truncated,
} from '@relayrace/conformance'
import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { unpack } from '@relayrace/fixtures/packed'
import { payload, Verifier } from '@relayrace/fixtures/payloads'
import { startProgram } from '@relayrace/fixtures/target'
import { shippedTargets } from '@relayrace/fixtures/targets'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Manifest, manifestIn, published, root } from './workspace.ts'

const run = promisify(execFile)

const nodes = [
  { label: 'this Node.js', node: process.execPath },
  { label: 'the oldest Node.js', node: process.env.OLDEST_NODE },
]

/** What Node makes of a reset that comes together with the last bytes depends on its version. */
const cutOff: readonly Case[] = [
  ...cases.filter(({ id }) => id === 'TRUNC-03'),
  {
    id: 'an expectation',
    rule: 'RFC 9112 §8',
    level: 'MUST',
    title: 'shows the client that the response to a request with Expect was cut off',
    deliveries: ['coalesced'],
    async run({ ask, frozen }) {
      const request = head('POST / HTTP/1.1', 'Host: a', 'Expect: 100-continue', 'Content-Length: 2')
      const { client, exchange, response } = await ask(`${request}ok`)
      check(exchange !== undefined, 'it answered without asking the origin')
      await exchange.send(`${head('HTTP/1.1 200 OK', 'Connection: close')}hello`)
      await client.responding({ within: 500 }).catch(() => {})
      await frozen(() => exchange.send('last').then(exchange.connection.reset))
      truncated(await response)
    },
  },
  {
    id: 'a tunnel',
    rule: 'ours',
    level: 'MUST',
    title: 'resets one side of a tunnel when the other side was reset',
    deliveries: ['coalesced'],
    async run({ ask, frozen }) {
      const upgrade = ['Connection: Upgrade', 'Upgrade: anything'] as const
      const { client, exchange, response } = await ask(get('/tunnel', ...upgrade))
      check(exchange !== undefined, 'it answered without asking the origin')
      exchange.send(head('HTTP/1.1 101 Switching Protocols', ...upgrade))
      equal((await response).status, 101, 'the status')
      await frozen(() => exchange.send('last').then(exchange.connection.reset))
      equal(await client.ended(), 'reset', 'the end of the client’s side')
    },
  },
]

/** The packages as they would be installed: unpacked side by side, with what they depend on. */
let installed: string
const home = (name: string): string => path.join(installed, 'node_modules', name)

beforeAll(async () => {
  installed = await mkdtemp(path.join(tmpdir(), 'published-'))
  await unpack(
    published.map(({ folder }) => folder),
    installed,
  )
})

afterAll(() => rm(installed, { recursive: true, force: true }))

describe.each(published)('$manifest.name', ({ folder, manifest: { name } }) => {
  test('says what npm shows of it', () => {
    const { homepage = '', repository, license, engines } = manifestIn(root)
    const manifest = manifestIn(home(name))
    expect(manifest).toMatchObject({
      homepage: `${homepage}/tree/main/${folder}#readme`,
      bugs: `${homepage}/issues`,
      repository: { ...repository, directory: folder },
      license,
      engines,
      sideEffects: false,
      publishConfig: { access: 'public', provenance: true },
    })
    expect(manifest.description).toMatch(/^[A-Z].{20,}[^.]$/)
    expect(manifest.keywords).toEqual(expect.arrayContaining(['http', 'proxy']))
  })

  test('exports nothing but what was built, and all of it is there', async () => {
    const { exports = {}, bin = {} } = manifestIn(home(name))
    const targets = [...Object.values(exports).flatMap((target) => targetsOf(target)), ...Object.values(bin)]
    expect(targets.length).toBeGreaterThan(0)
    for (const target of targets) {
      expect(target).toMatch(/^\.\/(dist\/.*\.(js|d\.ts)|package\.json)$/)
      expect(existsSync(path.join(home(name), target)), target).toBe(true)
    }
  })

  test('depends on no package that is not published', () => {
    const names = published.map(({ manifest }) => manifest.name)
    const ours = dependenciesOf(manifestIn(home(name))).filter((used) => used.startsWith('@relayrace/'))
    expect(ours.filter((used) => !names.includes(used))).toEqual([])
  })

  test('carries its licence', async () => {
    expect(await readFile(path.join(home(name), 'LICENSE'), 'utf8')).toBe(
      await readFile(path.join(root, 'LICENSE'), 'utf8'),
    )
  })

  // Loaded by vitest alone, which is one of the entries.
  const entries = Object.keys(manifestIn(path.join(root, folderOf(name))).exports ?? {}).filter(
    (entry) => entry !== './package.json' && entry !== './vitest',
  )

  test.for(nodes.flatMap((where) => entries.map((entry) => ({ ...where, entry }))))(
    '$entry exports the same in $label as from its sources',
    { timeout: 30_000 },
    async ({ node, entry }, { skip }) => {
      if (node === undefined) return skip('OLDEST_NODE names none')
      const specifier = name + entry.slice(1)
      const built = await run(node, ['--input-type=module', '-e', keysOf(specifier)], { cwd: installed })
      const source = Object.keys(await import(specifier)).toSorted()
      expect(source.length).toBeGreaterThan(0)
      expect(JSON.parse(built.stdout)).toEqual(source)
    },
  )
})

const programs = globSync('packages/*/src/main.ts', { cwd: root }).map(
  (file) => file.split(path.sep)[1] as string,
)

describe.each(programs)('the program of %s', (program) => {
  test.for(nodes)('relays from dist in $label', { timeout: 30_000 }, async ({ node }, { skip }) => {
    if (node === undefined) return skip('OLDEST_NODE names none')
    await using origin = await startBulkOrigin()
    const main = path.join(home(`@relayrace/${program}`), 'dist/main.js')
    await using running = await startProgram({
      argv: [node, main],
      env: { PORT: '0', UPSTREAM: origin.url.href },
    })
    const verifier = new Verifier()
    const { body } = await fetch(new URL('/bytes/1MiB', running.url))
    for await (const piece of body ?? []) verifier.update(piece)
    expect(verifier).toMatchObject({ bytes: 2 ** 20, intact: true })
    const answer = await fetch(new URL('/upload', running.url), {
      method: 'PUT',
      body: payload(2 ** 20),
      duplex: 'half',
    } as RequestInit)
    expect(await answer.json()).toEqual({ bytes: 2 ** 20, intact: true })
    expect(running.stderr()).toBe('')
  })

  test.for(nodes)(
    'shows in $label what a reset has cut off',
    { timeout: 60_000 },
    async ({ node }, { skip }) => {
      if (node === undefined) return skip('OLDEST_NODE names none')
      const argv: readonly [string, string] = [node, path.join(home(`@relayrace/${program}`), 'dist/main.js')]
      const subject: Target = {
        name: program,
        start: ({ href }) => startProgram({ argv, env: { PORT: '0', UPSTREAM: href } }),
      }
      const { results } = await judge(subject, { cases: cutOff })
      expect(results.map(({ id, verdict, why }) => ({ id, verdict, why }))).toEqual(
        cutOff.map(({ id }) => ({ id, verdict: 'pass', why: '' })),
      )
    },
  )
})

test.skipIf(process.platform !== 'linux')(
  'what suite and bench start is installed, and not from its sources',
  { timeout: 120_000 },
  async () => {
    const target = shippedTargets.find(({ name }) => name === 'pipe-proxy')
    await target?.prepare?.()
    await using origin = await startBulkOrigin()
    await using running = await target?.start(origin.url)
    const answer = await fetch(new URL('/bytes/1MiB', running?.url))
    expect((await answer.arrayBuffer()).byteLength).toBe(2 ** 20)
    expect(readFileSync(`/proc/${running?.pid}/cmdline`, 'utf8')).toMatch(
      /node_modules\/@relayrace\/pipe-proxy\/dist\/main\.js/,
    )
  },
)

function dependenciesOf({ dependencies, peerDependencies }: Manifest): string[] {
  return Object.keys({ ...dependencies, ...peerDependencies })
}

function targetsOf(target: string | Readonly<Record<string, string>>): string[] {
  return typeof target === 'string' ? [target] : Object.values(target)
}

function folderOf(name: string): string {
  return published.find(({ manifest }) => manifest.name === name)?.folder ?? ''
}

function keysOf(specifier: string): string {
  return `console.log(JSON.stringify(Object.keys(await import(${JSON.stringify(specifier)})).toSorted()))`
}
