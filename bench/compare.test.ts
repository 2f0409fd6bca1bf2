import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { seeded } from '@relayrace/fixtures/random'
import { describe, expect, onTestFinished, test } from 'vitest'
import { compare, compareWithin, exitCode, markdown } from './compare.ts'
import { exampleResults, type Figures } from './report/example.ts'

/** Ten rounds around a value, with a spread of a percent. */
function around(value: number, seed: number): number[] {
  const random = seeded(seed)
  return Array.from({ length: 10 }, () => value * (1 + (random() - 0.5) * 0.02))
}

const run = (ours: number, seed: number, machine = 1): Figures => ({
  ours: around(ours * machine, seed),
  theirs: around(2 * machine, seed + 100),
})

const verdicts = (before: Figures, after: Figures, thresholds = {}): string[] =>
  compare(exampleResults(before), exampleResults(after), thresholds).changes.map(({ verdict }) => verdict)

describe('a comparison of two runs', () => {
  test('of the same code finds nothing', () => {
    expect(verdicts(run(1, 1), run(1, 2))).toEqual(['equal'])
  })

  test('finds what is slower by a fifth, and what is faster', () => {
    expect(verdicts(run(1, 1), run(1.2, 2))).toEqual(['worse'])
    expect(verdicts(run(1, 1), run(0.8, 2))).toEqual(['better'])
  })

  test('is not misled by a machine that was slower altogether', () => {
    expect(verdicts(run(1, 1), run(1, 2, 1.5))).toEqual(['equal'])
  })

  test('says when nobody can tell, and how many rounds it would take', () => {
    const few = (figures: Figures): Figures =>
      Object.fromEntries(Object.entries(figures).map(([name, values]) => [name, values.slice(0, 3)]))
    const { changes, roundsNeeded } = compare(
      exampleResults(few(run(1, 1))),
      exampleResults(few(run(1.2, 2))),
    )
    expect([changes[0]?.verdict, roundsNeeded]).toEqual(['inconclusive', 4])
  })

  test('goes by thresholds: of a target, of a scenario, of all', () => {
    expect(verdicts(run(1, 1), run(1.2, 2), { default: 0.3 })).toEqual(['equal'])
    expect(verdicts(run(1, 1), run(1.2, 2), { default: 0.3, download: 0.1 })).toEqual(['worse'])
    expect(verdicts(run(1, 1), run(1.2, 2), { download: 0.1, 'download/ours': 0.3 })).toEqual(['equal'])
  })

  test('names what only one of them has', () => {
    const { missing, changes } = compare(exampleResults(run(1, 1)), exampleResults({ theirs: around(2, 3) }))
    expect([missing, changes]).toEqual([['download/ours'], []])
  })

  test.each([
    [1.2, 3],
    [1, 0],
  ])('of a change by %f ends with %i', (factor, code) => {
    expect(exitCode(compare(exampleResults(run(1, 1)), exampleResults(run(factor, 2))))).toBe(code)
  })

  test('for a pull request is a table, with what is worse set out', () => {
    const text = markdown(compare(exampleResults(run(1, 1)), exampleResults(run(1.2, 2))))
    expect(text).toMatch(/^\| download \| ours \| .* \| \*\*worse\*\* \|$/m)
    expect(text).toContain('1 worse, 0 better, 0 equal, 0 inconclusive, of 1.')
  })
})

describe('a comparison within one run', () => {
  const within = (before: number, after: number, rounds = 10) =>
    compareWithin(
      exampleResults({
        ours: around(after, 1).slice(0, rounds),
        'base-ours': around(before, 2).slice(0, rounds),
        theirs: around(2, 3),
      }),
    )

  test.each([
    [1, 1, 'equal'],
    [1, 1.2, 'worse'],
    [1.2, 1, 'better'],
  ])('of what was %f and is %f says that it is %s', (before, after, verdict) => {
    const { changes } = within(before, after)
    expect(changes.map(({ target, verdict }) => ({ target, verdict }))).toEqual([{ target: 'ours', verdict }])
  })

  test('takes no other target for one of another checkout, and says how many rounds it takes', () => {
    expect(within(1, 1.2, 4)).toMatchObject({ roundsNeeded: 6, changes: [{ verdict: 'inconclusive' }] })
    expect(compareWithin(exampleResults(run(1, 1))).changes).toEqual([])
  })
})

describe('npm run bench -- compare', () => {
  async function folder(figures: Figures): Promise<string> {
    const place = await mkdtemp(path.join(tmpdir(), 'compare-'))
    onTestFinished(() => rm(place, { recursive: true, force: true }))
    await writeFile(path.join(place, 'results.json'), JSON.stringify(exampleResults(figures)))
    return place
  }

  const bench = (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
    promisify(execFile)(process.execPath, [
      path.join(import.meta.dirname, 'run.ts'),
      'compare',
      ...args,
    ]).then(
      (out) => ({ code: 0, ...out }),
      ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
    )

  test('ends with 3 for what is worse, and writes the table', async () => {
    const [before, after] = [await folder(run(1, 1)), await folder(run(1.2, 2))]
    const table = path.join(after, 'table.md')
    const { code, stdout } = await bench(before, after, '--markdown', table)
    expect([code, stdout]).toEqual([3, expect.stringMatching(/^worse +download +ours/)])
    expect(await readFile(table, 'utf8')).toContain('**worse**')
  })

  test('prints JSON for machines', async () => {
    const [before, after] = [await folder(run(1, 1)), await folder(run(1, 2))]
    const { code, stdout } = await bench(before, after, '--json')
    expect([code, JSON.parse(stdout).changes[0].verdict]).toEqual([0, 'equal'])
  })

  test.each<[string[], RegExp]>([
    [[], /missing required argument/],
    [['/nowhere', '/nowhere'], /there are no results at \/nowhere/],
    [['/nowhere'], /two runs are compared, not 1/],
    [['/a', '/b', '--within'], /one run is looked into, not 2/],
  ])('%j is refused with exit code 2', async (args, expected) => {
    const { code, stderr } = await bench(...args)
    expect([code, stderr]).toEqual([2, expect.stringMatching(expected)])
  })
})
