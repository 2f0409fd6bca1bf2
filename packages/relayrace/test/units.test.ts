import { expect, test } from 'vitest'
import { duration, size } from '../src/units.ts'

test.each([
  [1_500, 1_500],
  ['250ms', 250],
  ['1.5s', 1_500],
  ['2m', 120_000],
  ['1h', 3_600_000],
  ['Infinity', Number.POSITIVE_INFINITY],
])('the duration %j is %f ms', (text, ms) => {
  expect(duration.parse(text)).toBe(ms)
})

test.each([
  [65_536, 65_536],
  ['512B', 512],
  ['64KiB', 65_536],
  ['1.5MiB', 1_572_864],
  ['1GiB', 2 ** 30],
  ['Infinity', Number.POSITIVE_INFINITY],
])('the size %j is %f bytes', (text, bytes) => {
  expect(size.parse(text)).toBe(bytes)
})

test.each(['', '1', '1 s', '-1s', '1S', '1sm', 's', '1e3s', -1, Number.NaN, '64KiB'])(
  '%j is no duration',
  (text) => {
    expect(() => duration.parse(text)).toThrow()
  },
)
