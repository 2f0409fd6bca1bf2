/** `npm run bench -- check-load`: whether our client and those of others say the same of the same targets. */

import { onInterrupt } from '@relayrace/fixtures/interrupt'
import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { usage } from '@relayrace/fixtures/proc'
import { seeded, shuffled } from '@relayrace/fixtures/random'
import type { ListedTarget, Program } from '@relayrace/fixtures/target'
import { Command } from 'commander'
import { startLoad } from '../load/drive.ts'
import { bytesPath } from '../load/sink.ts'
import { pinning } from '../measure/pinning.ts'
import { commands, listed, names, ownTargets, parsed, pick, UsageError, whole } from '../options.ts'
import { number } from '../report/numbers.ts'
import { heldTo } from '../sample.ts'
import { KiB } from '../scenarios/scenario.ts'
import { median } from '../statistics/describe.ts'
import { agreement, type Figures, tolerance } from './agree.ts'
import { type Engine, engines, runEngine } from './engines.ts'

interface Flags {
  readonly target?: string[]
  readonly command?: string[]
  readonly rounds: number
  readonly seconds: number
  readonly pin: boolean
  readonly fromSource?: true
}

const usual = ['direct', 'nginx', 'duplex-server', 'pipe-proxy']
const connections = 32
const bytes = KiB
const warmUp = 30_000
const say = (message: string): void => console.error(message)

type Client = (running: Program) => Promise<Figures>

/** @returns 0 when they agree on every target, 1 when they do not. @throws UsageError when it cannot begin. */
export async function checkLoad(args: readonly string[]): Promise<number> {
  const program = commandLine()
  if (!parsed(program, args)) return 0
  const flags = program.opts<Flags>()
  const own = ownTargets(flags.command ?? [])
  const targets = [...pick('target', flags.target ?? usual, [...listed(flags), ...own]), ...own]
  const present = await presentOf(targets)
  const others: Engine[] = []
  for (const engine of engines) {
    const version = await engine.version()
    say(
      version === undefined
        ? `${engine.name}: not installed; ${engine.install}`
        : `${engine.name} ${version}`,
    )
    if (version !== undefined) others.push(engine)
  }
  if (others.length === 0) throw new UsageError('there is no client to compare ours with')

  using interrupt = onInterrupt(() => say('Stopping.'))
  const pins = flags.pin ? pinning() : undefined
  const prefix = heldTo(pins?.others)
  await using origin = await startBulkOrigin({ prefix })
  const clients = new Map<string, Client>([
    ['ours', (running) => byOurs(running, flags.seconds, prefix)],
    ...others.map(
      (engine) =>
        [engine.name, (running: Program) => byEngine(engine, running, flags.seconds, prefix)] as const,
    ),
  ])
  const figures = new Map(present.map(({ name }) => [name, new Map<string, Figures[]>()]))
  const random = seeded(1)
  for (let round = 1; round <= flags.rounds; round++) {
    for (const target of shuffled(present, random)) {
      await using running = await target.start(origin.url, { prefix: heldTo(pins?.target) })
      for (const [name, client] of shuffled([...clients], random)) {
        if (interrupt.signal.aborted) return interrupt.exitCode
        const taken = await client(running)
        say(`round ${round}, ${target.name}, ${name}: ${number(taken.rate)} /s, ${cpuText(taken.cpu)}`)
        const mine = figures.get(target.name) as Map<string, Figures[]>
        mine.set(name, [...(mine.get(name) ?? []), taken])
      }
    }
  }
  return conclude(figures, others)
}

function conclude(
  figures: ReadonlyMap<string, ReadonlyMap<string, readonly Figures[]>>,
  others: readonly Engine[],
): number {
  let all = true
  for (const [target, by] of figures) {
    const ours = by.get('ours') ?? []
    console.log(`${target}: ours ${middle(ours)}`)
    for (const { name } of others) {
      const theirs = by.get(name) ?? []
      const { rate, cpu, agree } = agreement(ours, theirs)
      if (agree === false) all = false
      const word = agree === undefined ? 'no process to judge by' : agree ? 'they agree' : 'they do not agree'
      const times = cpu === null ? '' : `CPU ${number(cpu)} ×, `
      console.log(`  ${name} ${middle(theirs)}; ours by it: ${times}rate ${number(rate)} ×: ${word}`)
    }
  }
  console.log(
    `They agree where the processor time of a request, by ours and by theirs, is within ${tolerance * 100} %. The rate is also that of client and origin.`,
  )
  return all ? 0 : 1
}

