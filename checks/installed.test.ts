/** Our packages as npm installs them into an empty folder, under this Node.js or that which PACKAGES_NODE names. */

import { execFile } from 'node:child_process'
import { existsSync, globSync, mkdirSync, realpathSync, statSync, symlinkSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { freePort, startProgram } from '@relayrace/fixtures/target'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Block, blocksOf, isProgram, listening } from './blocks.ts'
import { install, installOnce } from './npm.ts'
import { sizes } from './sizes.ts'
import { manifestIn, published, root } from './workspace.ts'

const run = promisify(execFile)
const node = process.env.PACKAGES_NODE ?? process.execPath

/** Frameworks and other packages that users bring: those of this workspace. */
const brought: Readonly<Record<string, readonly string[]>> = {
  checks: ['@hono/node-server', '@types/express', '@types/koa', 'express', 'fastify', 'hono', 'koa', 'vite'],
  'packages/router': ['jose', 'rate-limiter-flexible'],
  '.': ['@types/node', 'vitest'],
}

let installed: string
const home = (name: string): string => path.join(installed, 'node_modules', name)
const tarball = (folder: string): string => path.join(root, folder, '.pack/package.tgz')

beforeAll(async () => {
  installed = realpathSync(await mkdtemp(path.join(tmpdir(), 'installed-')))
  install(
    installed,
    published.map(({ folder }) => tarball(folder)),
    node,
  )
}, 120_000)

afterAll(() => rm(installed, { recursive: true, force: true }))

describe.each(published)('$manifest.name', ({ folder, manifest: { name } }) => {
  test('is no larger than its line in sizes.ts says, and not much smaller', () => {
    const files = globSync('**', { cwd: home(name), withFileTypes: true }).filter((entry) => entry.isFile())
    const bytes = files.map((entry) => statSync(path.join(entry.parentPath, entry.name)).size)
    const kib = (size: number): number => Math.ceil(size / 1024)
    const is = {
      packed: kib(statSync(tarball(folder)).size),
      unpacked: kib(bytes.reduce((sum, size) => sum + size, 0)),
      dependencies: dependenciesOf(name).size,
    }
    const { packed = 0, unpacked = 0, dependencies } = sizes[name] ?? {}
    const fits = is.packed <= packed && is.unpacked <= unpacked && is.packed * 1.2 + 2 > packed
    expect([is, fits, is.dependencies]).toEqual([is, true, dependencies])
  })
})

describe('before anything else is installed', () => {
  const entries = published.flatMap(({ manifest: { name, exports = {} } }) =>
    Object.keys(exports).map((entry) => name + entry.slice(1)),
  )
  // Of these the other half is brought by who uses them.
  const alone = entries.filter((entry) => !/\/(?:vitest|jwt|package\.json)$/.test(entry))

  test.each(alone)('%s is the same by import and by require', { timeout: 30_000 }, sameBoth)

  test('relayrace serves', { timeout: 30_000 }, async () => {
    await using origin = await startBulkOrigin()
    const url = new URL(`http://127.0.0.1:${await freePort()}`)
    const bin = path.join(installed, 'node_modules/.bin/relayrace')
    const argv = [node, bin, 'serve', '--upstream', origin.url.href, '--port', url.port] as const
    await using _running = await startProgram({ argv, cwd: installed, url })
    expect((await (await fetch(new URL('/bytes/1MiB', url))).bytes()).length).toBe(2 ** 20)
  })

  test('conformance judges', { timeout: 60_000 }, async () => {
    const bin = path.join(installed, 'node_modules/.bin/conformance')
    const command = `env PORT={port} UPSTREAM={upstream} ${node} node_modules/@relayrace/pipe-proxy/dist/main.js`
    const { stdout } = await run(node, [bin, '--command', command, '--only', 'FRAME-01'], { cwd: installed })
    expect(stdout).toMatch(/^all +1\/1$/m)
  })
})

describe('the first example', async () => {
  const documents = listening.filter((document) => document.startsWith('packages/'))
  const examples = await Promise.all(
    documents.map(async (document) => ({
      name: document.split('/')[1] as string,
      block: (await blocksOf(document)).find(isProgram) as Block,
    })),
  )
  const each = examples.flatMap((example) => ['mjs', 'cjs'].map((form) => ({ ...example, form })))
  beforeAll(bring)

  test('of what needs jose finds it by import and by require', () => sameBoth('@relayrace/router/jwt'))

  test.each(each)('of $name runs as $form', { timeout: 30_000 }, async ({ name, block, form }) => {
    await using origin = await startBulkOrigin()
    const url = new URL(`http://127.0.0.1:${await freePort()}`)
    const code = block.code
      .replaceAll('http://127.0.0.1:9000', origin.url.origin)
      .replaceAll('8080', url.port)
    const file = path.join(installed, `${name}.${form}`)
    await writeFile(file, form === 'cjs' ? required(code) : code)
    await using running = await startProgram({ argv: [node, file], cwd: installed, url })
    const response = await fetch(new URL(name === 'mount' ? '/api/bytes/1000' : '/bytes/1000', url))
    expect([response.status, (await response.bytes()).length]).toEqual([200, 1000])
    expect(running.stderr()).toBe('')
  })
})

