/** Breaks one thing at a time, and demands that somebody sees it. */

import { spawn } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Mutation, SeenBy } from '../mutations/mutation.ts'
import { copyOf } from './copy.ts'

/**
 * `killed`: a test failed. `hung`: the tests did not come to an end, which is seen too. `survived`: all passed.
 * `gone`: the old text does not stand there exactly once. `unfit`: the tests named do not run, with it or without.
 */
export type Fate = 'killed' | 'hung' | 'survived' | 'gone' | 'unfit'

export interface Judged {
  readonly mutation: Mutation
  readonly fate: Fate
  /** The first test that failed, or what was wrong. */
  readonly why: string
  /** In milliseconds. */
  readonly duration: number
}

export interface Options {
  readonly root: string
  readonly mutations: readonly Mutation[]
  /** Whether the tests are run without a mutation first: a kill says nothing of tests that fail anyway. */
  readonly sound?: boolean
  /** For the tests of one mutation, in milliseconds. */
  readonly limit?: number
  /** In milliseconds: after that, no other is begun. */
  readonly within?: number
  readonly signal?: AbortSignal
  readonly onJudged?: (judged: Judged) => void
}

const usualLimit = 120_000

export const isSeen = ({ fate }: Judged): boolean => fate === 'killed' || fate === 'hung'

/** @returns what became of each, in order; fewer when the signal or the time has ended it. */
export async function mutate(options: Options): Promise<Judged[]> {
  const {
    root,
    mutations,
    sound = true,
    limit = usualLimit,
    within = Number.POSITIVE_INFINITY,
    signal,
  } = options
  const copy = copyOf(root)
  const start = performance.now()
  const known = new Map<string, Promise<Run>>()
  const judged: Judged[] = []
  /** The same tests are run once without a mutation, however many name them. */
  const unbroken = (by: SeenBy): Promise<Run> => {
    const key = JSON.stringify(by)
    const before = known.get(key) ?? runTests(copy.folder, by, limit, signal)
    known.set(key, before)
    return before
  }
  try {
    for (const mutation of mutations) {
      const begun = performance.now()
      if (begun - start > within) break
      const result = await judge(mutation)
      if (signal?.aborted) break
      const one = { mutation, ...result, duration: performance.now() - begun }
      judged.push(one)
      options.onJudged?.(one)
    }
  } finally {
    copy.remove()
  }
  return judged

  async function judge({ file, old, new: changed, seenBy }: Mutation): Promise<Pick<Judged, 'fate' | 'why'>> {
    const place = path.join(copy.folder, file)
    const text = textOf(place)
    const times = text.split(old).length - 1
    if (times !== 1) return { fate: 'gone', why: `its old text stands there ${times} times` }
    if (sound) {
      const { end, why } = await unbroken(seenBy)
      if (end !== 'passed') return { fate: 'unfit', why: `without the mutation: ${why || end}` }
    }
    writeFileSync(
      place,
      text.replace(old, () => changed),
    )
    try {
      const { end, why } = await runTests(copy.folder, seenBy, limit, signal)
      return { fate: fates[end], why }
    } finally {
      writeFileSync(place, text)
    }
  }
}

/** `empty`: there are no such tests, or they could not be loaded. */
interface Run {
  readonly end: 'passed' | 'failed' | 'hung' | 'empty'
  readonly why: string
}

const fates: Readonly<Record<Run['end'], Fate>> = {
  passed: 'survived',
  failed: 'killed',
  hung: 'hung',
  empty: 'unfit',
}

function textOf(place: string): string {
  try {
    return readFileSync(place, 'utf8')
  } catch {
    return ''
  }
}

async function runTests(root: string, by: SeenBy, limit: number, signal?: AbortSignal): Promise<Run> {
  return 'target' in by ? suite(root, by.target, by.only, limit, signal) : vitest(root, by, limit, signal)
}

