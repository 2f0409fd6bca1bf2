import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { circles, importsOf, loads, type Rule, strays, straysIn } from './imports.ts'
import { type Manifest, manifestIn, root, type Workspace, workspaces } from './workspace.ts'

/** What of this repository each part may import. */
const arrows: Readonly<Record<string, Pick<Rule, 'packages' | 'types'> & { computed?: readonly string[] }>> =
  {
    'packages/gateway': { packages: [] },
    'packages/pipe-proxy': { packages: ['@relayrace/gateway'] },
    'packages/reverse-proxy': { packages: ['@relayrace/gateway'] },
    'packages/dispatch-proxy': { packages: ['@relayrace/gateway'] },
    // For undici's client as a gateway needs it, which fetch is given: it stands once.
    'packages/fetch-proxy': { packages: ['@relayrace/gateway', '@relayrace/dispatch-proxy'] },
    'packages/duplex-server': { packages: ['@relayrace/gateway'] },
    'packages/router': { packages: ['@relayrace/gateway'] },
    'packages/programs': { packages: ['@relayrace/gateway'] },
    'packages/upstreams': { packages: ['@relayrace/gateway'] },
    'packages/relayrace': {
      packages: [
        ...['@relayrace/gateway', '@relayrace/router', '@relayrace/upstreams', '@relayrace/programs'],
        ...['@relayrace/pipe-proxy', '@relayrace/reverse-proxy'],
        ...['@relayrace/dispatch-proxy', '@relayrace/fetch-proxy', '@relayrace/duplex-server'],
      ],
      // A configuration in TypeScript, which only its user knows the name of.
      computed: ['relayrace/src/read.ts: url.href'],
    },
    'packages/mount': { packages: [], types: ['@relayrace/gateway'] },
    'packages/conformance': { packages: ['@relayrace/fixtures'] },
    'packages/strategies': {
      packages: [
        ...['@relayrace/gateway', '@relayrace/pipe-proxy', '@relayrace/reverse-proxy'],
        ...['@relayrace/dispatch-proxy', '@relayrace/fetch-proxy', '@relayrace/duplex-server'],
      ],
    },
    'packages/promises': {
      packages: ['@relayrace/gateway', '@relayrace/fixtures'],
      // The strategy that a program is started for, and an example out of a document.
      computed: ['promises/src/leaks-program.ts: module', 'promises/src/wrapped.ts: file.href'],
    },
    // The strategy that a hook is put into.
    fixtures: { packages: [], computed: ['fixtures/peers/packing.ts: pathToFileURL(file).href'] },
    examples: {
      packages: [
        '@relayrace/gateway',
        '@relayrace/pipe-proxy',
        '@relayrace/reverse-proxy',
        '@relayrace/dispatch-proxy',
        '@relayrace/fetch-proxy',
        '@relayrace/duplex-server',
        '@relayrace/programs',
        '@relayrace/mount',
        '@relayrace/router',
      ],
    },
    bench: { packages: ['@relayrace/conformance', '@relayrace/fixtures'] },
    site: { packages: [] },
  }
/** Which rooms of the gateway each of them may import, beside itself. The faces in front of them show what is in them. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  contract: [],
  rules: ['contract'],
  exchange: ['contract', 'rules'],
  node: ['contract'],
  http: ['contract', 'rules', 'exchange', 'node'],
  guard: ['contract'],
  program: ['contract', 'rules', 'exchange', 'http', 'node'],
}
/** What runs where there is no Node.js: of it types alone. */
const neutral = ['contract', 'rules', 'exchange']

const judges = ['@relayrace/conformance', '@relayrace/fixtures']
/** All strategies keep these, and no test of the package that all of them are made of can: that would be a circle. */
const ofStrategy = [...judges, '@relayrace/promises']
/** What stands around a gateway is tested on every strategy. */
const onStrategies = ['@relayrace/fixtures', '@relayrace/promises', '@relayrace/strategies']
/** What the tests of each part may import beside that: they judge from outside, or on several strategies. */
const testArrows: Readonly<Record<string, readonly string[]>> = {
  'packages/gateway': judges,
  'packages/pipe-proxy': ofStrategy,
  'packages/reverse-proxy': ofStrategy,
  'packages/dispatch-proxy': ofStrategy,
  'packages/fetch-proxy': ofStrategy,
  'packages/duplex-server': ofStrategy,
  'packages/router': [...onStrategies, '@relayrace/pipe-proxy'],
  'packages/mount': [...onStrategies, '@relayrace/pipe-proxy'],
  'packages/programs': [...onStrategies, '@relayrace/fetch-proxy'],
  'packages/upstreams': [...onStrategies, '@relayrace/pipe-proxy', '@relayrace/router'],
  'packages/relayrace': judges,
  'packages/conformance': judges,
  examples: ['@relayrace/fixtures'],
}

