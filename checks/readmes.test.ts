/** The code in the READMEs of packages runs: what is no program by itself is completed here, and nothing is left out. */

import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { promisify } from 'node:util'
import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { describe, expect, test } from 'vitest'
import { type Block, blocksOf, folderFor, isProgram, listening, moduleOf, runBlock } from './blocks.ts'
import { root } from './workspace.ts'

const run = promisify(execFile)

interface Completed {
  /** Stands in that block, and in no other of its document. */
  readonly text: string
  readonly documents: readonly string[]
  /** Makes it a program that listens at 8080, in front of http://127.0.0.1:9000. */
  readonly complete: (code: string, strategy: string) => string
}

const creates: Readonly<Record<string, string>> = {
  'pipe-proxy': 'createPipeProxy',
  'reverse-proxy': 'createReverseProxy',
  'fetch-proxy': 'createFetchProxy',
  'dispatch-proxy': 'createDispatchProxy',
}
const readme = (name: string): string => `packages/${name}/README.md`
const undici = createRequire(path.join(root, 'packages/dispatch-proxy/package.json')).resolve('undici')
const listens = '\nawait gateway.listen({ port: 8080 })\n'

const completed: readonly Completed[] = [
  {
    text: 'http.createServer(gateway.handle)',
    documents: Object.keys(creates).map(readme),
    complete: (code, strategy) => `
      import http from 'node:http'
      import { ${creates[strategy]} } from '@relayrace/${strategy}'
      const gateway = ${creates[strategy]}({ upstream: 'http://127.0.0.1:9000' })
      ${code}
      server.listen(8080)`,
  },
  {
    text: "'https://origin.example/base'",
    documents: [readme('pipe-proxy'), readme('reverse-proxy')],
    complete: (code) =>
      `const token = 'Bearer secret'\n${code}`
        .replace('https://origin.example/base', 'http://127.0.0.1:9000')
        .replace(/^create/m, 'const gateway = create') + listens,
  },
  {
    text: 'interceptors.redirect',
    documents: [readme('dispatch-proxy')],
    complete: (code) =>
      `import { createDispatchProxy } from '@relayrace/dispatch-proxy'\n${code}`
        .replace("'undici'", JSON.stringify(undici))
        .replace(/^create/m, 'const gateway = create') + listens,
  },
  {
    text: 'Bun.serve({ fetch })',
    documents: [readme('fetch-proxy')],
    complete: (code) => `
      import { serve } from '@hono/node-server'
      const Bun = { serve: ({ fetch }) => serve({ fetch, port: 8080 }) }
      ${code}`,
  },
]

/** Run by tests of their own, each with the file. */
const elsewhere: Readonly<Record<string, string>> = {
  [readme('gateway')]: 'packages/promises/src/written.ts',
  [readme('programs')]: 'checks/documents.test.ts',
  [readme('upstreams')]: 'packages/upstreams/test/readme.test.ts',
}

const documents = globSync('packages/*/README.md', { cwd: root }).toSorted()
const programs = await Promise.all(
  documents.map(async (document) => ({ document, blocks: (await blocksOf(document)).filter(isProgram) })),
)
const rests = programs
  .filter(({ document }) => elsewhere[document] === undefined && document !== readme('conformance'))
  .flatMap(({ document, blocks }) => blocks.map((block) => ({ document, block })))
  .filter(({ document, block }) => !(listening.includes(document) && block.code.includes('8080')))

test('every block of code is run: as it is, completed, or elsewhere', () => {
  const known = ({ document, block }: (typeof rests)[number]): number =>
    completed.filter((one) => one.documents.includes(document) && block.code.includes(one.text)).length
  expect(
    rests.filter((one) => known(one) !== 1).map(({ document, block }) => [document, block.code]),
  ).toEqual([])
  const places = completed.flatMap((one) => one.documents)
  expect(rests).toHaveLength(places.length)
})

describe.each(completed)('the block with $text', ({ text, documents: places, complete }) => {
  test.each(places)('of %s runs', { timeout: 30_000 }, async (document) => {
    const block = (await blocksOf(document)).find((one) => isProgram(one) && one.code.includes(text)) as Block
    const strategy = document.split('/')[1] as string
    const folder = await folderFor(`${strategy}-completed-${text.replaceAll(/\W/g, '')}`)
    await using origin = await startBulkOrigin()
    const program = { language: 'js', code: complete(block.code, strategy) }
    await using running = await runBlock(folder, program, { 'http://127.0.0.1:9000': origin.url.origin })
    const response = await fetch(new URL('/bytes/1000', running.url))
    expect([response.status, (await response.bytes()).length]).toEqual([200, 1000])
  })
})

describe('the suite as a library', () => {
  const [bridge, library] = programs.find(({ document }) => document === readme('conformance'))?.blocks ?? []
  const proxy = `import { createPipeProxy } from '@relayrace/pipe-proxy'\n`

  test('in vitest judges a command', { timeout: 60_000 }, async () => {
    const folder = await folderFor('conformance-bridge')
    await writeFile(path.join(folder, 'mine.test.ts'), bridge?.code ?? '')
    await writeFile(
      path.join(folder, 'my-proxy.js'),
      `${proxy}
      const [, , , port, , upstream] = process.argv
      await createPipeProxy({ upstream }).listen({ port: Number(port), host: '127.0.0.1' })`,
    )
    const vitest = path.join(root, 'node_modules/vitest/vitest.mjs')
    const report = path.join(folder, 'report.json')
    const argv = [vitest, 'run', '--root', folder, '-t', 'FRAME-01 ', '--testTimeout=30000']
    await run(process.execPath, [...argv, '--reporter=json', `--outputFile=${report}`], {
      cwd: folder,
      env: { ...process.env, VITEST: undefined, NO_COLOR: '1' },
    })
    const { numPassedTests, numFailedTests } = JSON.parse(await readFile(report, 'utf8'))
    expect([numPassedTests, numFailedTests]).toEqual([1, 0])
  })

  test('judges what is started in a program', { timeout: 60_000 }, async () => {
    const folder = await folderFor('conformance-library')
    const named = "import { run } from '@relayrace/conformance'"
    expect(library?.code).toContain(named)
    const code = `${proxy}
      import { cases, run as judge } from '@relayrace/conformance'
      const run = (target) => judge(target, { cases: cases.filter(({ id }) => id === 'FRAME-01') })
      const myProxy = (options) => ({
        async listen() {
          const gateway = createPipeProxy(options)
          const { url } = await gateway.listen()
          return { url, close: () => gateway.close(0) }
        },
      })
      ${library?.code.replace(named, '')}
      console.log(report.results.map(({ id, verdict }) => id + ' ' + verdict).join())`
    const file = await moduleOf(folder, { language: 'js', code })
    const { stdout } = await run(process.execPath, [file])
    expect(stdout).toBe('[]\nFRAME-01 pass\n')
  })
})