const middle = (all: readonly Figures[]): string =>
  `${number(median(all.map(({ rate }) => rate)))} /s, ${cpuText(all.some(({ cpu }) => cpu === null) ? null : median(all.map(({ cpu }) => cpu ?? Number.NaN)))}`

const cpuText = (cpu: number | null): string => (cpu === null ? 'no process' : `${number(cpu)} µs/request`)

async function byOurs(running: Program, seconds: number, prefix: readonly string[]): Promise<Figures> {
  await using load = startLoad(prefix)
  const amount = await ratePer(running, prefix).then((rate) => Math.max(1000, Math.round(rate * seconds)))
  const early = await load.prepare({ kind: 'saturate', connections, amount, warmUp: 500, bytes }, running.url)
  if (Object.keys(early).length > 0) throw new Error(`ours went wrong: ${JSON.stringify(early)}`)
  const before = cpuOf(running)
  const { exchanges, seconds: took, problems } = await load.go(async () => {})
  const after = cpuOf(running)
  if (Object.keys(problems).length > 0) throw new Error(`ours went wrong: ${JSON.stringify(problems)}`)
  return figuresOf(exchanges, took, before, after)
}

/** Warms the target up and says about how much can be asked of it in a second. */
async function ratePer(running: Program, prefix: readonly string[]): Promise<number> {
  await using load = startLoad(prefix)
  await load.prepare({ kind: 'saturate', connections, amount: 3_000, warmUp, bytes }, running.url)
  const { exchanges, seconds } = await load.go(async () => {})
  return exchanges / seconds
}

async function byEngine(
  engine: Engine,
  running: Program,
  seconds: number,
  prefix: readonly string[],
): Promise<Figures> {
  await ratePer(running, prefix)
  const before = cpuOf(running)
  const url = new URL(bytesPath(bytes, 1), running.url).href
  const { requests, seconds: took, failed } = await runEngine(engine, url, { connections, seconds }, prefix)
  const after = cpuOf(running)
  if (failed > 0) throw new Error(`${engine.name}: ${failed} of ${requests} went wrong`)
  return figuresOf(requests, took, before, after)
}

const cpuOf = ({ pid }: Program): number | undefined => (pid === undefined ? undefined : usage(pid)?.cpu)

const figuresOf = (
  requests: number,
  seconds: number,
  before: number | undefined,
  after: number | undefined,
): Figures => ({
  rate: requests / seconds,
  cpu: before === undefined || after === undefined ? null : ((after - before) / requests) * 1e6,
})

async function presentOf(targets: readonly ListedTarget[]): Promise<ListedTarget[]> {
  const present: ListedTarget[] = []
  for (const target of targets) {
    if ((await target.version()) === undefined) say(`${target.name}: not installed; ${target.install}`)
    else {
      await target.prepare?.(say)
      present.push(target)
    }
  }
  if (present.length === 0) throw new UsageError('nothing to measure')
  return present
}

function commandLine(): Command {
  return new Command()
    .name('npm run bench -- check-load')
    .description(
      'Asks the same targets for small requests at saturation by our client and by wrk and h2load, and says whether they agree.',
    )
    .option('-t, --target <names>', `these targets, with commas between (${usual.join(',')})`, names)
    .option('-c, --command <line>', 'a proxy of your own, as in `npm run bench`', commands)
    .option('-n, --rounds <n>', 'of each client at each target', whole, 3)
    .option('--seconds <n>', 'of each client in each round', whole, 3)
    .option('--from-source', 'runs our own as they stand here')
    .option('--no-pin', 'does not hold the roles to processors of their own')
    .helpOption('-h, --help', 'shows this')
    .addHelpText('after', '\nEnds with 0; with 1 when they do not agree; with 2 when it could not begin.')
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
}
