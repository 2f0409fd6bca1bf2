/** Content of a message as it comes in and goes out, on a wire that only writes down what it is told. */

import { chunked } from '@relayrace/gateway/strategy'
import { expect, test } from 'vitest'
import { Inbound } from '../src/inbound.ts'
import { Outbound } from '../src/outbound.ts'
import { Response } from '../src/response.ts'
import type { Wire } from '../src/wire.ts'

/** @param takes Whether the kernel takes what is written at once. */
function wire(takes = true) {
  const written: (Buffer | string)[] = []
  const told: string[] = []
  const write = (bytes: Buffer | string): boolean => {
    written.push(bytes)
    return takes
  }
  const it = {
    ...{ write, socket: {}, own: (bytes: Buffer) => bytes },
    pause: () => void told.push('pause'),
    resume: () => void told.push('resume'),
  }
  return {
    it: it as unknown as Wire,
    told,
    text: () => written.map((bytes) => bytes.toString('latin1')).join(''),
  }
}

test.each([
  ['one piece', [16_384], []],
  ['many pieces', Array(16).fill(1_024), []],
  ['a byte more', [...Array(16).fill(1_024), 1], ['pause']],
  ['a byte more in one piece', [16_385], ['pause']],
])('what nobody wants yet is kept up to 16 KiB: %s', (_, pieces, expected) => {
  const { it, told } = wire()
  const content = new Inbound(it, chunked)
  for (const size of pieces as number[]) content.deliver(Buffer.alloc(size))
  expect(told).toEqual(expected)
})

test('a piece that the kernel has not taken is not written over by the next one', () => {
  const { it, text } = wire(false)
  const out = new Outbound(it, chunked)
  for (const piece of ['one', 'two', 'three']) out.content(Buffer.from(piece), it)
  out.end()
  expect(text()).toBe('3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n')
})

test.each([
  ['has been told to go on', [100], true],
  ['has been told something else', [103], false],
  ['has been told nothing', [], false],
])('a connection whose client waits for 100, and %s, is kept by a final answer: %j', (_, interim, kept) => {
  const keeps: boolean[] = []
  const channel = { closing: false, awaitsContent: true, responded: (keep: boolean) => void keeps.push(keep) }
  const raw = ['Host', 'a', 'Expect', '100-continue', 'Content-Length', '5']
  const request = { method: 'POST', target: '/', version: '1.1', raw }
  const response = new Response({ ...channel, wire: wire().it }, request)
  for (const status of interim) response.inform(status, '', [])
  response.writeHead(200, '', ['Content-Length', '0'])
  response.end()
  expect(keeps).toEqual([kept])
})
