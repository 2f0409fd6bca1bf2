import { seeded } from '@relayrace/fixtures/random'
import { delivery, deliveryNames } from '@relayrace/fixtures/wire'
import { expect, test } from 'vitest'

const message = Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n${'x'.repeat(20)}`)

test.each(deliveryNames)('%s: all bytes, in order', (name) => {
  expect(Buffer.concat(delivery(name, seeded(1))(message))).toEqual(message)
})

test('each cuts in its way', () => {
  const lengths = (name: (typeof deliveryNames)[number]): number[] =>
    delivery(name, seeded(1))(message).map(({ length }) => length)
  expect(lengths('coalesced')).toEqual([message.length])
  expect(lengths('head and body')).toEqual([message.length - 20, 20])
  expect(lengths('one byte at a time')).toEqual(Array(message.length).fill(1))
  expect(lengths('random splits').length).toBeGreaterThan(2)
})
