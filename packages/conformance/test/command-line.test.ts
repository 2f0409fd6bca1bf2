import { afterEach, expect, test, vi } from 'vitest'
import { type Known, main } from '../src/command-line.ts'

afterEach(() => void vi.restoreAllMocks())

/** Nothing is installed, so nothing is run. */
function spoken(argv: readonly string[], names?: readonly string[]) {
  const asked: string[] = []
  const said: string[] = []
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => said.push(`${text}`) > 0)
  const known: Known = {
    command: 'judge',
    names: [...(names ?? []), 'foreign'],
    ours: names ?? [],
    find: async (name) => {
      asked.push(name)
      return 'not installed'
    },
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
  [['--target', 'one', '--url', 'http://127.0.0.1:1'], 'exclude each other'],
  [['--target', 'three'], 'no target "three"'],
  [['--target', ''], '--target needs a name'],
  [['--command', 'proxy --listen 8080'], '--command needs {port} in it'],
  [['--url', 'http://127.0.0.1:1'], '--url needs --origin-port'],
  [['--only', 'NONE'], 'no case begins with "NONE"'],
  [['--seed', 'x'], '--seed is not a whole number'],
  [['--lanes', '0'], '--lanes must be at least 1'],
] as const)('%j is not understood', async ([argv, why]) => {
  const { code, said, asked } = await spoken(argv, ['one', 'two'])
  expect(code).toBe(2)
  expect(said.split('\n')[0]).toContain(why)
  expect(asked).toEqual([])
})