/** Of the root, for everybody. */
const everywhere = ['vitest']
/** Sources that a test has written or chosen itself. */
const computedInTests: Readonly<Record<string, readonly string[]>> = {
  'packages/relayrace': ["relayrace/test/starters.test.ts: path.join(folder, 'handler/main.js')"],
  'packages/upstreams': ['upstreams/test/readme.test.ts: file.href'],
}

const ours = (name: string): boolean => name.startsWith('@relayrace/')

describe.each(workspaces)('$folder', ({ folder, manifest }) => {
  const arrow = arrows[folder]

  test('depends on nothing against the arrows', () => {
    const { packages, types = [] } = arrow ?? { packages: [] }
    const used = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).filter(ours)
    const developed = Object.keys(manifest.devDependencies ?? {}).filter(ours)
    expect(used.filter((name) => ![...packages, ...types].includes(name))).toEqual([])
    expect(
      developed.filter((name) => ![...packages, ...types, ...(testArrows[folder] ?? [])].includes(name)),
    ).toEqual([])
  })

  test('imports nothing against the arrows, nothing undeclared, and nothing by a path out of its folder', () => {
    const files = sources(folder)
    expect(files.length).toBeGreaterThan(0)
    expect(straysIn(path.join(root, folder), files, ruleOf({ folder, manifest }))).toEqual(
      arrow?.computed ?? [],
    )
  })

  test('nor do its tests, and nobody imports those of others', () => {
    const { packages = [], types = [] } = arrow ?? {}
    const rule = {
      packages: [...Object.keys(dependenciesOf(manifest)).filter((name) => !ours(name)), ...everywhere],
      node: true,
    }
    const may = [...packages, ...types, ...(testArrows[folder] ?? []), manifest.name]
    rule.packages.push(...may.filter((name) => name === manifest.name || name in dependenciesOf(manifest)))
    expect(straysIn(path.join(root, folder), testsOf(folder), rule)).toEqual(computedInTests[folder] ?? [])
  })
})

test('no files import each other in a circle', () => {
  expect(workspaces.flatMap(({ folder }) => circles(root, sources(folder)))).toEqual([])
})

describe('the rooms of the gateway', () => {
  const source = path.join(root, 'packages/gateway/src')
  const inRoom = (room: string): string[] => globSync(`${room}/**/*.ts`, { cwd: source })
  const leadsTo = (file: string): string[] =>
    importsOf(file, readFileSync(path.join(source, file), 'utf8'))
      .filter(({ specifier }) => specifier.startsWith('.'))
      .map(({ specifier }) => path.join(path.dirname(file), specifier))

  test('are all there are, beside the three faces', () => {
    const [faces, folders] = [globSync('*.ts', { cwd: source }), globSync('*/', { cwd: source })]
    expect(folders.map((folder) => path.basename(folder)).toSorted()).toEqual(Object.keys(rooms).toSorted())
    const { exports = {} } = manifestIn(path.join(root, 'packages/gateway'))
    const shown = Object.values(exports).filter((file) => String(file).endsWith('.ts'))
    expect(faces.map((face) => `./src/${face}`).toSorted()).toEqual(shown.toSorted())
  })

  test.each(Object.entries(rooms))('%s imports no room but %j', (room, others) => {
    const files = inRoom(room)
    expect(files.length).toBeGreaterThan(0)
    const into = (file: string): string => file.split(path.sep)[0] as string
    const against = files.flatMap((file) =>
      leadsTo(file)
        .filter((target) => ![room, ...others].includes(into(target)))
        .map((target) => `${file}: ${target}`),
    )
    expect(against).toEqual([])
  })

  test.each(neutral)('%s loads nothing of Node.js', (room) => {
    expect(inRoom(room).flatMap((file) => loads(path.join(source, file), sourceOf))).toEqual([])
  })

  test('which is not so of http', () => {
    expect(loads(path.join(source, 'http/ask.ts'), sourceOf)).toContain('ask.ts: node:http')
  })
})

test('the gateway depends on Node.js alone', () => {
  const gateway = workspaces.find(({ folder }) => folder === 'packages/gateway')
  expect({ ...gateway?.manifest.dependencies, ...gateway?.manifest.peerDependencies }).toEqual({})
})

describe('where there is only fetch', () => {
  const entry = (folder: string, name: string): string => path.join(root, folder, 'src', name)

  test('the fetch handler loads nothing of Node.js, and nothing from elsewhere', () => {
    expect(loads(entry('packages/fetch-proxy', 'fetch.ts'), sourceOf)).toEqual([])
  })

  test('which is not so of the fetch proxy', () => {
    const loaded = loads(entry('packages/fetch-proxy', 'fetch-proxy.ts'), sourceOf)
    expect(loaded).toContain('connections.ts: undici')
    expect(loaded).toContain('http-gateway.ts: node:http')
  })
})