/** Its types need no newer Node.js, so one is enough. */
describe.skipIf(process.env.PACKAGES_NODE !== undefined)('types', () => {
  const compilers = { '5.9': '5.9.3', '6': '6.0.3', '7': '7.0.2' }
  const folder = path.join(root, '.cache/typescripts', Object.values(compilers).join('-'))
  const resolutions = { nodenext: 'nodenext', bundler: 'esnext' }
  const each = Object.keys(compilers).flatMap((compiler) =>
    Object.entries(resolutions).map(([moduleResolution, module]) => ({ compiler, moduleResolution, module })),
  )

  beforeAll(async () => {
    bring()
    const aliases = Object.entries(compilers).map(
      ([name, version]) => `typescript-${name}@npm:typescript@${version}`,
    )
    installOnce(folder, aliases)
    const entries = published.flatMap(({ manifest: { name, exports = {} } }) =>
      Object.keys(exports).flatMap((entry) => (entry.endsWith('.json') ? [] : name + entry.slice(1))),
    )
    const uses = entries.map((entry, i) => `import * as entry${i} from '${entry}'\nvoid entry${i}\n`)
    await writeFile(path.join(installed, 'entries.mts'), uses.join(''))
    for (const document of listening) {
      const blocks = (await blocksOf(document)).filter(
        (block) => isProgram(block) && block.code.includes('8080'),
      )
      const prefix = document.replaceAll(/\W/g, '-')
      for (const [i, { code }] of blocks.entries())
        await writeFile(path.join(installed, `example-${prefix}-${i}.mts`), code)
    }
  }, 120_000)

  test.each(each)('hold in TypeScript $compiler, $moduleResolution', { timeout: 120_000 }, async (one) => {
    const { compiler, moduleResolution, module } = one
    const tsc = path.join(folder, 'node_modules', `typescript-${compiler}`, 'bin/tsc')
    const settings = { strict: true, noEmit: true, target: 'es2023', types: 'node', module, moduleResolution }
    const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`])
    const files = globSync('*.mts', { cwd: installed })
    const checked = run(process.execPath, [tsc, ...flags, ...files], { cwd: installed })
    const { stdout } = await checked.catch((error) => error)
    // What others get wrong in their own types is theirs.
    const ours = `${stdout}`
      .split('\n')
      .filter((line) => /^(?:node_modules\/(?:@relayrace|relayrace)|[^/ ]+\.mts)/.test(line))
    expect(ours).toEqual([])
  })
})

async function sameBoth(entry: string): Promise<void> {
  const shown = (load: string): string[] => [
    '-e',
    `console.log(Object.keys(${load}('${entry}')).sort().join())`,
  ]
  const required = await run(node, ['--input-type=commonjs', ...shown('require')], { cwd: installed })
  const imported = await run(node, ['--input-type=module', ...shown('await import')], { cwd: installed })
  expect(imported.stdout.trim()).not.toBe('')
  const names = (text: string): string[] =>
    text
      .trim()
      .split(',')
      .filter((one) => !/^(?:__esModule|module\.exports)$/.test(one))
  expect([names(required.stdout), required.stderr]).toEqual([names(imported.stdout), imported.stderr])
}

/** Where users would install it. */
function bring(): void {
  for (const [workspace, names] of Object.entries(brought)) {
    for (const name of names) {
      if (existsSync(home(name))) continue
      mkdirSync(path.dirname(home(name)), { recursive: true })
      symlinkSync(realpathSync(path.join(root, workspace, 'node_modules', name)), home(name))
    }
  }
}

/** What comes with it, at any depth, without what is optional. */
function dependenciesOf(name: string, found = new Set<string>()): Set<string> {
  for (const used of Object.keys(manifestIn(home(name)).dependencies ?? {})) {
    if (!found.has(used)) dependenciesOf(used, found.add(used))
  }
  return found
}

/** As CommonJS. */
function required(code: string): string {
  const imports = /^import (?<default>\w+)?(?:, )?(?<names>\{[^}]*\})? from (?<from>'[^']+')$/gm
  const body = code.replaceAll(imports, (...match) => {
    const { default: name, names, from } = match.at(-1)
    return [name && `const ${name} = require(${from})`, names && `const ${names} = require(${from})`]
      .filter(Boolean)
      .join('\n')
  })
  return `(async () => {\n${body}\n})()`
}
