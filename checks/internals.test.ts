import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { internalsIn } from './internals.ts'
import { published, root } from './workspace.ts'

const packages = path.join(root, 'packages')
const read = (file: string): string => readFileSync(path.join(packages, file), 'utf8')

interface Row {
  readonly uses: readonly string[]
  readonly file: string
  readonly seenBy: string
}

const rows: readonly Row[] = read('gateway/src/node/README.md')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.slice(2, -2).split(' | '))
  .map(([uses = '', file = '', , , , seenBy = '']) => ({
    uses: [...uses.matchAll(/`([^`]+)`/g)].map(([, use]) => use as string),
    file,
    seenBy,
  }))

/** What is shipped beside the suite, which judges from outside. */
const sources = published
  .filter(({ manifest }) => manifest.name !== '@relayrace/conformance')
  .flatMap(({ folder }) => globSync(`${folder}/src/**/*.ts`, { cwd: root }))
  .map((file) => path.relative('packages', file))

test('each use of what Node.js does not document has a row', () => {
  expect(sources.length).toBeGreaterThan(50)
  const told = (file: string, use: string): boolean =>
    rows.some((row) => row.file === file && row.uses.includes(use))
  const missing = sources.flatMap((file) =>
    internalsIn(path.join(packages, file))
      .filter((use) => !told(file, use))
      .map((use) => `${file}: ${use}`),
  )
  expect(missing).toEqual([])
})

test.each(rows)('$file still has what its row tells: $uses', ({ uses, file }) => {
  const source = read(file)
  const word = (use: string): string =>
    /\.?(\w+)/.exec(use.replace(/^(?:prototype\.|new |emit\(')/, ''))?.[1] ?? use
  expect(uses.filter((use) => !source.includes(word(use)))).toEqual([])
})

test.each(rows)('$file: $uses is seen by a test, or said not to be a fault', ({ seenBy }) => {
  if (seenBy.startsWith('none: ')) return
  const [, file = '', title = ''] = /^`([^`]+)`: (.+)$/.exec(seenBy) ?? []
  const stands = existsSync(path.join(packages, file)) && read(file).includes(title)
  expect([file, title, stands]).toEqual([file, title, true])
})

describe('a planted use is found', () => {
  test.each([
    ['socket._handle.close()', '_handle'],
    ['const { _handle: handle } = socket', '_handle'],
    ['socket.push = mine', 'push ='],
    ['Socket.prototype.push.call(socket, chunk)', 'prototype.push'],
    ["server.removeAllListeners('connection')", 'removeAllListeners'],
    ['new ServerResponse(request)', 'new ServerResponse'],
    ["socket.emit('data', piece)", "emit('data')"],
    ['response.assignSocket(socket)', 'assignSocket'],
    ['Object.setPrototypeOf(response, Mine.prototype)', 'setPrototypeOf'],
  ])('%s', (source, use) => {
    expect(internalsIn('planted.ts', source)).toEqual([use])
  })

  test.each([
    'class Mine extends Duplex { _read() {} }',
    "this.emit('data', piece)",
    "server.emit('connection', socket)",
    '// socket._handle',
    "text('socket._handle')",
    'this.end = performance.now()',
  ])('and this is none: %s', (source) => {
    expect(internalsIn('planted.ts', source)).toEqual([])
  })
})
