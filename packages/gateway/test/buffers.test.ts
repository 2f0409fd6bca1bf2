import { afterEach, expect, test } from 'vitest'
import {
  defaultLargeSize,
  giveBack,
  giveUp,
  largeShared,
  leaseLarge,
  setReadBuffer,
} from '../src/node/buffers.ts'

afterEach(() => setReadBuffer(defaultLargeSize))

/** How many large ones there may be at once. */
function most(): number {
  const leased: Buffer[] = []
  for (let buffer = leaseLarge(); buffer !== undefined; buffer = leaseLarge()) leased.push(buffer)
  for (const buffer of leased) giveBack(buffer)
  return leased.length
}

test('fast streams read as much at once as was set', () => {
  setReadBuffer(128 * 1024)
  const leased = leaseLarge() as Buffer
  expect([leased.length, largeShared().length]).toEqual([128 * 1024, 128 * 1024])
  giveBack(leased)
})

test('a buffer that was leased before the size was set is not leased again', () => {
  const leased = leaseLarge() as Buffer
  setReadBuffer(128 * 1024)
  giveBack(leased)
  const next = leaseLarge() as Buffer
  expect(next.length).toBe(128 * 1024)
  giveBack(next)
})

test.each([
  ['given back', giveBack],
  ['given up', giveUp],
])('one that is %s makes room for another, also where it has another size', (_, end) => {
  const before = most()
  const leased = leaseLarge() as Buffer
  setReadBuffer(128 * 1024)
  end(leased)
  expect(most()).toBe(before)
})

test.each([65_535, 67_108_865, 65_536.5, Number.NaN])('%d bytes are no read buffer', (size) => {
  expect(() => setReadBuffer(size)).toThrow(RangeError)
})