async function suite(
  root: string,
  target: string,
  only: readonly string[],
  limit: number,
  signal?: AbortSignal,
): Promise<Run> {
  const report = path.join(root, 'mutate-report.json')
  rmSync(report, { force: true })
  const args = ['--from-source', '--target', target, '--only', only.join(','), '--json', report]
  const { code, said } = await run(['packages/conformance/src/cli.ts', ...args], root, limit, signal)
  if (code === undefined) return { end: 'hung', why: '' }
  const text = textOf(report)
  const reports = text === '' ? [] : (JSON.parse(text) as { readonly results: readonly SuiteResult[] }[])
  const results = reports.flatMap((one) => one.results)
  const failed = results.find(isAgainstUs)
  if (failed !== undefined) return { end: 'failed', why: `${failed.id}: ${failed.why}` }
  const last = said.trim().slice(-200)
  if (!results.some(({ verdict }) => verdict === 'pass')) return { end: 'empty', why: last }
  return { end: code === 0 ? 'passed' : 'failed', why: last }
}

interface SuiteResult {
  readonly id: string
  readonly level: string
  readonly verdict: string
  readonly why: string
  readonly deviation?: string
}

/** As our own strategies are judged in their tests: by every SHOULD too, and by a deviation that is none any more. */
function isAgainstUs({ verdict, level, deviation }: SuiteResult): boolean {
  if (verdict === 'pass') return deviation !== undefined
  return verdict !== 'skipped' && level !== 'MAY' && deviation === undefined
}

interface VitestReport {
  readonly numPassedTests: number
  readonly testResults: readonly {
    readonly status: string
    readonly message?: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly fullName: string
    }[]
  }[]
}

async function vitest(
  root: string,
  by: Extract<SeenBy, { folder: string }>,
  limit: number,
  signal?: AbortSignal,
): Promise<Run> {
  const cwd = path.join(root, by.folder)
  const report = path.join(root, 'mutate-report.json')
  rmSync(report, { force: true })
  const args = [
    path.join(root, 'node_modules/vitest/vitest.mjs'),
    ...['run', ...by.files, '--bail=1', '--reporter=json', `--outputFile.json=${report}`],
    ...['--testTimeout=30000', '--hookTimeout=30000', '--expect.poll.timeout=10000'],
    ...(by.name === undefined ? [] : ['-t', by.name]),
  ]
  const { code, said } = await run(args, cwd, limit, signal)
  if (code === undefined) return { end: 'hung', why: '' }
  const text = textOf(report)
  if (text === '') return { end: 'empty', why: said.trim().slice(-200) }
  const { numPassedTests, testResults } = JSON.parse(text) as VitestReport
  const failed = testResults.flatMap(({ assertionResults }) => assertionResults)
  const first = failed.find(({ status }) => status === 'failed')
  if (first !== undefined) return { end: 'failed', why: first.fullName }
  const unloaded = testResults.find(({ status }) => status === 'failed')
  if (unloaded !== undefined) return { end: 'empty', why: unloaded.message?.split('\n')[0] ?? '' }
  if (code !== 0) return { end: 'failed', why: 'an error that belongs to no test' }
  return numPassedTests === 0 ? { end: 'empty', why: 'no test has run' } : { end: 'passed', why: '' }
}

/** In a group of its own: whatever it has started ends with it. @returns no code when it had to be ended. */
async function run(
  args: readonly string[],
  cwd: string,
  limit: number,
  signal?: AbortSignal,
): Promise<{ code: number | undefined; said: string }> {
  if (signal?.aborted) return { code: undefined, said: '' }
  const child = spawn(process.execPath, args, {
    cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', VITEST: undefined, VITEST_MODE: undefined, NODE_ENV: undefined },
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-20_000)
    })
  }
  let ended = false
  const end = (): void => {
    ended = true
    killGroup(child.pid)
  }
  const timer = setTimeout(end, limit)
  signal?.addEventListener('abort', end, { once: true })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  clearTimeout(timer)
  signal?.removeEventListener('abort', end)
  // What a broken test has left behind.
  if (!ended) killGroup(child.pid)
  return { code: ended ? undefined : (code ?? 1), said }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left of it.
  }
}
