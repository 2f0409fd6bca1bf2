import { expect, test } from 'vitest'
import { exampleResults, type Figures } from './example.ts'
import type { Results } from './results.ts'
import { type ScenarioSummary, summarize, unexpectedFailures } from './summary.ts'

const download = (figures: Figures, changes?: Partial<Results>): ScenarioSummary =>
  summarize(exampleResults(figures, changes)).scenarios[0] as ScenarioSummary

/** So many figures around one, none like the other. */
const rounds = (count: number, middle: number): number[] =>
  Array.from({ length: count }, (_, i) => middle * (1 + ((i * 7) % 10) / 1000))

test('the best is the lowest where lower is better and the highest where higher is', () => {
  const { winners } = download({ ours: rounds(6, 1), theirs: rounds(6, 2) })
  expect(winners.get('cpuPerGiB')).toEqual(['ours'])
  expect(winners.get('goodput')).toEqual(['ours'])
})

test('what no verdict separates is named together', () => {
  const { winners, sentences } = download({
    ours: [1, 1.4, 0.8, 1.2, 1, 1.3],
    theirs: [1.2, 1.1, 1.5, 1, 1.2, 1.1],
  })
  expect(winners.get('cpuPerGiB')?.toSorted()).toEqual(['ours', 'theirs'])
  expect(sentences[0]).toMatch(/^CPU: (ours and theirs|theirs and ours) are best, too close to be told apart/)
})

test('as few rounds as can find nothing are no verdict: the best median alone is named', () => {
  const { winners, sentences, roundsNeeded } = download({ ours: [1, 1.1, 0.9], theirs: [2, 2.1, 1.9] })
  expect(winners.get('cpuPerGiB')).toEqual(['ours'])
  expect(roundsNeeded).toBe(6)
  expect(sentences[0]).toBe(
    'CPU: ours has the best median, 1.00 s/GiB; too few rounds to tell it from the others, 0.500 × what theirs takes (3 rounds, no interval).',
  )
  const { cautions } = summarize(exampleResults({ ours: [1, 1.1, 0.9], theirs: [2, 2.1, 1.9] }))
  expect(cautions.join(' ')).toContain('★ is the best median, no verdict. --rounds 6 gives verdicts.')
})

test('what lies no farther apart than a target from itself is not told apart', () => {
  const ours = rounds(10, 1)
  const theirs = ours.map((value) => value * 1.1)
  const told = (control: number) => {
    const results = exampleResults({
      ours,
      theirs,
      again: ours.map((value, i) => value * (i % 2 ? control : 1)),
    })
    const targets = results.targets.map((target) =>
      target.name === 'again' ? { ...target, kind: 'control' as const, again: 'ours' } : target,
    )
    return summarize({ ...results, targets }).scenarios[0]?.verdicts.get('theirs')?.verdict
  }
  expect(told(1)).toBe('better')
  expect(told(1.2)).toBe('equal')
})

test('what the host has taken away is said from 2 % on', () => {
  const results = exampleResults({ ours: rounds(6, 1), theirs: rounds(6, 2) })
  const said = (stealShare: number): string => {
    const samples = results.samples.map((sample) => ({
      ...sample,
      machine: { ...sample.machine, stealShare },
    }))
    return summarize({ ...results, samples }).cautions.join(' ')
  }
  expect(said(0.03)).toContain('The host took more than 2 % of the processors away during 12 of 12 samples.')
  expect(said(0.02)).not.toContain('The host took')
})

test('samples of two kinds are said to be so', () => {
  const { sentences } = download({ ours: [1, 1.01, 0.99, 2, 2.01, 1.99, 1, 2], theirs: rounds(8, 3) })
  expect(sentences.join(' ')).toContain(
    'ours has two kinds of samples, 4 around 1.00 and 4 around 2.00 s/GiB: its median says little.',
  )
})

test('a round in which one has no figure is left out, and said to be', () => {
  const { sentences } = download({ ours: rounds(8, 1), theirs: rounds(9, 2) })
  expect(sentences.join(' ')).toMatch(
    /Beside the next: 0\.500 × theirs \(.*, 8 rounds, 1 round without one of them\): better\./,
  )
})

test('a control does not compete', () => {
  const { winners, rows } = download({ ours: [2], theirs: [3], direct: [0.1] })
  expect(winners.get('goodput')).toEqual(['ours'])
  expect(rows.at(-1)?.target.name).toBe('direct')
})

test('to be the only contestant is no victory', () => {
  expect(download({ ours: [2], direct: [0.1] }).winners.get('cpuPerGiB')).toEqual([])
})

