/** Which address is the client's. */

import type { Exchange } from '@relayrace/gateway'
import { describe, expect, test } from 'vitest'
import { clientAddress, ipAllow } from '../src/middleware/index.ts'

const exchange = (remoteAddress: string | undefined, ...forwarded: string[]): Exchange =>
  ({ request: { remoteAddress, fields: { all: () => forwarded } } }) as unknown as Exchange

describe('the client behind trusted proxies', () => {
  test.each<[string | undefined, string[], string | undefined]>([
    ['192.0.2.1', ['10.9.9.9'], '192.0.2.1'],
    ['10.0.0.1', ['192.0.2.1'], '192.0.2.1'],
    ['::ffff:10.0.0.1', ['192.0.2.1'], '192.0.2.1'],
    ['10.0.0.1', ['1.1.1.1, 192.0.2.1, 10.0.0.2'], '192.0.2.1'],
    ['10.0.0.1', ['1.1.1.1', '192.0.2.1', '10.0.0.2'], '192.0.2.1'],
    ['fd00::1', ['[2001:db8::1]:4711'], '2001:db8::1'],
    ['10.0.0.1', ['192.0.2.1:4711'], '192.0.2.1'],
    ['10.0.0.1', [], '10.0.0.1'],
    ['10.0.0.1', ['10.0.0.2'], '10.0.0.2'],
    ['10.0.0.1', ['192.0.2.1, nonsense'], undefined],
    ['10.0.0.1', ['192.0.2.1,'], '10.0.0.1'],
    [undefined, ['192.0.2.1'], undefined],
  ])('%s, %j', (remote, forwarded, expected) => {
    const addressOf = clientAddress({ trusted: ['10.0.0.0/8', 'fd00::/8'] })
    expect(addressOf(exchange(remote, ...forwarded))).toBe(expected)
  })

  test.each([
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['fe80::1%eth0', 'fe80::1'],
  ])('%s is %s without any, too', (remote, expected) => {
    expect(clientAddress()(exchange(remote))).toBe(expected)
  })

  test.each([
    '',
    'a.example',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/a',
    '::/129',
    '300.1.1.1',
  ])('%j is no address: TypeError', (network) => {
    expect(() => ipAllow([network])).toThrow('Not an address, and not a network')
  })
})
