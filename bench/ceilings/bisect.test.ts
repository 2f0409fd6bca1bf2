import { seeded } from '@relayrace/fixtures/random'
import { describe, expect, test } from 'vitest'
import { type Answer, bisect, type Found, type Search } from './bisect.ts'

const search: Search = { start: 100, most: 4_000, resolution: 2, steps: 60 }

type Curve = (limit: number) => Answer

async function find(curve: Curve, changes: Partial<Search> = {}): Promise<Found & { tried: number[] }> {
  const tried: number[] = []
  const found = await bisect({ ...search, ...changes }, async (limit) => {
    tried.push(limit)
    return curve(limit)
  })
  return { ...found, tried }
}

describe('a curve that rises once', () => {
  test.each([2, 3, 7, 50, 99, 100, 101, 150, 1_000, 3_999])(
    'is found where it rises: %d',
    async (ceiling) => {
      const found = await find((limit) => (limit >= ceiling ? 'enough' : 'no'))
      expect(found.how).toBe('found')
      expect(found.ceiling).toBeGreaterThanOrEqual(ceiling)
      expect((found.ceiling as number) - ceiling).toBeLessThan(2)
      expect(found.below).toBe((found.ceiling as number) - 2)
    },
  )

  test('takes about as many steps as halving does', async () => {
    const { tried } = await find((limit) => (limit >= 29 ? 'enough' : 'no'))
    expect(tried.length).toBeLessThanOrEqual(1 + Math.ceil(Math.log2(100 / 2)) + 1)
  })

  test('a limit at which everything is enough is the least there is', async () => {
    expect(await find(() => 'enough')).toMatchObject({ ceiling: 2, below: 0, how: 'found' })
  })

  test('the answer has been enough twice', async () => {
    const { ceiling, tried } = await find((limit) => (limit >= 29 ? 'enough' : 'no'))
    expect(tried.filter((limit) => limit === ceiling)).toHaveLength(2)
  })
})

describe('a curve that never is enough', () => {
  test('is given up at the most, which is tried', async () => {
    const { tried, ...found } = await find(() => 'no')
    expect(found).toEqual({ ceiling: null, below: 4_000, how: 'never enough' })
    expect(tried.at(-1)).toBe(4_000)
  })

  test('nothing beyond the most is tried', async () => {
    const { tried } = await find(() => 'perhaps', { most: 333 })
    expect(Math.max(...tried)).toBeLessThanOrEqual(333)
  })
})

describe('noise', () => {
  test('a slow run that is fast when asked again is no “no”', async () => {
    const seen = new Set<number>()
    const found = await find((limit) => {
      if (limit < 40) return 'no'
      if (seen.has(limit)) return 'enough'
      seen.add(limit)
      return 'perhaps'
    })
    expect(found).toMatchObject({ ceiling: 40, how: 'found' })
  })

  test('what chance has probably made is asked six times before it is a no', async () => {
    const { tried, ...found } = await find((limit) => (limit >= 40 ? 'enough' : 'unlikely'))
    expect(found).toMatchObject({ ceiling: 40, below: 38, how: 'found' })
    expect(tried.filter((limit) => limit === 38)).toHaveLength(6)
  })

  test('what is slow each time is not enough', async () => {
    const found = await find((limit) => (limit >= 40 ? 'enough' : 'perhaps'))
    expect(found).toMatchObject({ ceiling: 40, below: 38, how: 'found' })
  })

  test('a lucky run is undone when it is asked again', async () => {
    let luck = 1
    const found = await find((limit) => (limit >= 40 || (limit > 20 && luck-- > 0) ? 'enough' : 'no'))
    expect(found).toMatchObject({ ceiling: 40, how: 'found' })
  })

  test('one run in five slow by chance moves the answer by a tenth in less than one search of twenty', async () => {
    const random = seeded(1)
    const ceilings: number[] = []
    for (let round = 0; round < 200; round++) {
      const found = await find((limit) => (limit < 60 || random() < 0.2 ? 'perhaps' : 'enough'))
      expect(found.how).toBe('found')
      ceilings.push(found.ceiling as number)
    }
    expect(Math.min(...ceilings)).toBeGreaterThanOrEqual(60)
    expect(ceilings.filter((ceiling) => ceiling > 66).length).toBeLessThan(10)
  })
})

test('the count of steps is a bound, and what is known by then is said', async () => {
  const { tried, ...found } = await find((limit) => (limit >= 60 ? 'enough' : 'no'), { steps: 4 })
  expect(tried).toHaveLength(4)
  expect(found.how).toBe('coarse')
  expect(found.below).toBeLessThan(60)
  expect(found.ceiling).toBeGreaterThanOrEqual(60)
})

test('it stops when told to', async () => {
  let asked = 0
  expect(await bisect(search, async () => (++asked === 3 ? undefined : 'enough'))).toMatchObject({
    ceiling: null,
    how: 'stopped',
  })
  expect(asked).toBe(3)
})
