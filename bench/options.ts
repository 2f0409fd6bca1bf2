/** The command line: what may be asked for, and a refusal that helps when it may not. */

import { existsSync } from 'node:fs'
import path from 'node:path'
import { command, namedCommand } from '@relayrace/fixtures/command'
import { parseSize } from '@relayrace/fixtures/payloads'
import type { Kind, ListedTarget } from '@relayrace/fixtures/target'
import {
  faults,
  targets as fromSource,
  shippedFrom,
  shippedTargets,
  soundRelay,
} from '@relayrace/fixtures/targets'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { closestMatch } from 'leven'
import { readers, withBuffer } from './buffers.ts'
import { type Preset, presets } from './presets.ts'
import { type Profiler, profilers } from './profile/profilers.ts'
import { scenarios } from './scenarios/index.ts'
import { type Scale, type Scenario, scaleOf } from './scenarios/scenario.ts'

export interface Request {
  readonly action: 'run' | 'resume' | 'profile' | 'list' | 'report' | 'readme'
  readonly preset: Preset
  readonly targets: readonly ListedTarget[]
  readonly scenarios: readonly Scenario[]
  /** How much of a scenario is measured. */
  readonly scaleOf: (scenario: Scenario) => Scale
  readonly rounds: number
  readonly seed: number
  readonly base: string | undefined
  /** Whose verdicts are shown at the end. */
  readonly versus: readonly [string, string] | undefined
  /** Only for `profile`. */
  readonly profiler: Profiler | undefined
  /** For `run` and `profile`: where to write; undefined is the usual place. For `report`: where to read and write. */
  readonly folder: string | undefined
  readonly json: boolean
  readonly force: boolean
  readonly pin: boolean
}

/** What was asked for cannot be done. The message says what can. */
export class UsageError extends Error {}

export function refusing(what: string): (error: Error) => never {
  return (error) => {
    throw new UsageError(`${what}: ${error.message}`)
  }
}

interface Flags {
  readonly preset: string
  readonly target?: string[]
  readonly scenario?: string[]
  readonly command?: string[]
  readonly size?: number
  readonly buffer?: number[]
  readonly rounds?: number
  readonly seed?: number
  readonly base?: string
  readonly versus?: string[]
  readonly against?: string
  readonly out?: string
  readonly report?: string
  readonly resume?: string
  readonly profile?: string
  readonly readme?: true
  readonly list?: true
  readonly json?: true
  readonly force?: true
  readonly pin: boolean
  readonly fromSource?: true
}

/** Undefined when help was asked for and has been printed. */
export function readOptions(args: readonly string[]): Request | undefined {
  const program = commandLine()
  if (!parsed(program, args)) return undefined
  const flags = program.opts<Flags>()
  const preset = oneOf('preset', flags.preset, presets)
  const targets = listed(flags)
  const own = ownTargets(flags.command ?? [])
  const known = [...targets, ...planted, ...own]
  const profiler = flags.profile === undefined ? undefined : oneOf('profiler', flags.profile, profilers)
  // What is profiled is usually one of ours.
  const usual = profiler
    ? {
        targets: targets.filter(({ kind }) => kind === 'strategy'),
        scenarios: scenarios.filter(({ name }) => name === 'download'),
      }
    : { targets: targets.filter(preset.includes), scenarios: scenarios.filter(({ byName }) => !byName) }
  const named = flags.target === undefined ? usual.targets : pick('target', flags.target, known)
  // Who gives a command wants it measured.
  const mine = withBuffers(flags.buffer, [...named, ...own.filter((target) => !named.includes(target))])
  const chosen = flags.against === undefined ? mine : [...mine, ...otherCheckout(flags.against, mine)]
  const action = actionOf(flags)
  return {
    action,
    preset,
    targets: chosen,
    scenarios: flags.scenario === undefined ? usual.scenarios : pick('scenario', flags.scenario, scenarios),
    scaleOf: (scenario) => scaleOf(scenario, preset.scale, flags.size),
    rounds: flags.rounds ?? preset.rounds,
    seed: flags.seed ?? Math.floor(Math.random() * 2 ** 32),
    base: flags.base === undefined ? undefined : baseOf(flags.base, action, chosen, known),
    versus: flags.versus && twoOf(flags.versus),
    profiler,
    folder: flags.report ?? flags.resume ?? flags.out,
    json: flags.json ?? false,
    force: flags.force ?? false,
    pin: flags.pin,
  }
}

