import { expect, test } from 'vitest'
import { exampleResults, type Figures } from './example.ts'
import type { Results } from './results.ts'
import { type ScenarioSummary, separate, summarize, unexpectedFailures } from './summary.ts'

const download = (figures: Figures, changes?: Partial<Results>): ScenarioSummary =>
  summarize(exampleResults(figures, changes)).scenarios[0] as ScenarioSummary

test('the best is the lowest where lower is better and the highest where higher is', () => {
  const { winners } = download({ ours: [1, 1.1, 0.9], theirs: [2, 2.1, 1.9] })
  expect(winners.get('cpuPerGiB')).toEqual(['ours'])
  expect(winners.get('goodput')).toEqual(['ours'])
})

test('what the spread does not separate is named together', () => {
  const { winners, sentences } = download({ ours: [1, 1.4, 0.8], theirs: [1.2, 1.1, 1.5] })
  expect(winners.get('cpuPerGiB')).toEqual(['ours', 'theirs'])
  expect(sentences[0]).toMatch(/^CPU: ours and theirs are best, too close to be told apart/)
})

test('two per cent is no difference, however small the spread', () => {
  const at = (median: number) => ({ count: 9, median, mad: 0, min: median, max: median })
  expect(separate(at(1), at(1.015))).toBe(false)
  expect(separate(at(1), at(1.03))).toBe(true)
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
  const { rows, sentences } = download({ ours: [1, 2, 1, 2, 1], theirs: [2, 4, 2, 4, 2] })
  expect(rows[0]?.ratio).toEqual({ median: 0.5, count: 5, interval: { low: 0.5, high: 0.5 } })
  expect(sentences[0]).toContain('0.500 × what theirs takes (95 % interval 0.500 to 0.500, 5 rounds)')
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
