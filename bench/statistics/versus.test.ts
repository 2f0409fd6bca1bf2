import { type Random, seeded } from '@relayrace/fixtures/random'
import { expect, test } from 'vitest'
import { judge } from './verdict.ts'
import { bandOf, type Pair, roundsFor, versus } from './versus.ts'

/** Of a bell curve around one, by the central limit. */
const around = (random: Random, middle: number, spread: number): number =>
  middle * (1 + spread * (Array.from({ length: 12 }, random).reduce((sum, one) => sum + one, 0) - 6))

/** A machine that is up to a third slower in some rounds than in others, for both. */
function measured(random: Random, slower: number, rounds = 10, spread = 0.01): Pair[] {
  return Array.from({ length: rounds }, () => {
    const machine = 1 + random() / 3
    return { one: machine * around(random, slower, spread), other: machine * around(random, 1, spread) }
  })
}

/** Verdicts of so many runs, with a control in each. */
function verdicts(runs: number, slower: number, seed: number): string[] {
  const random = seeded(seed)
  return Array.from({ length: runs }, () => {
    const band = bandOf(measured(random, 1))
    const { interval, p } = versus(measured(random, slower))
    return judge(interval as NonNullable<typeof interval>, p, band)
  })
}

const count = (all: readonly string[], verdict: string): number => all.filter((one) => one === verdict).length

test('the ratio is that of the rounds, whatever the machine does between them', () => {
  const { ratio, rounds } = versus([
    { one: 2, other: 1 },
    { one: 8, other: 4 },
    { one: 20, other: 10 },
  ])
  expect({ ratio: Number(ratio.toFixed(9)), rounds }).toEqual({ ratio: 2, rounds: 3 })
})

test('the same is called equal, and never different', () => {
  const all = verdicts(100, 1, 1)
  expect(count(all, 'equal')).toBeGreaterThanOrEqual(90)
  expect(all).not.toContain('higher')
  expect(all).not.toContain('lower')
})

test('a fifth slower is found in every run, and a twentieth in most', () => {
  expect(count(verdicts(20, 1.2, 2), 'higher')).toBe(20)
  expect(count(verdicts(20, 1.05, 3), 'higher')).toBeGreaterThan(10)
})

test('where the control itself differs, what differs no more than that is no difference', () => {
  const random = seeded(4)
  const band = bandOf(measured(random, 1.3))
  const { interval, p } = versus(measured(random, 1.2))
  expect(band).toBeGreaterThan(0.25)
  expect(judge(interval as NonNullable<typeof interval>, p, band)).toBe('equal')
})

test('without a control two per cent are no difference', () => {
  expect(bandOf([])).toBe(0.02)
  expect(bandOf([{ one: 1.01, other: 1 }])).toBe(0.02)
})

test.each([
  [1.1, 0.1],
  [0.9, 0.1],
])('a control that is %f times itself is as far from it, on whichever side', (one, band) => {
  expect(bandOf([{ one, other: 1 }])).toBeCloseTo(band, 9)
})

test('of few rounds there is no interval', () => {
  const pairs = measured(seeded(5), 2, 4)
  expect(versus(pairs).interval).toBeUndefined()
})

test('what is nothing has no ratio, and is told apart all the same', () => {
  const pairs = Array.from({ length: 10 }, (_, i) => ({ one: -1 - i / 10, other: 20 + i }))
  const { interval, p } = versus(pairs)
  expect(judge(interval as NonNullable<typeof interval>, p, 0.02)).toBe('lower')
})

test('how many rounds it takes grows with the comparisons made', () => {
  expect([roundsFor(1), roundsFor(12), roundsFor(100)]).toEqual([6, 9, 12])
})
