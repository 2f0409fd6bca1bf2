import { expect, test } from 'vitest'
import { duration, listed, number, spread, tick } from './numbers.ts'

test.each([
  [0, '0'],
  [0.01234, '0.0123'],
  [0.5, '0.500'],
  [1, '1.00'],
  [12.345, '12.3'],
  [999.4, '999'],
  [123_456.7, '123\u202f457'],
  [0.00001, '<0.0001'],
  [Number.NaN, '–'],
])('%d reads %s', (value, text) => {
  expect(number(value)).toBe(text)
})

test('a spread has no more decimals than its value', () => {
  expect([spread(12.3, 0.0456), spread(0.5, 0.01), spread(416_004, 4.15)]).toEqual(['0.0', '0.010', '4.00'])
})

test('ticks carry no idle zeros', () => {
  expect([tick(1), tick(0.25), tick(200_000)]).toEqual(['1', '0.25', '200\u202f000'])
})

test.each([
  [0.2, '1 s'],
  [59, '59 s'],
  [150, '3 min'],
  [7_500, '2 h 5 min'],
])('%d seconds are %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text)
})

test('lists end with and', () => {
  expect([listed(['a']), listed(['a', 'b']), listed(['a', 'b', 'c'])]).toEqual(['a', 'a and b', 'a, b and c'])
})
