/** `npm run bench`: measures, shows, writes. See METHODOLOGY.md for what the numbers mean. */

import { existsSync } from 'node:fs'
import path from 'node:path'
import { type Interrupt, onInterrupt } from '@relayrace/fixtures/interrupt'
import { startBulkOrigin } from '@relayrace/fixtures/origin'
import type { ListedTarget } from '@relayrace/fixtures/target'
import { campaign, controlOf, plan, remaining } from './campaign.ts'
import { knownLimits } from './known.ts'
import { listing, listingText, recordOf } from './listing.ts'
import { listenForNoise } from './measure/machine.ts'
import { pinning } from './measure/pinning.ts'
import { machineWord, provenance } from './measure/provenance.ts'
import { type Request, readOptions, refusing, UsageError } from './options.ts'
import { type Profile, profile } from './profile/profile.ts'
import { runShowing } from './progress.ts'
import { writeDocuments } from './report/documents.ts'
import { counted, listed } from './report/numbers.ts'
import { versusText } from './report/picker.ts'
import type { Results, SampleRecord, TargetRecord } from './report/results.ts'
import { schemaName } from './report/results.ts'
import { summarize, unexpectedFailures } from './report/summary.ts'
import { terminal } from './report/terminal.ts'
import { unlike } from './resume.ts'
import { heldTo } from './sample.ts'
import type { Scale, Scenario } from './scenarios/scenario.ts'
import { argsOf, typed } from './typed.ts'
import { unable } from './ways.ts'
import {
  keepResults,
  makeOwnFolder,
  prepareFolder,
  readResults,
  shortest,
  writeReports,
  writeResults,
} from './write.ts'

const say = (message: string): void => console.error(message)
const stopping = 'Stopping: what was measured so far will be written. Ctrl-C again to stop at once.'

// Who reads along may have seen enough: `| head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

