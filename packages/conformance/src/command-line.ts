/** The command line: chooses targets and cases, shows progress, writes reports, and ends with an exit code. */

import { readFileSync } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { command, namedCommand, started } from '@relayrace/fixtures/command'
import { onInterrupt } from '@relayrace/fixtures/interrupt'
import type { Capability, Target } from '@relayrace/fixtures/target'
import { Missed } from '@relayrace/fixtures/wire'
import { cases } from './cases/index.ts'
import { Failed } from './expect.ts'
import { jsonReport } from './report/json.ts'
import { junitReport } from './report/junit.ts'
import { markdown } from './report/markdown.ts'
import { matrix } from './report/matrix.ts'
import { page } from './report/page.ts'
import { isFailure, type Report, type Result, run } from './run.ts'
import { NotStarted } from './session.ts'

/** What can be judged by name. */
export interface Known {
  /** What starts this command line, for reports. */
  readonly command: string
  /** Of our own strategies among them every failure may be published. */
  readonly targets: readonly Target[]
  /** The same, our own from their sources. */
  readonly fromSource?: readonly Target[]
  deviations(name: string): Readonly<Record<string, string>>
  /** What is published names more to read: a line of Markdown. */
  readonly note?: string | undefined
}

const optional = ['trailers', 'informational', 'upgrade'] as const satisfies readonly Capability[]
const extra = ['h2', 'log', 'resolver'] as const satisfies readonly Capability[]

const called = (known: Known | undefined): string => known?.command ?? 'conformance'

const usage = (known: Known | undefined): string => `Usage: ${called(known)} [options]

What to judge, one of
${byName(known)}  --command 'LINE'          a program to start; {port} and {upstream} are replaced
                            ({upstreamHost} and {upstreamPort} as well); may be repeated,
                            and named: NAME='LINE'
  --url URL --origin-port N a proxy that runs already, with http://127.0.0.1:N as its upstream

What it is, when --command or --url names it
  --lacks NAME[,NAME]       what it leaves out on purpose: ${optional.join(', ')}
  --has NAME[,NAME]         what few have: ${extra.join(', ')}

What to hold it to
  --only PREFIX[,PREFIX]    cases whose id begins so: FRAME, TRLR-0, HDR-02
  --seed N                  for the random splits; 1
  --lanes N                 how many instances at a time; 4
${sources(known)}
What to write
  --json FILE   --junit FILE
  --html FILE               a page with both sides of the wire, for yourself
  --markdown FILE           what can be published: of other people's software only counts
                            and what has been reported
  --transcript ID           both sides of the wire for this case
  --list                    names and cases, and nothing is run
  --version                 prints the version, and nothing is run

Ctrl-C ends the run; what has been judged by then is written, marked as incomplete.
`

const sources = (known: Known | undefined): string =>
  known?.fromSource
    ? '  --from-source             our own as they stand here, instead of as they are installed\n'
    : ''

const namesOf = (known: Known | undefined): string[] => known?.targets.map(({ name }) => name) ?? []

const ourNames = (known: Known | undefined): string[] =>
  known?.targets.filter(({ kind }) => kind === 'strategy').map(({ name }) => name) ?? []

const byName = (known: Known | undefined): string =>
  known
    ? `  --target NAME[,NAME]      by name (see --list), one after another; when nothing is said:
                            ${ourNames(known).join(',')}
`
    : ''

