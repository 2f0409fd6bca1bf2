import { execFile } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { freePort, startProgram } from '@relayrace/fixtures/target'
import { beforeAll, describe, expect, test } from 'vitest'
import { inRepository } from '../site/pages.ts'
import { blocksOf, folderFor, isProgram, listening, runBlock, typesIn } from './blocks.ts'
import { manifestIn, published, root } from './workspace.ts'

const documents = globSync(
  '{*.md,{docs,decisions,bench,fixtures,examples}/**/*.md,packages/*/*.md,packages/*/src/**/*.md}',
  {
    cwd: root,
    exclude: ['**/node_modules', '**/CHANGELOG.md'],
  },
).toSorted()

describe.each(documents)('%s', (document) => {
  test('links to what is there', async () => {
    const missing: string[] = []
    for (const link of linksOf(await read(document))) {
      const { file, anchor } = inRepository(document, link) ?? {}
      if (file === undefined) continue
      if (!existsSync(path.join(root, file))) missing.push(link)
      else if (anchor !== undefined && !headings(await read(file)).includes(anchor)) missing.push(link)
    }
    expect(missing).toEqual([])
  })

  test('names commands that exist', async () => {
    const { scripts = {} } = manifestIn(root)
    const named = [...(await read(document)).matchAll(/npm run ([a-z:]+)/g)].map(([, script]) => script)
    expect(named.filter((script) => !Object.hasOwn(scripts, script as string))).toEqual([])
  })

  test('imports what is there', async () => {
    const missing: string[] = []
    for (const { names, from } of imports(await read(document))) {
      const module: object = await import(from)
      missing.push(
        ...names.filter((name) => !Object.hasOwn(module, name)).map((name) => `${name} from ${from}`),
      )
    }
    expect(missing).toEqual([])
  })
})

