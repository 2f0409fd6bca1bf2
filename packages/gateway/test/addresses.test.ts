import { seeded } from '@relayrace/fixtures/random'
import { expect, test } from 'vitest'
import { isGlobal } from '../src/guard/addresses.ts'

/** 32 bits, the same every time. */
function numbers(seed: number): () => number {
  const random = seeded(seed)
  return () => random() * 2 ** 32
}

const dotted = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.')
const half = (value: number): string => (value & 0xffff).toString(16)

test.each([
  ...[
    '0.0.0.0',
    '0.1.2.3',
    '10.255.255.255',
    '100.64.0.1',
    '100.100.100.200',
    '100.127.255.255',
    '127.0.0.1',
  ],
  ...['127.255.255.255', '168.63.129.16', '169.254.169.254', '172.16.0.1', '172.31.255.255', '192.0.0.192'],
  ...[
    '192.0.2.1',
    '192.88.99.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
    '203.0.113.1',
  ],
  ...['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
  ...['::', '::1', '::127.0.0.1', '::ffff:127.0.0.1', '::ffff:8.8.8.8', '64:ff9b::7f00:1', '64:ff9b:1::1'],
  ...['100::1', '2001::1', '2001:0:1:2::3', '2001:2::1', '2001:20::1', '2001:db8::1', '2002:7f00:1::'],
  ...['3fff::1', '5f00::1', 'fc00::1', 'fd00:ec2::254', 'fe80::1', 'fe80::1%eth0', 'fec0::1', 'ff02::1'],
  ...['2606:4700::1%1', 'localhost', '', '127.1', '0x7f.0.0.1', '0177.0.0.1', '2130706433'],
])('%s is not on the Internet', (address) => {
  expect(isGlobal(address)).toBe(false)
})

test.each([
  ...['1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255'],
  ...['128.0.0.0', '169.253.255.255', '172.15.255.255', '172.32.0.0', '192.167.255.255', '198.17.255.255'],
  ...['198.20.0.0', '223.255.255.255', '2606:4700::1111', '2001:4860:4860::8888', '2a00:1450::1', '2003::1'],
])('%s is', (address) => {
  expect(isGlobal(address)).toBe(true)
})

test('no IPv6 spelling of an IPv4 address is on the Internet, whatever the address', () => {
  const next = numbers(1)
  for (let i = 0; i < 20_000; i++) {
    const value = next()
    const [high, low] = [half(value >>> 16), half(value)]
    for (const address of [
      `::ffff:${dotted(value)}`,
      `::ffff:${high}:${low}`,
      `::${dotted(value)}`,
      `::ffff:0:${high}:${low}`,
      `64:ff9b::${high}:${low}`,
      `64:ff9b::${dotted(value)}`,
      `64:ff9b:1::${high}:${low}`,
      `2002:${high}:${low}::1`,
      `2001:0:${high}:${low}::1`,
    ])
      expect(isGlobal(address), address).toBe(false)
  }
})

test('all of a network is what its first address is', () => {
  const next = numbers(2)
  const networks: readonly (readonly [first: number, bits: number])[] = [
    ...[[0, 8] as const, [10 << 24, 8] as const, [127 << 24, 8] as const, [0xc0a80000, 16] as const],
    ...[
      [0xa9fe0000, 16] as const,
      [0xac100000, 12] as const,
      [0x64400000, 10] as const,
      [0xe0000000, 3] as const,
    ],
  ]
  for (const [first, bits] of networks) {
    for (let i = 0; i < 2_000; i++) {
      const address = dotted((first | (next() >>> bits)) >>> 0)
      expect(isGlobal(address), address).toBe(false)
    }
  }
})
