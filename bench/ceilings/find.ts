/** Finds the ceiling of one target for one job: what it holds, how fast it is without a limit, and then by halving. */

import type { ListedTarget } from '@relayrace/fixtures/target'
import { type Answer, bisect } from './bisect.ts'
import { holds } from './held.ts'
import type { CeilingJob } from './jobs.ts'
import { referenceOf } from './reference.ts'
import type { Outcome, SearchRecord, TrialRecord } from './results.ts'
import { type Setting, tryLimit } from './trial.ts'

export interface Finding extends Setting {
  readonly share: number
  readonly resolution: number
  readonly steps: number
  /** How often it is run without a limit to learn its speed. */
  readonly runs: number
  /** Bytes beyond which no limit is tried. */
  readonly most: number
  readonly progress: (trial: TrialRecord) => void
}

/** What chance may have made is asked again; what memory has made stays so. */
const answers: Readonly<Record<Outcome, Answer>> = {
  enough: 'enough',
  slower: 'perhaps',
  killed: 'no',
  died: 'no',
  errors: 'perhaps',
  hang: 'no',
}

export async function findCeiling(
  target: ListedTarget,
  job: CeilingJob,
  finding: Finding,
): Promise<SearchRecord> {
  const { signal, share, resolution, steps, runs, progress } = finding
  const trials: TrialRecord[] = []
  const record = { target: target.name, job: job.name, ceiling: null, below: 0, unlimited: null, held: null }
  const stopped = (): SearchRecord => ({ ...record, how: 'stopped', trials })
  const noted = (trial: TrialRecord): TrialRecord => {
    trials.push(trial)
    progress(trial)
    return trial
  }
  const asked = { target, job, limit: undefined, patience: firstPatience(finding.size) }

  const { trial: first, held } = await holds(asked, finding)
  if (signal.aborted) return stopped()
  if (first.outcome !== 'enough') {
    return { ...record, how: 'fails without a limit', trials: [noted(first)] }
  }
  for (let run = 0; run < runs; run++) {
    const trial = await tryLimit(asked, finding)
    if (signal.aborted) return { ...stopped(), held }
    if (noted(trial).outcome !== 'enough') return { ...record, held, how: 'fails without a limit', trials }
  }
  const reference = referenceOf(
    trials.map(({ speed }) => speed as number),
    share,
  )
  const patience = 10_000 + 5_000 * Math.max(...trials.map(({ seconds }) => seconds))
  const start = Math.max(resolution, ...trials.map(({ peak }) => peak ?? 0))
  const search = { start, most: Math.max(start, finding.most), resolution, steps }
  const { ceiling, below, how } = await bisect(search, async (limit) => {
    const trial = await tryLimit({ target, job, limit, patience }, finding)
    if (signal.aborted) return undefined
    const { speed } = trial
    if (trial.outcome !== 'enough' || speed === null) return answers[noted(trial).outcome]
    if (reference.doubts(speed)) {
      const control = await tryLimit({ ...asked, patience }, finding)
      if (signal.aborted) return undefined
      if (noted(control).speed !== null) reference.add(control.speed as number)
    }
    const outcome = reference.keeps(speed) ? 'enough' : 'slower'
    const answer = answers[noted({ ...trial, reference: reference.speed, outcome }).outcome]
    // A limit that was never reached can slow only a program that goes by it, as V8 does when it sizes its heap.
    return answer === 'perhaps' && trial.hits === 0 ? 'unlikely' : answer
  })
  // A trial in doubt is judged after the one without a limit that follows it.
  trials.sort((a, b) => a.startedAt.localeCompare(b.startedAt))
  return { ...record, ceiling, below, how, unlimited: reference.speed, held, trials }
}

/** Nobody knows yet how long it takes: a minute, and as long as the bytes take at 20 MiB/s. */
const firstPatience = (bytes: number): number => 60_000 + (bytes / (20 * 1024 ** 2)) * 1000
