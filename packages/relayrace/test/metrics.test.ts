import type { ExchangeSummary } from '@relayrace/gateway'
import { expect, test } from 'vitest'
import { createMetrics } from '../src/metrics.ts'
import type { Serving } from '../src/serve.ts'

const summary: ExchangeSummary = {
  gateway: 'pipe-proxy',
  method: 'GET',
  target: '/',
  status: 200,
  outcome: 'completed',
  endedBy: undefined,
  errorType: undefined,
  error: undefined,
  requestBytes: 3,
  responseBytes: 50,
  timeToHead: 250,
  duration: 1_500,
  times: {},
  upstream: 'http://127.0.0.1:9000',
  attempts: 2,
  route: 'users',
  remoteAddress: '127.0.0.1',
}

test('what an exchange says of itself in milliseconds is told in seconds, and each figure in its place', async () => {
  const metrics = createMetrics()
  metrics.onEnd(summary)
  const text = await metrics.text({ inFlight: 0, pool: undefined, sets: { all: [] } } as unknown as Serving)
  for (const line of [
    'relayrace_exchange_duration_seconds_sum{route="users"} 1.5',
    'relayrace_time_to_head_seconds_sum{route="users"} 0.25',
    'relayrace_content_bytes_total{route="users",direction="request"} 3',
    'relayrace_content_bytes_total{route="users",direction="response"} 50',
    'relayrace_attempts_total{route="users"} 2',
  ])
    expect(text.split('\n')).toContain(line)
})

test('an endpoint is in one condition, and no more there when it is gone', async () => {
  const metrics = createMetrics()
  const told = async (...endpoints: readonly object[]): Promise<string[]> => {
    const set = { state: () => ({ name: 'app', endpoints }) }
    const text = await metrics.text({ inFlight: 0, pool: undefined, sets: { all: [set] } } as never)
    return text.split('\n').filter((line) => line.startsWith('relayrace_endpoint_up{'))
  }
  const up = (id: string, condition: string, value: number): string =>
    `relayrace_endpoint_up{upstreams="app",endpoint="${id}",condition="${condition}"} ${value}`
  expect(await told({ id: 'a', condition: 'up' }, { id: 'b', condition: 'up' })).toEqual([
    up('a', 'up', 1),
    up('b', 'up', 1),
  ])
  expect(await told({ id: 'a', condition: 'ejected' })).toEqual([up('a', 'ejected', 0)])
})

test('methods that a client has made up are one series', async () => {
  const metrics = createMetrics()
  for (const method of ['GET', 'BREW', 'X1']) metrics.onEnd({ ...summary, method })
  const text = await metrics.text({ inFlight: 0, pool: undefined, sets: { all: [] } } as never)
  const counted = [...text.matchAll(/^relayrace_exchanges_total\{.*method="(.*?)".*\} (\d+)$/gm)]
  expect(counted.map(([, method, times]) => [method, times])).toEqual([
    ['GET', '1'],
    ['other', '2'],
  ])
})