describe.each(published)(
  'the README of $manifest.name, as npm shows it,',
  ({ folder, manifest: { name } }) => {
    const document = `${folder}/README.md`

    test('has links that hold there', async () => {
      expect(linksOf(await read(document)).filter((link) => !/^(?:https:|#)/.test(link))).toEqual([])
    })

    test('says how to install it, with what its first example imports', async () => {
      const blocks = await blocksOf(document)
      const [, names = ''] = /^(?:npm install|npx) (.*)$/m.exec(blocks[0]?.code ?? '') ?? []
      const imported = imports(blocks.find(isProgram)?.code ?? '').map(({ from }) => from)
      const wanted = [name, ...imported.map((from) => from.split('/', 2).join('/'))]
      expect(names.split(' ')).toEqual(expect.arrayContaining(wanted))
    })
  },
)

const guides = documents.filter((document) => document.startsWith('docs/'))

test.each(guides)('%s says how to install what its first program imports', async (document) => {
  const blocks = await blocksOf(document)
  const [, names = ''] = /^npm install (.*)$/m.exec(blocks.map(({ code }) => code).join('')) ?? []
  const lines = (blocks.find(isProgram)?.code ?? '').matchAll(/^import (?!type ).* from '([^']+)'/gm)
  const wanted = [...lines].flatMap(([, from = '']) => {
    if (from.startsWith('node:')) return []
    const name = from.split('/', from.startsWith('@') ? 2 : 1).join('/')
    return from.endsWith('/rate-limit') ? [name, 'rate-limiter-flexible'] : [name]
  })
  expect(names.split(' ')).toEqual(expect.arrayContaining(wanted))
})

test.each(['pipe-proxy', 'reverse-proxy', 'dispatch-proxy', 'fetch-proxy', 'duplex-server'])(
  'the README of %s has the options and errors that all share (npm run readmes)',
  async (name) => {
    const shared = async (of: string): Promise<string | undefined> =>
      /<!-- shared:begin -->(.*)<!-- shared:end -->/s.exec(await read(`packages/${of}/README.md`))?.[1]
    expect(await shared('gateway')).toContain('| `upstream` |')
    expect(await shared(name)).toBe(await shared('gateway'))
  },
)

describe.each([
  ['README.md', 1, ''],
  ['packages/pipe-proxy/README.md', 1, ''],
  ['packages/reverse-proxy/README.md', 2, ''],
  ['packages/fetch-proxy/README.md', 1, ''],
  ['packages/dispatch-proxy/README.md', 1, ''],
  ['packages/duplex-server/README.md', 2, ''],
  ['packages/router/README.md', 6, ''],
  ['packages/mount/README.md', 5, '/api'],
])('the examples of %s', async (document, atLeast, prefix) => {
  const examples = (await blocksOf(document)).filter(
    (block) => isProgram(block) && block.code.includes('8080'),
  )
  let folder = ''
  beforeAll(async () => {
    folder = await folderFor(document.replaceAll(/\W/g, '-'))
  })

  test('are there', () => {
    expect(listening).toContain(document)
    expect(examples.length).toBeGreaterThanOrEqual(atLeast)
  })

  test('have the right types', { timeout: 60_000 }, async () => {
    const typed = examples.filter(({ language }) => language === 'ts')
    expect(typed.length === 0 ? '' : await typesIn(folder, typed)).toBe('')
  })

  test.for(examples.map((example, i) => ({ example, name: `${i + 1}` })))(
    '$name runs',
    { timeout: 30_000 },
    async ({ example }) => {
      await using origin = await startBulkOrigin()
      await using another = await startBulkOrigin()
      const places = {
        'http://127.0.0.1:9000': origin.url.origin,
        'http://127.0.0.1:9001': another.url.origin,
      }
      await using running = await runBlock(folder, example, places)
      if (example.code.includes('createDuplexServer')) {
        const response = await fetch(running.url, { method: 'POST', body: 'hello' })
        expect([response.status, await response.text()]).toEqual([200, 'hello'])
      } else {
        const response = await fetch(new URL(`${prefix}/bytes/1000`, running.url))
        expect([response.status, (await response.bytes()).length]).toEqual([200, 1000])
      }
      expect(running.stderr()).toBe('')
    },
  )
})

describe('the example of packages/programs/README.md', async () => {
  const [, code = ''] = /^```ts\n(.*?)^```$/ms.exec(await read('packages/programs/README.md')) ?? []
  const python = await promisify(execFile)('python3', ['--version']).catch(() => undefined)

  test('runs, and leaves nothing behind', { timeout: 60_000 }, async ({ skip }) => {
    if (python === undefined) skip('there is no python3')
    const folder = path.join(import.meta.dirname, '.cache', 'programs')
    await mkdir(path.join(folder, 'public'), { recursive: true })
    await writeFile(path.join(folder, 'public', 'hello.txt'), 'hello')
    const service = `require('http').createServer((request, response) => response.end(process.pid + request.url)).listen(process.env.PORT, process.env.HOST)`
    await writeFile(
      path.join(folder, 'users.mjs'),
      service.replace("require('http')", "(await import('node:http'))"),
    )
    const url = new URL(`http://127.0.0.1:${await freePort()}`)
    const argv = [
      process.execPath,
      '--input-type=module-typescript',
      '--eval',
      code.replace('8080', url.port),
    ] as const
    const running = await startProgram({ argv, cwd: folder, url })
    const get = async (target: string): Promise<string> => (await fetch(new URL(target, url))).text()
    const [, pid = ''] = /^(\d+)\/some\?a=b$/.exec(await get('/api/users/some?a=b')) ?? []
    expect(await get('/api/files/hello.txt')).toBe('hello')
    expect((await fetch(new URL('/api/else', url))).status).toBe(404)
    process.kill(running.pid as number, 'SIGHUP')
    await expect.poll(() => get('/api/users/')).not.toBe(`${pid}/`)
    process.kill(running.pid as number, 'SIGTERM')
    expect(await running.exited).toEqual({ code: 0, signal: null })
    expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH')
    await rm(folder, { recursive: true })
  })
})

function read(document: string): Promise<string> {
  return readFile(path.join(root, document), 'utf8')
}

/** The values that examples take from our packages. */
function imports(text: string): { names: string[]; from: string }[] {
  const lines = text.matchAll(/^import \{(?<names>[^}]*)\} from '(?<from>@relayrace\/[^']+)'/gm)
  return [...lines].map(({ groups: { names = '', from = '' } = {} }) => ({
    names: names.split(',').flatMap((name) => (/^ *type /.test(name) ? [] : name.trim() || [])),
    from,
  }))
}

function linksOf(text: string): string[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link as string)
}

function withoutCode(text: string): string {
  return withoutBlocks(text).replaceAll(/`[^`\n]*`/g, '')
}

function withoutBlocks(text: string): string {
  return text.replaceAll(/^```.*?^```$/gms, '')
}

/** As anchors. */
function headings(text: string): string[] {
  return [...withoutBlocks(text).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