describe('a planted import is found', () => {
  const folder = path.join(root, 'packages/pipe-proxy')
  const file = path.join(folder, 'src/pipe.ts')
  const rule: Rule = { packages: ['@relayrace/gateway'], types: ['@relayrace/fixtures'], node: true }

  test.each([
    ["import { createReverseProxy } from '@relayrace/reverse-proxy'", '@relayrace/reverse-proxy'],
    ["import type { Strategy } from '@relayrace/conformance'", '@relayrace/conformance'],
    ["import { startBulkOrigin } from '@relayrace/fixtures/origin'", '@relayrace/fixtures/origin'],
    ["export { createFetchProxy } from '@relayrace/fetch-proxy'", '@relayrace/fetch-proxy'],
    ["export * from '../../gateway/src/contract/fields.ts'", '../../gateway/src/contract/fields.ts'],
    ["import '../../../bench/run.ts'", '../../../bench/run.ts'],
    ["const { fetch } = await import('undici')", 'undici'],
    ['const module = await import(name)', 'name'],
    ["import { request } from 'http'", 'http'],
  ])('%s', (line, specifier) => {
    const source = `import { request } from 'node:http'\n${line}\n`
    expect(strays(folder, file, source, rule)).toEqual([`pipe-proxy/src/pipe.ts: ${specifier}`])
  })

  test.each([
    "import { httpGateway } from '@relayrace/gateway/strategy'",
    "import { runProgram } from '@relayrace/gateway/strategy'",
    "import type { Target } from '@relayrace/fixtures/target'",
    "import { type Target } from '@relayrace/fixtures/target'",
    "import { createPipeProxy } from './index.ts'",
    "export const text = `import '@relayrace/reverse-proxy'`",
    "// import '@relayrace/reverse-proxy'",
  ])('and this is none: %s', (line) => {
    expect(strays(folder, file, `${line}\n`, rule)).toEqual([])
  })

  test('node: where there may be none', () => {
    const found = strays(folder, file, "import type { Socket } from 'node:net'\n", {
      packages: [],
      node: false,
    })
    expect(found).toEqual(['pipe-proxy/src/pipe.ts: node:net'])
  })

  test('a circle of files', () => {
    const texts: Record<string, string> = {
      'a.ts': "import { b } from './b.ts'",
      'b.ts': "export { c } from './c.ts'",
      'c.ts': "import type { a } from './a.ts'",
      'd.ts': "import { a } from './a.ts'",
    }
    const found = circles('/', Object.keys(texts), (file) => texts[path.basename(file)] ?? '')
    expect(found).toEqual(['a.ts → b.ts → c.ts → a.ts'])
  })

  test('and a source that cannot be parsed is no pass', () => {
    expect(() => importsOf(file, "import { from 'node:net'")).toThrow(SyntaxError)
  })
})

/** What is shipped or run, without tests. */
function sources(folder: string): string[] {
  const within = folder.startsWith('packages/') ? 'src/**/*.ts' : '**/*.ts'
  return globSync(within, {
    cwd: path.join(root, folder),
    exclude: ['**/node_modules', '**/test/**', '**/*.test.ts', '**/*.d.ts'],
  }).map((file) => path.join(root, folder, file))
}

/** Everything that is neither shipped nor run. */
function testsOf(folder: string): string[] {
  const within = folder.startsWith('packages/') ? '{test,examples}/**/*.ts' : '**/*.test.ts'
  return globSync(within, {
    cwd: path.join(root, folder),
    exclude: ['**/node_modules', '**/*.d.ts'],
  }).map((file) => path.join(root, folder, file))
}

const dependenciesOf = ({ dependencies, peerDependencies, devDependencies }: Manifest): object => ({
  ...dependencies,
  ...peerDependencies,
  ...devDependencies,
})

/** A folder without arrows of its own may use nothing of this repository. */
function ruleOf({ folder, manifest }: Workspace): Rule {
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).filter(
    (name) => !ours(name),
  )
  const { packages = [], types = [] } = arrows[folder] ?? {}
  return { packages: [...packages, ...declared], types, node: true }
}

/** Where an import of one of our packages leads; undefined for all others. */
function sourceOf(specifier: string): string | undefined {
  for (const { folder, manifest } of workspaces) {
    if (specifier !== manifest.name && !specifier.startsWith(`${manifest.name}/`)) continue
    const target = manifest.exports?.[`.${specifier.slice(manifest.name.length)}`]
    if (typeof target === 'string') return path.join(root, folder, target)
  }
  return undefined
}
