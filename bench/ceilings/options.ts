/** The command line of `npm run bench -- ceilings`. */

import type { ListedTarget } from '@relayrace/fixtures/target'
import { Command, InvalidArgumentError } from 'commander'
import { bytes, commands, listed, names, ownTargets, parsed, pick, whole } from '../options.ts'
import { MiB } from '../scenarios/scenario.ts'
import { chain } from './chain.ts'
import { type CeilingJob, ceilingJobs, usualBytes } from './jobs.ts'

export interface CeilingsRequest {
  readonly targets: readonly ListedTarget[]
  readonly jobs: readonly CeilingJob[]
  readonly size: number
  readonly share: number
  readonly resolution: number
  readonly steps: number
  readonly runs: number
  /** Undefined is the first that can be had. */
  readonly provider: string | undefined
  /** Where to write; undefined is the usual place. */
  readonly out: string | undefined
  /** Where to read, when nothing is to be measured. */
  readonly report: string | undefined
  readonly json: boolean
  readonly pin: boolean
}

interface Flags {
  readonly target?: string[]
  readonly job?: string[]
  readonly command?: string[]
  readonly size?: number
  readonly share: number
  readonly resolution?: number
  readonly steps: number
  readonly runs: number
  readonly provider?: string
  readonly out?: string
  readonly report?: string
  readonly json?: true
  readonly pin: boolean
  readonly fromSource?: true
}

/** Those that most people ask about first. */
const foremost = ['naive-pipeline', 'http-proxy-3', 'nginx', 'nginx-unbuffered', 'haproxy', 'go-reverseproxy']

const providers = [...chain.keys()].map((name) => ({ name }))

/** Undefined when help was asked for and has been printed. */
export function readCeilingsOptions(args: readonly string[]): CeilingsRequest | undefined {
  const program = commandLine()
  if (!parsed(program, args)) return undefined
  const flags = program.opts<Flags>()
  const own = ownTargets(flags.command ?? [])
  // Without a proxy there is nothing that could be limited.
  const known = [...listed(flags), ...own].filter(({ name }) => name !== 'direct')
  const usual = known.filter(({ kind, name }) => kind === 'strategy' || foremost.includes(name))
  const named = flags.target === undefined ? usual : pick('target', flags.target, known)
  if (flags.provider !== undefined) pick('provider', [flags.provider], providers)
  return {
    targets: [...named, ...own.filter((target) => !named.includes(target))],
    jobs: flags.job === undefined ? ceilingJobs : pick('job', flags.job, ceilingJobs),
    size: flags.size ?? usualBytes,
    share: flags.share,
    resolution: flags.resolution ?? 2 * MiB,
    steps: flags.steps,
    runs: flags.runs,
    provider: flags.provider,
    out: flags.out,
    report: flags.report,
    json: flags.json ?? false,
    pin: flags.pin,
  }
}

const commandLine = (): Command =>
  new Command()
    .name('npm run bench -- ceilings')
    .description(
      'Finds the smallest memory limit under which a target still streams a job at nine tenths of its unlimited speed.',
    )
    .option('-t, --target <names>', 'only these targets, with commas between; `all` is every one', names)
    .option(
      '-j, --job <names>',
      `only these jobs, with commas between: ${ceilingJobs.map(({ name }) => name).join(', ')}`,
      names,
    )
    .option(
      '-c, --command <line>',
      "a proxy of your own: {port} and {upstream} are filled in; NAME='…' names it, otherwise it is `custom`, `custom-2` …",
      commands,
    )
    .option('--size <bytes>', 'of a large body (1GiB)', bytes)
    .option('--share <share>', 'the part of its unlimited speed that it has to keep', share, 0.9)
    .option('--resolution <bytes>', 'how finely to look (2MiB)', bytes)
    .option('--steps <n>', 'trials under a limit of each target in each job, at most', whole, 32)
    .option('-n, --runs <n>', 'trials without a limit, whose median speed is what counts', whole, 3)
    .option(
      '--provider <name>',
      `who limits, instead of the first that can be had: ${[...chain.keys()].join(', ')}`,
    )
    .option('-o, --out <folder>', 'where to write ceilings.json, ceilings.md and ceilings.html')
    .option('--report <folder>', 'writes the reports anew from the ceilings.json there, and measures nothing')
    .option('--json', 'prints JSON on standard output instead of tables')
    .option('--from-source', 'runs our own as they stand here, instead of packed as they are installed')
    .option('--no-pin', 'does not hold the roles to processors of their own')
    .helpOption('-h, --help', 'shows this')
    .addHelpText(
      'after',
      '\nEnds with 0; with 1 when a ceiling was not found; with 2 when it could not begin; with 130 after Ctrl-C.',
    )
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })

function share(text: string): number {
  const value = Number(text)
  if (value > 0 && value <= 1) return value
  throw new InvalidArgumentError('Write a part of one, such as 0.9.')
}
