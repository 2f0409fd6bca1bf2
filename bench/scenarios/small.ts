import type { MetricRecord } from '../report/results.ts'
import { peakMemory } from './bulk.ts'
import { KiB, type Scenario, size } from './scenario.ts'

const connections = 32
const bytes = KiB

export const cpuPerRequest: MetricRecord = {
  id: 'cpuPerRequest',
  label: 'CPU',
  unit: 'µs/request',
  better: 'lower',
  about: 'Processor time of the proxy per exchange that was right.',
}

export const rate: MetricRecord = {
  id: 'rate',
  label: 'Rate',
  unit: '/s',
  better: 'higher',
  about: 'Right responses per second in a closed loop.',
  wallClock: true,
}

export const small: Scenario<{ requests: number; warmUp: number }> = {
  name: 'small',
  title: 'Small requests',
  question: 'What does one small exchange cost on connections that are kept?',
  scales: {
    smoke: { requests: 1_000, warmUp: 500 },
    quick: { requests: 8_000, warmUp: 30_000 },
    full: { requests: 20_000, warmUp: 60_000 },
  },
  load: (scale) =>
    `autocannon: ${scale.requests} requests for ${size(bytes)} over ${connections} connections, no pipelining, after ${scale.warmUp} that do not count.`,
  expects: 'Each response has status 200, the right length and the right bytes.',
  wrong:
    'Another status or length, wrong bytes, a connection that closes in a response or without one, ten seconds without an answer.',
  headline: 'cpuPerRequest',
  metrics: [
    cpuPerRequest,
    rate,
    {
      id: 'latencyMedian',
      label: 'Median',
      unit: 'ms',
      better: 'lower',
      about: 'Half of the exchanges took longer. At full load, so it is queueing more than work.',
      wallClock: true,
    },
    {
      id: 'latency99',
      label: '99 %',
      unit: 'ms',
      better: 'lower',
      about: 'One exchange in a hundred took longer. At full load.',
      wallClock: true,
    },
    peakMemory,
  ],
  job: ({ requests, warmUp }) => ({
    kind: 'requests',
    connections,
    amount: requests,
    warmUp,
    bytes,
  }),
  values: ({ outcome, used }) => ({
    cpuPerRequest: used ? (used.cpu / outcome.exchanges) * 1e6 : null,
    rate: outcome.exchanges / outcome.seconds,
    latencyMedian: outcome.values.latencyMedian ?? null,
    latency99: outcome.values.latency99 ?? null,
    peakMemory: used ? used.peak / 1024 ** 2 : null,
  }),
}
