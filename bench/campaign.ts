/** A whole run: which samples, in which order, one after the other and never two at once. */

import { seeded, shuffled } from '@relayrace/fixtures/random'
import type { ListedTarget } from '@relayrace/fixtures/target'
import type { SampleRecord } from './report/results.ts'
import { type Setting, takeSample } from './sample.ts'
import type { Scenario } from './scenarios/scenario.ts'

export interface Step {
  readonly round: number
  readonly position: number
  readonly scenario: Scenario
  readonly target: ListedTarget
}

/** Rounds; in each round the scenarios; in each scenario the targets in a random order that the seed repeats. */
export function plan(
  targets: readonly ListedTarget[],
  scenarios: readonly Scenario[],
  rounds: number,
  seed: number,
): readonly Step[] {
  const random = seeded(seed)
  return Array.from({ length: rounds }, (_, index) =>
    scenarios
      .flatMap((scenario) => shuffled(targets, random).map((target) => ({ scenario, target })))
      .map((step, position) => ({ ...step, round: index + 1, position })),
  ).flat()
}

/** One of the targets once more, under another name: what lies between the two is chance. */
export function controlOf(
  targets: readonly ListedTarget[],
  base: string | null,
): { readonly target: ListedTarget; readonly again: string } | undefined {
  // Of one alone nothing is compared.
  if (targets.length < 2) return undefined
  const usual = targets.find(({ kind }) => kind !== 'control') ?? targets[0]
  const target = targets.find(({ name, kind }) => name === base && kind !== 'control') ?? usual
  if (target === undefined) return undefined
  const about = `${target.name} once more: what lies between the two is chance`
  return { target: { ...target, name: `${target.name}-again`, kind: 'control', about }, again: target.name }
}

/** What is left of a plan when some of its samples have been taken before. */
export function remaining(steps: readonly Step[], samples: readonly SampleRecord[]): readonly Step[] {
  const key = (round: number, scenario: string, target: string): string => `${round} ${scenario} ${target}`
  const taken = new Set(samples.map(({ round, scenario, target }) => key(round, scenario, target)))
  return steps.filter(({ round, scenario, target }) => !taken.has(key(round, scenario.name, target.name)))
}

export interface Campaign {
  readonly steps: readonly Step[]
  /** In the order in which they were taken. */
  readonly samples: readonly SampleRecord[]
  /** Seconds until all steps are done; undefined until there is something to judge by. */
  readonly left: number | undefined
  /** Undefined when the signal fired before the end: what was begun is then not a sample. */
  take(step: Step): Promise<{ readonly sample: SampleRecord; readonly said: string } | undefined>
}

/** @param afterRound Told when a round is over, with more to come. */
export function campaign(
  steps: readonly Step[],
  setting: Setting,
  signal: AbortSignal,
  afterRound: (samples: readonly SampleRecord[]) => Promise<void> = async () => {},
): Campaign {
  const samples: SampleRecord[] = []
  const durations = new Map<string, number>()
  return {
    steps,
    samples,
    get left() {
      return timeLeft(steps.slice(samples.length), durations)
    },
    async take({ round, position, scenario, target }) {
      if (signal.aborted) return undefined
      const began = performance.now()
      const { said, ...taken } = await takeSample(target, scenario, setting, signal)
      if (signal.aborted) return undefined
      durations.set(scenario.name, (performance.now() - began) / 1000)
      const sample = { scenario: scenario.name, target: target.name, round, position, ...taken }
      samples.push(sample)
      if (steps.length > samples.length && steps[samples.length]?.round !== round) await afterRound(samples)
      return { sample, said }
    },
  }
}

/** A scenario takes about as long as it took last time; one that has not been seen, as long as the others. */
function timeLeft(steps: readonly Step[], durations: ReadonlyMap<string, number>): number | undefined {
  if (durations.size === 0) return undefined
  const usual = [...durations.values()].reduce((sum, one) => sum + one, 0) / durations.size
  return steps.reduce((sum, { scenario }) => sum + (durations.get(scenario.name) ?? usual), 0)
}