const options = {
  target: { type: 'string', multiple: true },
  command: { type: 'string', multiple: true },
  url: { type: 'string' },
  'origin-port': { type: 'string' },
  lacks: { type: 'string', multiple: true },
  has: { type: 'string', multiple: true },
  only: { type: 'string', multiple: true },
  seed: { type: 'string' },
  lanes: { type: 'string' },
  'from-source': { type: 'boolean' },
  json: { type: 'string' },
  junit: { type: 'string' },
  html: { type: 'string' },
  markdown: { type: 'string' },
  transcript: { type: 'string' },
  list: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const satisfies ParseArgsConfig['options']

const files = ['json', 'junit', 'html', 'markdown'] as const

class UsageError extends Error {}

/**
 * Resolves with the exit code: 0, 1 when a MUST fails that is no declared deviation, 2 when the command line was not
 * understood or what it names does not start, 128 and its number when a signal has stopped it.
 */
export async function main(argv: readonly string[], known?: Known): Promise<number> {
  const interrupt = onInterrupt(() => {
    process.stderr.write('Stopping: what was judged so far will be written. Ctrl-C again to stop at once.\n')
  })
  process.on('unhandledRejection', passOver)
  // Who reads along may have seen enough: `| head`.
  process.stdout.on('error', leave)
  try {
    const code = await judge(argv, known, interrupt.signal)
    return interrupt.signal.aborted ? interrupt.exitCode : code
  } catch (error) {
    if (error instanceof UsageError)
      process.stderr.write(`${error.message}\nAll options: ${called(known)} --help\n`)
    else if (error instanceof NotStarted) process.stderr.write(`${error.message}\n`)
    else throw error
    return 2
  } finally {
    interrupt[Symbol.dispose]()
    process.off('unhandledRejection', passOver)
    process.stdout.off('error', leave)
  }
}

/** What a case left behind when it had failed already is no news. */
function passOver(error: unknown): void {
  if (!(error instanceof Missed || error instanceof Failed)) throw error
}

function leave(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
  process.exit()
}

async function judge(
  argv: readonly string[],
  known: Known | undefined,
  signal: AbortSignal,
): Promise<number> {
  const given = understand(argv)
  if (given.help) {
    process.stdout.write(usage(known))
    return 0
  }
  if (given.version) {
    process.stdout.write(`conformance ${version()}\n`)
    return 0
  }
  if (given.list) {
    process.stdout.write(listing(known))
    return 0
  }
  const only = split(given.transcript === undefined ? given.only : [...(given.only ?? []), given.transcript])
  for (const prefix of only ?? [])
    if (!cases.some(({ id }) => id.startsWith(prefix)))
      throw new UsageError(`no case begins with "${prefix}"; there are: ${chapters().join(', ')}`)
  const seed = given.seed === undefined ? {} : { seed: whole(given.seed, '--seed') }
  const lanes = given.lanes === undefined ? {} : { lanes: whole(given.lanes, '--lanes') }
  if (lanes.lanes === 0) throw new UsageError('--lanes must be at least 1')
  const targets = await targetsOf(given, known)
  await prepare(given)

  const reports: Report[] = []
  for (const target of targets) {
    const progress = progressOf(target.name)
    const report = await run(target, {
      ...(only ? { only } : {}),
      ...seed,
      ...lanes,
      deviations: known?.deviations(target.name) ?? {},
      onResult: progress.step,
      signal,
    })
    progress.end(report)
    reports.push(report)
    if (given.transcript !== undefined)
      for (const { id, transcript } of report.results)
        if (id.startsWith(given.transcript))
          process.stdout.write(`\n${id} on ${target.name}\n${transcript}\n`)
  }
  if (reports.length === 0) return 2
  process.stdout.write(`\n${matrix(reports)}\n`)
  await write(given, reports, known)
  return reports.some(({ failures }) => failures.length > 0) ? 1 : 0
}

/** What cannot be written is known before anything is judged. */
async function prepare(given: Given): Promise<void> {
  for (const option of files) {
    const file = given[option]
    if (file === undefined) continue
    try {
      await (await open(file, 'a')).close()
    } catch (error) {
      throw new UsageError(`--${option} cannot be written: ${(error as Error).message}`)
    }
  }
}

async function write(given: Given, reports: readonly Report[], known: Known | undefined): Promise<void> {
  const origin = {
    command: again(given, known),
    date: new Date(),
    platform: `Node ${process.version} on ${process.platform} ${process.arch}`,
  }
  if (given.json !== undefined) await writeFile(given.json, jsonReport(reports))
  if (given.junit !== undefined) await writeFile(given.junit, junitReport(reports))
  if (given.html !== undefined) await writeFile(given.html, page(reports, origin))
  if (given.markdown !== undefined)
    await writeFile(
      given.markdown,
      markdown(reports, { ...origin, ours: ourNames(known), note: known?.note }),
    )
}

type Given = ReturnType<typeof understand>

function understand(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}

/** The command without what it was to write. */
function again(given: Given, known: Known | undefined): string {
  const shaping = [
    'target',
    'command',
    'url',
    'origin-port',
    'lacks',
    'has',
    'only',
    'seed',
    'lanes',
  ] as const
  const said: string[] = shaping.flatMap((name) => {
    const value = given[name]
    if (value === undefined) return []
    const texts = typeof value === 'string' ? [value] : name === 'command' ? value : [value.join(',')]
    return texts.map((text) => `--${name} ${/^[\w.,:/-]+$/.test(text) ? text : `'${text}'`}`)
  })
  if (given['from-source']) said.push('--from-source')
  return [known?.command ?? 'npx @relayrace/conformance', ...said].join(' ')
}

async function targetsOf(given: Given, known: Known | undefined): Promise<Target[]> {
  const ways = [given.target, given.command, given.url].filter((way) => way !== undefined).length
  if (ways > 1) throw new UsageError('--target, --command and --url exclude each other: give one of them')
  if (ways === 0 && !known) throw new UsageError('say what to judge, with --command or --url')
  const names = split(given.target) ?? ourNames(known)
  if (names.length === 0 && given.target) throw new UsageError('--target needs a name')
  const declared = {
    lacks: named(given.lacks, optional, '--lacks'),
    has: named(given.has, extra, '--has'),
  }
  if (given.command !== undefined) {
    if (given.command.some((line) => !line.includes('{port}')))
      throw new UsageError('--command needs {port} in it, where your proxy is told what to listen on')
    return distinct(
      given.command.map((text) => {
        const { name, line } = namedCommand(text)
        return { ...command(line, name), ...declared }
      }),
    )
  }
  if (given.url !== undefined) {
    if (!URL.canParse(given.url))
      throw new UsageError(`--url is not a URL, such as http://127.0.0.1:8080: ${given.url}`)
    if (given['origin-port'] === undefined)
      throw new UsageError('--url needs --origin-port, the port that the proxy there asks')
    const origin = whole(given['origin-port'], '--origin-port')
    return [{ ...started(new URL(given.url), origin), ...declared }]
  }
  if (!known) throw new UsageError('there are no targets by name here; use --command or --url')
  const listed = given['from-source'] ? (known.fromSource ?? known.targets) : known.targets
  const chosen = names.map((name) => {
    const found = listed.find((target) => target.name === name)
    if (found) return found
    throw new UsageError(`no target "${name}"; there are: ${namesOf(known).join(', ')}`)
  })
  const present: Target[] = []
  for (const target of chosen) {
    if ((await target.version?.()) !== undefined) {
      await target.prepare?.((message) => process.stderr.write(`${message}\n`))
      present.push(target)
    } else process.stderr.write(`${target.name} is skipped: not installed; ${target.install}\n`)
  }
  return present
}

/** The second of a name has a number behind it. */
function distinct(targets: readonly Target[]): Target[] {
  return targets.map((target, index) => {
    const before = targets.slice(0, index).filter(({ name }) => name === target.name).length
    return before === 0 ? target : { ...target, name: `${target.name}-${before + 1}` }
  })
}

const split = (values: readonly string[] | undefined): string[] | undefined =>
  values?.flatMap((value) => value.split(',')).filter((value) => value !== '')

function named<Name extends string>(
  given: readonly string[] | undefined,
  possible: readonly Name[],
  option: string,
): Name[] {
  return (split(given) ?? []).map((text) => {
    const name = possible.find((each) => each === text)
    if (name === undefined) throw new UsageError(`${option} knows ${possible.join(', ')}; not "${text}"`)
    return name
  })
}

function whole(text: string, option: string): number {
  if (!/^\d+$/.test(text)) throw new UsageError(`${option} is not a whole number: ${text}`)
  return Number(text)
}

const chapters = (): string[] => [...new Set(cases.map(({ id }) => id.split('-')[0] ?? id))]

function listing(known: Known | undefined): string {
  const targets = known
    ? `Targets\n${namesOf(known)
        .map((name) => `  ${name}\n`)
        .join('')}\n`
    : ''
  const lines = cases.map(
    ({ id, level, title, rule }) => `  ${id.padEnd(10)} ${level.padEnd(7)}${title} (${rule})\n`,
  )
  return `${targets}An intermediary …\n${lines.join('')}`
}

function progressOf(name: string): { step: (result: Result) => void; end: (report: Report) => void } {
  const counts = { pass: 0, fail: 0, crash: 0, skipped: 0, 'harness failed': 0 }
  const live = process.stderr.isTTY
  return {
    step(result) {
      counts[result.verdict]++
      const said = Object.entries(counts).filter(([, count]) => count > 0)
      if (live)
        process.stderr.write(`\r\x1b[K${name}: ${said.map(([key, count]) => `${count} ${key}`).join(', ')}`)
      else if (isFailure(result))
        process.stderr.write(`${name}: ${result.id} ${result.verdict}: ${result.why}\n`)
    },
    end({ duration, seed, results }) {
      const seconds = (duration / 1000).toFixed(1)
      process.stderr.write(
        `${live ? '\r\x1b[K' : ''}${name}: ${results.length} cases in ${seconds} s, seed ${seed}\n`,
      )
    },
  }
}
