/** `npm run bench -- ceilings`: finds memory ceilings, shows them, writes them. */

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import path from 'node:path'
import { type Interrupt, onInterrupt } from '@relayrace/fixtures/interrupt'
import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { recordOf } from '../listing.ts'
import { listenForNoise } from '../measure/machine.ts'
import { pinning } from '../measure/pinning.ts'
import { provenance } from '../measure/provenance.ts'
import { refusing, UsageError } from '../options.ts'
import { counted, number } from '../report/numbers.ts'
import { heldTo } from '../sample.ts'
import { size } from '../scenarios/scenario.ts'
import { typed } from '../typed.ts'
import { makeOwnFolder, put, shortest } from '../write.ts'
import { chain } from './chain.ts'
import { findCeiling } from './find.ts'
import { type CeilingsRequest, readCeilingsOptions } from './options.ts'
import { page } from './page.ts'
import { type Choice, chooseProvider } from './provider.ts'
import { type Ceilings, parseCeilings, type SearchRecord, schemaName, type TrialRecord } from './results.ts'
import { markdown, outcomeWords, terminal } from './tables.ts'

const say = (message: string): void => console.error(message)

/** @returns the exit code. @throws UsageError when it cannot begin. */
export async function ceilings(args: readonly string[]): Promise<number> {
  const request = readCeilingsOptions(args)
  if (request === undefined) return 0
  return request.report === undefined ? measure(request, args) : report(request, request.report)
}

async function report(request: CeilingsRequest, folder: string): Promise<number> {
  const unable = refusing(`cannot report on ${folder}`)
  const results = await readFile(path.join(folder, 'ceilings.json'), 'utf8').then(parseCeilings).catch(unable)
  await write(folder, results).catch(unable)
  show(request, results, folder)
  return 0
}

async function measure(request: CeilingsRequest, args: readonly string[]): Promise<number> {
  const createdAt = new Date()
  using interrupt = onInterrupt(() =>
    say('Stopping: what was measured so far will be written. Ctrl-C again to stop at once.'),
  )
  const { signal } = interrupt
  const records = await Promise.all(request.targets.map(recordOf))
  const present = request.targets.filter((_, index) => records[index]?.absent === null)
  if (present.length === 0) {
    throw new UsageError(
      `nothing to measure: ${records.map(({ name, absent }) => `${name} is ${absent}`).join('; ')}`,
    )
  }
  const { provider, passedOver } = await providerFor(request)
  for (const target of present) await target.prepare?.(say)
  const noise = await listenForNoise(1_000)
  const folder = await folderFor(request, createdAt)
  const pins = request.pin ? pinning() : undefined
  if (!request.json) {
    say(`Memory ceilings of ${counted(present.length, 'target')} in ${counted(request.jobs.length, 'job')}.`)
    say(`A limit is held by ${provider.name}. It counts ${provider.counts}.`)
    for (const { name, why } of passedOver) say(`  Not by ${name}: ${why}.`)
    for (const { name, absent } of records) if (absent !== null) say(`  ${name}: ${absent}`)
    for (const objection of noise.objections) say(`  This machine is not quiet: ${objection}.`)
    say('')
  }

  await using origin = await startBulkOrigin({ prefix: heldTo(pins?.others) })
  const { share, resolution, steps, runs } = request
  const setting = { origin, provider, pinning: pins, size: request.size, signal }
  const most = Math.floor(totalmem() / 2)
  const searches: SearchRecord[] = []
  for (const job of request.jobs) {
    for (const target of present) {
      if (signal.aborted) break
      const progress = (trial: TrialRecord): void => say(`${job.name}, ${target.name}: ${inWords(trial)}`)
      const finding = { ...setting, share, resolution, steps, runs, most, progress }
      const search = await findCeiling(target, job, finding)
      searches.push(search)
      say(`${job.name}, ${target.name}: ${conclusion(search)}`)
    }
  }

  const results: Ceilings = {
    schema: schemaName,
    createdAt: createdAt.toISOString(),
    finishedAt: new Date().toISOString(),
    complete: !signal.aborted,
    command: typed(['ceilings', ...args]),
    share,
    resolution,
    steps,
    size: request.size,
    provider: {
      name: provider.name,
      counts: provider.counts,
      tcpIsCounted: provider.tcpIsCounted,
      passedOver,
    },
    pinning: pins ?? null,
    environment: provenance(),
    noise,
    targets: records,
    jobs: request.jobs.map(({ name, title, question, load }) => ({
      name,
      title,
      question,
      load: load(request.size),
    })),
    searches,
  }
  await write(folder, results)
  show(request, results, folder)
  return exitCodeOf(results, interrupt)
}

async function providerFor({ provider }: CeilingsRequest): Promise<Choice> {
  const wanted = [...chain].flatMap(([name, one]) => (provider === undefined || provider === name ? one : []))
  return chooseProvider(wanted).catch(refusing('memory cannot be limited here'))
}

async function folderFor({ out }: CeilingsRequest, at: Date): Promise<string> {
  if (out === undefined) {
    const [date, time] = at.toISOString().slice(0, 16).replace(':', '').split('T')
    const usual = path.resolve(import.meta.dirname, '../../out', `${date}-${time}-ceilings`)
    return makeOwnFolder(usual).catch(refusing(`cannot write to ${usual}`))
  }
  const trial = path.join(out, 'ceilings.json.part')
  // What cannot be written afterwards is known before anything is measured.
  await mkdir(out, { recursive: true })
    .then(() => writeFile(trial, ''))
    .then(() => rm(trial))
    .catch(refusing(`cannot write to ${out}`))
  return out
}

async function write(folder: string, results: Ceilings): Promise<void> {
  const text = `${JSON.stringify(results, null, 2)}\n`
  parseCeilings(text)
  await put(path.join(folder, 'ceilings.json'), text)
  await put(path.join(folder, 'ceilings.md'), markdown(results))
  await put(path.join(folder, 'ceilings.html'), page(results))
}

function show(request: CeilingsRequest, results: Ceilings, folder: string): void {
  if (request.json) console.log(JSON.stringify(results, null, 2))
  else console.log(`\n${terminal(results, process.stdout.isTTY && !process.env.NO_COLOR)}\n`)
  say(`Written to ${shortest(folder)}: ceilings.json, ceilings.md, ceilings.html`)
}

function inWords({ limit, speed, reference, outcome, problems }: TrialRecord): string {
  const under = limit === null ? 'without a limit' : size(limit)
  const why = outcome === 'errors' ? ` (${Object.keys(problems)[0] ?? ''})` : ''
  if (speed === null) return `${under}: ${outcomeWords[outcome]}${why}`
  const part = reference === null ? '' : `, ${number((speed / reference) * 100)} %: ${outcomeWords[outcome]}`
  return `${under}: ${size(speed)}/s${part}`
}

function conclusion({ ceiling, how, below, trials }: SearchRecord): string {
  if (ceiling !== null) {
    const failed = trials.findLast(({ limit, outcome }) => limit === below && outcome !== 'enough')
    const why = failed ? `; ${size(below)}: ${outcomeWords[failed.outcome]}` : ''
    return `ceiling ${size(ceiling)}${how === 'coarse' ? ', steps ran out' : ''}${why}`
  }
  if (how === 'never enough') return `no ceiling up to ${size(below)}`
  return how === 'stopped' ? 'stopped' : `no ceiling: it ${how}`
}

function exitCodeOf({ searches }: Ceilings, interrupt: Interrupt): number {
  if (interrupt.signal.aborted) return interrupt.exitCode
  return searches.every(({ ceiling }) => ceiling !== null) ? 0 : 1
}