test('who went wrong once wins nothing, and it is said', () => {
  const { winners, sentences } = download({ ours: [1, 'truncated', 1], theirs: [2, 2, 2] })
  expect(winners.get('cpuPerGiB')).toEqual(['theirs'])
  expect(sentences.join(' ')).toContain('ours went wrong in 1 of 3: truncated. It wins nothing here.')
})

test('the ratio is to the base, round by round, with an interval from five rounds on', () => {
  const alternating = (low: number) => [low, 2 * low, low, 2 * low, low, 2 * low, low]
  const { rows, sentences } = download({
    ours: alternating(1),
    third: alternating(1.5),
    theirs: alternating(2),
  })
  expect(rows[0]?.ratio).toEqual({ median: 0.5, count: 7, interval: { low: 0.5, high: 0.5 } })
  expect(sentences[0]).toContain('0.500 × what theirs takes (95 % interval 0.500 to 0.500, 7 rounds)')
})

test('goodput is called bounded when doing without a proxy is not twice as fast', () => {
  expect(download({ ours: [1], theirs: [2], direct: [0.6] }).generatorBound).toBe(true)
  expect(download({ ours: [1], theirs: [2], direct: [0.4] }).generatorBound).toBe(false)
})

test('a known limit is told with its reason and is no failure of the run', () => {
  const figures = { ours: [1], theirs: ['no response in time'] }
  const limits = {
    knownLimits: [{ target: 'theirs', scenario: 'download', why: 'waits for the whole request' }],
  }
  expect(unexpectedFailures(exampleResults(figures))).toHaveLength(1)
  expect(unexpectedFailures(exampleResults(figures, limits))).toEqual([])
  expect(download(figures, limits).sentences.join(' ')).toContain(
    'theirs cannot do this (no response in time): it waits for the whole request.',
  )
})

test('that our own ran from their sources is said', () => {
  const results = exampleResults({ ours: [1], theirs: [2] })
  const [ours, ...others] = results.targets
  const targets = [{ ...(ours as (typeof results.targets)[0]), runs: 'source' as const }, ...others]
  expect(summarize(results).cautions.join('\n')).not.toContain('From their sources')
  expect(summarize({ ...results, targets }).cautions).toContainEqual(
    'From their sources, not as they are installed: ours. They hold more memory than users see.',
  )
})

test('an interrupted run, few rounds and a noisy machine are said before anything', () => {
  const { cautions } = summarize(
    exampleResults(
      { ours: [1], theirs: [2] },
      {
        complete: false,
        noise: { load1: 2, busyShare: 0.5, stealShare: 0, pressureShare: 0, objections: ['busy'] },
      },
    ),
  )
  expect(cautions.join('\n')).toMatch(/interrupted.*1 round .*not quiet before the run: busy/s)
})

test('where client or origin was busy all the time and the target was not, the clock on the wall ranks nobody', () => {
  const results = exampleResults({ ours: rounds(6, 1), theirs: rounds(6, 2) })
  const scenarios = results.scenarios.map((scenario) => ({
    ...scenario,
    metrics: scenario.metrics.map((one) => (one.id === 'goodput' ? { ...one, wallClock: true } : one)),
  }))
  const said = (cpu: { target: number; load: number; origin: number }, others = '0,1,2') =>
    summarize({
      ...results,
      scenarios,
      pinning: { target: '3', others },
      samples: results.samples.map((sample) => (sample.target === 'ours' ? { ...sample, cpu } : sample)),
    }).scenarios[0] as ScenarioSummary
  const bound = said({ target: 0.5, load: 0.95, origin: 0.3 })
  expect(bound.winners.get('goodput')).toEqual([])
  expect(bound.winners.get('cpuPerGiB')).toEqual(['ours'])
  expect(bound.rows.map((row) => [row.target.name, row.bound])).toEqual([
    ['ours', true],
    ['theirs', false],
  ])
  expect(bound.sentences).toContain(
    'The harness: the client kept a processor busy 95.0 % of the time, the origin 30.0 %.',
  )
  expect(bound.sentences).toContain(
    'Client or origin were the limit (†) of ours: they, and not it, were busy all the time.',
  )
  for (const free of [
    said({ target: 0.95, load: 0.95, origin: 0.3 }),
    said({ target: 0.5, load: 0.5, origin: 0.45 }),
  ]) {
    expect(free.winners.get('goodput')).toEqual(['ours'])
  }
  // Both on one processor, they are the limit together.
  expect(said({ target: 0.5, load: 0.5, origin: 0.45 }, '0').winners.get('goodput')).toEqual([])
})