/** By name only: they are wrong on purpose. */
const planted: readonly ListedTarget[] = [soundRelay, ...faults]

/** False when help was asked for and has been printed. @throws UsageError when the command is wrong. */
export function parsed(program: Command, args: readonly string[]): boolean {
  try {
    program.parse(args, { from: 'user' })
    return true
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return false
    throw new UsageError(error.message.replace(/^error: /, ''))
  }
}

/** Our own as they are installed, unless what stands here is asked for. */
export const listed = ({ fromSource: source }: { readonly fromSource?: true }): readonly ListedTarget[] =>
  source ? fromSource : shippedTargets

/** Those without a name are called custom, custom-2, custom-3. */
export function ownTargets(commands: readonly string[]): ListedTarget[] {
  let unnamed = 0
  const own = commands.map((text) => {
    const { name, line } = namedCommand(text)
    if (name === undefined) unnamed++
    return command(line, name ?? (unnamed === 1 ? 'custom' : `custom-${unnamed}`))
  })
  const taken = [...fromSource, ...own].map(({ name }) => name)
  const twice = own.find(({ name }) => taken.indexOf(name) !== taken.lastIndexOf(name))
  if (twice) throw new UsageError(`there are two targets named ${twice.name}; write --command NAME='…'`)
  return own
}

function actionOf({ list, readme, report, resume, profile }: Flags): Request['action'] {
  if (list) return 'list'
  if (readme) return 'readme'
  if (report !== undefined) return 'report'
  if (resume !== undefined) return 'resume'
  return profile === undefined ? 'run' : 'profile'
}

function otherCheckout(folder: string, targets: readonly ListedTarget[]): ListedTarget[] {
  const root = path.resolve(folder)
  if (!existsSync(path.join(root, 'packages')))
    throw new UsageError(`--against: there is no checkout at ${folder}`)
  const found = targets.filter(({ kind }) => kind === 'strategy').map((target) => shippedFrom(root, target))
  if (found.length === 0) throw new UsageError('--against is for our own, and none is measured')
  return found
}

function twoOf(names: readonly string[]): readonly [string, string] {
  const [one, other, ...more] = names
  if (one !== undefined && other !== undefined && more.length === 0) return [one, other]
  throw new UsageError('--versus takes two targets: --versus A,B')
}

/** Ratios to what is not measured would be none. */
function baseOf(
  name: string,
  action: Request['action'],
  chosen: readonly ListedTarget[],
  known: readonly ListedTarget[],
): string {
  if (action !== 'run') throw new UsageError('--base is for measuring')
  if (chosen.some((target) => target.name === name)) return name
  oneOf('target', name, [...new Set([...known, ...chosen])])
  throw new UsageError(
    `--base ${name} is not among the targets to measure: ${chosen.map((target) => target.name).join(', ')}`,
  )
}

/** Each target that has such buffers once with each size, and the others as they are. */
function withBuffers(
  sizes: readonly number[] | undefined,
  chosen: readonly ListedTarget[],
): readonly ListedTarget[] {
  if (sizes === undefined) return chosen
  if (!chosen.some(({ name }) => readers.includes(name))) {
    throw new UsageError(`--buffer is for ${readers.join(', ')}`)
  }
  return chosen.flatMap((target) =>
    readers.includes(target.name) ? sizes.map((size) => withBuffer(target, size)) : [target],
  )
}