try {
  const [first, ...others] = process.argv.slice(2)
  if (first === 'ceilings') process.exitCode = await (await import('./ceilings/command.ts')).ceilings(others)
  else if (first === 'compare') process.exitCode = await (await import('./compare.ts')).runCompare(others)
  else if (first === 'check-load') {
    process.exitCode = await (await import('./check-load/command.ts')).checkLoad(others)
  } else {
    const request = readOptions(process.argv.slice(2))
    if (request) process.exitCode = await perform(request)
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  say(`bench: ${error.message}`)
  process.exitCode = 2
}

async function perform(request: Request): Promise<number> {
  switch (request.action) {
    case 'list': {
      const list = await listing()
      console.log(request.json ? JSON.stringify(list, null, 2) : listingText(list, process.stdout.isTTY))
      return 0
    }
    case 'readme':
      say(writeDocuments())
      return 0
    case 'report': {
      const folder = request.folder as string
      const unable = refusing(`cannot report on ${folder}`)
      const results = await readResults(folder).catch(unable)
      await writeReports(folder, results).catch(unable)
      show(request, results, folder)
      return 0
    }
    case 'profile':
      return profileAll(request)
    case 'run':
      return measure(request)
    case 'resume':
      return resume(request)
  }
}

async function resume({ folder = '', json, force, versus }: Request): Promise<number> {
  const unable = refusing(`cannot go on with ${folder}`)
  const before = await readResults(folder).catch(unable)
  if (before.complete) throw new UsageError(`there is nothing left to measure in ${folder}`)
  const request = readOptions(argsOf(before.command))
  if (request?.action !== 'run') throw new UsageError(`${folder} is of another command: ${before.command}`)
  return measure({ ...request, folder, json, versus, force: force || request.force }, before)
}

/** @param before What an interrupted run has measured. */
async function measure(request: Request, before?: Results): Promise<number> {
  using interrupt = onInterrupt(() => say(stopping))
  const { seed, rounds, preset, scenarios, scaleOf } = request
  const begun = new Date()
  const createdAt = before ? new Date(before.createdAt) : begun
  const records = await Promise.all(request.targets.map(recordOf))
  const present = request.targets.filter((_, index) => records[index]?.absent === null)
  if (present.length === 0) {
    throw new UsageError(
      `nothing to measure: ${records.map(({ name, absent }) => `${name} is ${absent}`).join('; ')}`,
    )
  }
  const missing = records.find(({ name, absent }) => name === request.base && absent !== null)
  if (missing) throw new UsageError(`--base ${missing.name} is ${missing.absent}`)
  await prepare(present)
  const noise = await listenForNoise(preset.quiet ? 5_000 : 1_000)
  if (preset.quiet && noise.objections.length > 0 && !request.force) {
    throw new UsageError(
      `this machine is not quiet: ${listed(noise.objections)}. --force publishes all the same`,
    )
  }
  const folder = await folderFor(request, usualFolder(preset.quiet, createdAt, preset.name))
  const pins = request.pin ? pinning() : undefined
  const base = baseOf(request, present)
  const control = controlOf(present, base)
  const whole = plan(control ? [...present, control.target] : present, scenarios, rounds, seed)
  const steps = remaining(whole, before?.samples ?? [])
  const targets = control
    ? [...records, { ...(await recordOf(control.target)), again: control.again }]
    : records
  const environment = provenance()
  const scale = amountsOf(scenarios, scaleOf)
  const different = before ? unlike(before, { environment, targets, scale, base, pinning: pins ?? null }) : []
  if (different.length > 0 && !request.force) {
    throw new UsageError(
      `what is measured now is of another kind: ${listed(different)}. --force goes on all the same`,
    )
  }
  introduce(request, records, steps.length, noise.objections)

  await using origin = await startBulkOrigin({ prefix: heldTo(pins?.others) })
  const resultsOf = (taken: readonly SampleRecord[]): Results => ({
    schema: schemaName,
    createdAt: createdAt.toISOString(),
    finishedAt: new Date().toISOString(),
    complete: taken.length === steps.length,
    ...(before && { resumedAt: [...(before.resumedAt ?? []), begun.toISOString()] }),
    command: before?.command ?? commandOf(process.argv.slice(2), seed),
    preset: preset.name,
    seed,
    rounds,
    base,
    scale,
    pinning: pins ?? null,
    environment,
    noise: { ...noise, objections: [...new Set([...(before?.noise.objections ?? []), ...noise.objections])] },
    targets,
    scenarios: scenarios.map((scenario) => {
      const { name, title, question, expects, wrong, workers, headline, metrics } = scenario
      return {
        name,
        title,
        question,
        load: scenario.load(scaleOf(scenario)),
        expects,
        wrong,
        ...(workers !== undefined && { workers }),
        headline,
        metrics,
      }
    }),
    knownLimits: [
      ...knownLimits.filter(
        ({ target, scenario }) =>
          present.some(({ name }) => name === target) && scenarios.some(({ name }) => name === scenario),
      ),
      ...unable(present, scenarios),
    ],
    samples: [...(before?.samples ?? []), ...taken],
  })
  const running = campaign(steps, { origin, scaleOf, pinning: pins }, interrupt.signal, (taken) =>
    keepResults(folder, resultsOf(taken)),
  )
  await runShowing(running, interrupt.signal)

  const results = resultsOf(running.samples)
  await writeResults(folder, results)
  show(request, results, folder)
  return exitCodeOf(results, interrupt)
}

/** As `download.size`. */
function amountsOf(
  scenarios: readonly Scenario[],
  scaleOf: (one: Scenario) => Scale,
): Record<string, number> {
  return Object.fromEntries(
    scenarios.flatMap((scenario) =>
      Object.entries(scaleOf(scenario)).map(([name, amount]) => [`${scenario.name}.${name}`, amount]),
    ),
  )
}

async function profileAll(request: Request): Promise<number> {
  const { profiler, targets, scenarios, scaleOf, json, preset } = request
  if (!profiler) throw new UsageError('no profiler')
  if (profiler.program !== undefined && !existsSync(profiler.program)) {
    throw new UsageError(`${profiler.name} is not installed; npm run peers -- clinic`)
  }
  using interrupt = onInterrupt(() => say(stopping))
  const { signal } = interrupt
  const folder = await folderFor(request, usualFolder(false, new Date(), `profile-${preset.name}`))
  await using origin = await startBulkOrigin()
  await prepare(targets)
  const profiles: Profile[] = []
  for (const scenario of scenarios) {
    for (const target of targets) {
      const made = await profile(target, scenario, { profiler, origin, scaleOf, folder, signal })
      if (signal.aborted) return interrupt.exitCode
      profiles.push(made)
      if (json) continue
      for (const file of made.files) console.log(shortest(file))
      if (made.problem !== undefined) say(`${target.name}, ${scenario.name}: ${made.problem}`)
    }
  }
  if (json) console.log(JSON.stringify(profiles, null, 2))
  return profiles.some(({ problem }) => problem !== undefined) ? 1 : 0
}

/** Our own are built and packed before they are measured. */
async function prepare(targets: readonly ListedTarget[]): Promise<void> {
  for (const target of targets) await target.prepare?.(say)
}

/** What Node programs most often use; without it, what else is there. */
function baseOf({ base }: Request, present: readonly ListedTarget[]): string | null {
  const wanted =
    base === undefined ? ['http-proxy-3', 'naive-pipeline', 'nginx', 'pipe-proxy', 'direct'] : [base]
  return wanted.find((name) => present.some((target) => target.name === name)) ?? null
}

function introduce(
  { preset, rounds, seed, targets, scenarios, json }: Request,
  records: readonly TargetRecord[],
  samples: number,
  objections: readonly string[],
): void {
  if (json) return
  say(`${preset.name}: ${preset.about}.`)
  say(
    `${counted(targets.length, 'target')}, ${counted(scenarios.length, 'scenario')}, ${counted(rounds, 'round')}: ${counted(samples, 'sample')}. Seed ${seed}.`,
  )
  for (const { name, absent } of records) if (absent !== null) say(`  ${name}: ${absent}`)
  for (const objection of objections) say(`  This machine is not quiet: ${objection}.`)
  say('')
}

function show(request: Request, results: Results, folder: string): void {
  const { json, versus } = request
  if (json) console.log(JSON.stringify(results, null, 2))
  else {
    const summary = summarize(results)
    console.log(`\n${terminal(summary, process.stdout.isTTY && !process.env.NO_COLOR)}\n`)
    if (versus) console.log(`${versusText(summary, versus)}\n`)
  }
  say(`Written to ${shortest(folder)}: results.json, report.md, report.html`)
}

function exitCodeOf(results: Results, interrupt: Interrupt): number {
  if (interrupt.signal.aborted) return interrupt.exitCode
  return unexpectedFailures(results).length > 0 ? 1 : 0
}

/** Where can be written, and nobody else does, unless the folder was named. */
async function folderFor({ folder }: Request, usual: string): Promise<string> {
  const unable = refusing(`cannot write to ${folder ?? usual}`)
  if (folder === undefined) return makeOwnFolder(usual).catch(unable)
  await prepareFolder(folder).catch(unable)
  return folder
}

/** Figures to stand by are kept in the repository; all others in a folder that git does not see. */
function usualFolder(kept: boolean, at: Date, preset: string): string {
  const root = path.resolve(import.meta.dirname, '..')
  const [date, time] = at.toISOString().slice(0, 16).replace(':', '').split('T')
  return kept
    ? path.join(root, 'bench', 'results', `${date}-${machineWord()}`)
    : path.join(root, 'out', `${date}-${time}-${preset}`)
}

/** What was typed, with the seed that was drawn, so that it repeats the run. */
function commandOf(args: readonly string[], seed: number): string {
  return typed(args.some((arg) => arg.startsWith('--seed')) ? args : [...args, '--seed', `${seed}`])
}
