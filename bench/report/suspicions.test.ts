/** Each planted fault is measured for real, named by the report, and wins nothing. */

import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { canMeasure } from '@relayrace/fixtures/proc'
import type { ListedTarget } from '@relayrace/fixtures/target'
import { faults, soundRelay } from '@relayrace/fixtures/targets'
import { afterAll, expect, test } from 'vitest'
import { recordOf } from '../listing.ts'
import { bytesPath, receive } from '../load/sink.ts'
import { takeSample } from '../sample.ts'
import { aborts } from '../scenarios/aborts.ts'
import { download } from '../scenarios/download.ts'
import { events } from '../scenarios/events.ts'
import type { Scale, Scenario } from '../scenarios/scenario.ts'
import { stalled } from '../scenarios/stalled.ts'
import { exampleResults } from './example.ts'
import type { Results } from './results.ts'
import { type ScenarioSummary, summarize } from './summary.ts'
import { suspicionsIn } from './suspicions.ts'

const MiB = 1024 ** 2
const origin = await startBulkOrigin()
afterAll(() => origin[Symbol.asyncDispose]())

async function measured(
  scenario: Scenario,
  scale: Scale,
  targets: readonly ListedTarget[],
  rounds = 1,
): Promise<Results> {
  const { signal } = new AbortController()
  const setting = { origin, scaleOf: () => scale, pinning: undefined }
  const samples = []
  for (let round = 1; round <= rounds; round++) {
    for (const target of targets) {
      const { said: _, ...taken } = await takeSample(target, scenario, setting, signal)
      samples.push({ scenario: scenario.name, target: target.name, round, position: 0, ...taken })
    }
  }
  const { name, title, question, expects, wrong, headline, metrics } = scenario
  return {
    ...exampleResults({ ours: [1] }),
    base: soundRelay.name,
    scale: Object.fromEntries(Object.entries(scale).map(([key, value]) => [`${name}.${key}`, value])),
    scenarios: [{ name, title, question, load: scenario.load(scale), expects, wrong, headline, metrics }],
    targets: await Promise.all(targets.map(recordOf)),
    samples,
  }
}

const faulty = (name: string): ListedTarget =>
  faults.find((one) => one.name === `fault-${name}`) as ListedTarget

const cases: readonly [fault: string, Scenario, Scale, named: RegExp][] = [
  [
    'ignores-backpressure',
    stalled,
    { streams: 10 },
    /KiB for each client that does not read: it ignores backpressure/,
  ],
  ['leaks-sockets', stalled, { streams: 10 }, /sockets for each client that has left: it leaks them/],
  ['leaks-sockets', aborts, { clients: 20 }, /for each client that leaves in the middle: it leaks them/],
  [
    'buffers-bodies',
    download,
    { size: 256 * MiB, warmUp: MiB },
    /while it relays 256MiB: it buffers whole bodies/,
  ],
  ['coalesces-events', events, { events: 20 }, /it sends several at once/],
  ['wrong-bytes', download, { size: MiB, warmUp: MiB }, /went wrong in 1 of 1: wrong bytes/],
  ['short-body', download, { size: MiB, warmUp: MiB }, /went wrong in 1 of 1: truncated/],
]

test.runIf(canMeasure).each(cases)(
  '%s is named and wins nothing; a sound relay is not',
  { timeout: 60_000 },
  async (fault, scenario, scale, named) => {
    const target = faulty(fault)
    const results = await measured(scenario, scale, [target, soundRelay])
    const { sentences, winners } = summarize(results).scenarios[0] as ScenarioSummary
    const said = sentences.filter((sentence) => sentence.includes('wins nothing'))
    expect(said).toEqual([expect.stringContaining(target.name)])
    expect(said[0]).toMatch(named)
    expect([...winners.values()].flat()).not.toContain(target.name)
  },
)

// Whether so little can be told on a machine is a question of verdicts, whose tests have no machine in them.
test.each([
  ['slower-by-5', 0.05],
  ['slower-by-20', 0.2],
])('%s wastes so much of its processor time', { timeout: 60_000 }, async (fault, share) => {
  const running = await faulty(fault).start(origin.url)
  const { problem } = await receive(running.url, { path: bytesPath(128 * MiB, 1), bytes: 128 * MiB, seed: 1 })
  await running[Symbol.asyncDispose]()
  const { carrying, wasted } = JSON.parse(running.stderr()) as { carrying: number; wasted: number }
  expect(problem).toBeUndefined()
  expect(wasted / carrying).toBeGreaterThan(0.9 * share)
  expect(wasted / carrying).toBeLessThan(1.5 * share)
})

test('a machine that delays the events of everybody is no fault of anybody', () => {
  const delayed = (figures: Readonly<Record<string, number>>): string[] => {
    const results = exampleResults(Object.fromEntries(Object.keys(figures).map((name) => [name, [1]])))
    const samples = results.samples.map((sample) => ({
      ...sample,
      scenario: 'events',
      values: { delayMedian: figures[sample.target] ?? 0 },
    }))
    return [...suspicionsIn({ ...results, samples }).keys()]
  }
  expect(delayed({ ours: 20, theirs: 12 })).toEqual([])
  expect(delayed({ ours: 50, theirs: 2 })).toEqual(['ours'])
})

test('who ignores backpressure in one question wins none of the others, which it made easier', () => {
  const figures = { ours: [2], theirs: [1], third: [3] }
  const results = exampleResults(figures)
  const [example] = results.scenarios
  const sample = results.samples.find(({ target }) => target === 'theirs')
  const stalling = { ...sample, scenario: 'stalled', values: { processPerStream: 60_000 } }
  const { scenarios } = summarize({
    ...results,
    scenarios: [...results.scenarios, { ...example, ...stalled, load: '' }],
    samples: [...results.samples, stalling],
  } as Results)
  expect(scenarios[0]?.winners.get('cpuPerGiB')).toEqual(['ours'])
  expect(scenarios[0]?.sentences.join(' ')).toContain(
    'it ignores backpressure (in stalled). It wins nothing here.',
  )
})