function commandLine(): Command {
  return new Command()
    .name('npm run bench --')
    .description(
      'Measures what it costs to stream HTTP through a proxy, ours and others, and checks every byte.',
    )
    .option(
      '-p, --preset <name>',
      `how much to measure: ${presets.map(({ name }) => name).join(', ')}`,
      'quick',
    )
    .option('-t, --target <names>', 'only these targets, with commas between; `all` is every one', names)
    .option(
      '-s, --scenario <names>',
      `only these scenarios, with commas between; \`all\` is every one: ${scenarios.map(({ name }) => name).join(', ')}`,
      names,
    )
    .option(
      '-c, --command <line>',
      "a proxy of your own: {port} and {upstream} are filled in; NAME='…' names it, otherwise it is `custom`, `custom-2` …",
      commands,
    )
    .option('--size <bytes>', 'of the bulk transfers, such as 256MiB', bytes)
    .option(
      '--buffer <sizes>',
      `${readers.join(', ')} with such read buffers, with commas between, each a target of its own`,
      (text: string, earlier: readonly number[] = []) => [...earlier, ...text.split(',').map(bytes)],
    )
    .option('-n, --rounds <n>', 'samples of each target in each scenario', whole)
    .option('--seed <n>', 'repeats the order of an earlier run', whole)
    .option('--base <target>', 'what ratios refer to (http-proxy-3)')
    .option(
      '--against <folder>',
      'measures our own of another checkout as well, as `base-NAME`; `compare FOLDER --within` says what has changed',
    )
    .option('--versus <A,B>', 'says of these two what the run says of them, question by question', names)
    .option('-o, --out <folder>', 'where to write results.json, report.md and report.html')
    .option(
      '--resume <folder>',
      'takes the samples that an interrupted run has not taken; its command is known',
    )
    .option('--report <folder>', 'writes the reports anew from the results.json there, and measures nothing')
    .option(
      '--profile <profiler>',
      `looks at targets with a profiler instead of measuring them: ${profilers.map(({ name }) => name).join(', ')}`,
    )
    .option(
      '--readme',
      'writes the newest committed results into README.md and docs/memory.md, and measures nothing',
    )
    .option('-l, --list', 'shows targets, scenarios and presets')
    .option('--json', 'prints JSON on standard output instead of tables')
    .option(
      '--from-source',
      'runs our own as they stand here, instead of built and packed as they are installed: quick to start, not what users have',
    )
    .option('--no-pin', 'does not hold the roles to processors of their own')
    .option('--force', 'publishes from a machine that is not quiet all the same')
    .helpOption('-h, --help', 'shows this')
    .addHelpText(
      'after',
      '\nEnds with 0; with 1 when a sample went wrong; with 2 when it could not begin; with 130 after Ctrl-C.' +
        '\n\n`npm run bench -- ceilings` finds memory ceilings, `npm run bench -- compare` says what has become better' +
        '\nor worse from one run to another, `npm run bench -- check-load` whether clients of others agree with ours:' +
        '\neach has a --help of its own.',
    )
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
}

/** In the order of the names; `all` is everything there is. */
export const pick = <T extends { readonly name: string; readonly kind?: Kind }>(
  what: string,
  list: readonly string[],
  known: readonly T[],
): readonly T[] =>
  list.includes('all')
    ? known.filter(({ kind }) => kind !== 'fault')
    : list.map((name) => oneOf(what, name, known))

function oneOf<T extends { readonly name: string }>(what: string, name: string, known: readonly T[]): T {
  const found = known.find((one) => one.name === name)
  if (found) return found
  const all = known.map((one) => one.name)
  const near = closestMatch(name, all, { maxDistance: 3 })
  const hint = near === undefined ? '' : ` Did you mean ${near}?`
  throw new UsageError(`there is no ${what} "${name}".${hint} There are: ${all.join(', ')}`)
}

export function names(text: string, earlier: readonly string[] = []): string[] {
  const list = text
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  if (list.length === 0) throw new InvalidArgumentError('It names nothing.')
  return [...new Set([...earlier, ...list])]
}

export function commands(text: string, earlier: readonly string[] = []): string[] {
  if (!text.includes('{port}')) {
    throw new InvalidArgumentError('It needs {port} in it, where the proxy has to listen.')
  }
  return [...earlier, text]
}

export function bytes(text: string): number {
  try {
    const size = parseSize(text)
    if (size >= 1024) return size
  } catch {
    // Said below.
  }
  throw new InvalidArgumentError('Write a size from 1KiB on, such as 65536, 64MiB or 1GiB.')
}

export function whole(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 1 && /^\d+$/.test(text)) return value
  throw new InvalidArgumentError('Write a whole number from 1 on.')
}
