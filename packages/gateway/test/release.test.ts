import { once } from 'node:events'
import { createServer, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { Releaser, release } from '../src/node/release.ts'

test('a chunk that is all of its memory is freed', () => {
  const chunk = new Uint8Array(16)
  release(chunk)
  expect(chunk.byteLength).toBe(0)
})

test('a part of something larger is left alone', () => {
  const whole = new Uint8Array(16)
  release(whole.subarray(0, 8))
  expect(whole.byteLength).toBe(16)
})

test('what is written stays until it is out, and is freed with the next chunk', async () => {
  const [first, second] = [new Uint8Array(64).fill(1), new Uint8Array(64).fill(2)]
  const server = createServer(async (_, response) => {
    const releaser = new Releaser(response)
    releaser.add(first)
    response.write(first)
    while (response.writableLength > 0) await new Promise(setImmediate)
    expect(first.byteLength).toBe(64)
    releaser.add(second)
    expect(first.byteLength).toBe(0)
    response.end(second)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const body = new Uint8Array(await answer.arrayBuffer())
  expect([...body]).toEqual([...Array(64).fill(1), ...Array(64).fill(2)])
})

test('where a middleware takes the chunks over nothing is freed', () => {
  const response = new ServerResponse({ method: 'GET' } as never)
  response.write = () => true
  const releaser = new Releaser(response)
  const chunk = new Uint8Array(16)
  releaser.add(chunk)
  releaser.add(new Uint8Array(16))
  expect(chunk.byteLength).toBe(16)
})
