import { peakMemory } from './bulk.ts'
import { KiB, type Scenario, size } from './scenario.ts'
import { cpuPerRequest, rate } from './small.ts'

const connections = 32
const bytes = KiB

export const saturated: Scenario<{ requests: number; warmUp: number }> = {
  name: 'saturated',
  title: 'Small requests, by a cheaper client',
  question: 'What does one small exchange cost when as many come as can be had?',
  byName: true,
  scales: {
    smoke: { requests: 2_000, warmUp: 500 },
    quick: { requests: 30_000, warmUp: 30_000 },
    full: { requests: 60_000, warmUp: 60_000 },
  },
  load: (scale) =>
    `Our own client: ${scale.requests} requests for ${size(bytes)} over ${connections} connections, each asking again as soon as it has its answer, after ${scale.warmUp} that do not count.`,
  expects: 'Each response has status 200, the right length and the right bytes.',
  wrong:
    'Another status or length, wrong bytes, a connection that ends without having said so, ten seconds without an answer.',
  headline: 'cpuPerRequest',
  metrics: [cpuPerRequest, rate, peakMemory],
  job: ({ requests, warmUp }) => ({ kind: 'saturate', connections, amount: requests, warmUp, bytes }),
  values: ({ outcome, used }) => ({
    cpuPerRequest: used ? (used.cpu / outcome.exchanges) * 1e6 : null,
    rate: outcome.exchanges / outcome.seconds,
    peakMemory: used ? used.peak / 1024 ** 2 : null,
  }),
}
