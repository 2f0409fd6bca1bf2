import type { MetricRecord } from '../report/results.ts'
import { KiB, type Scenario, size } from './scenario.ts'
import { cpuPerRequest } from './small.ts'

const connections = 32
const bytes = KiB
const shares = [0.25, 0.5, 0.8]
const percents = shares.map((share) => Math.round(share * 100))

const latency = (id: string, label: string, about: string): MetricRecord[] =>
  percents.map((percent) => ({
    id: `${id}At${percent}`,
    label: `${label} at ${percent} %`,
    unit: 'ms',
    better: 'lower',
    about: `${about} Requests came at ${percent} % of the most.`,
    wallClock: true,
  }))

export const arrivals: Scenario<{ warmUp: number; search: number; milliseconds: number }> = {
  name: 'arrivals',
  title: 'Requests that come at a constant rate',
  question:
    'How long does an exchange take at a quarter, a half and four fifths of the load that can be had?',
  byName: true,
  scales: {
    smoke: { warmUp: 500, search: 500, milliseconds: 300 },
    quick: { warmUp: 30_000, search: 10_000, milliseconds: 3_000 },
    full: { warmUp: 60_000, search: 20_000, milliseconds: 5_000 },
  },
  load: (scale) =>
    `An open loop. After ${scale.warmUp} requests that do not count, ${scale.search} for ${size(bytes)} over ${connections} connections, as fast as they are answered, find the most; then requests come for ${scale.milliseconds / 1000} s each at ${percents.join(', ')} % of that, due at whole milliseconds, answered or not.`,
  expects: 'Each response has status 200, the right length and the right bytes.',
  wrong:
    'Another status or length, wrong bytes, a connection that ends without having said so, ten seconds without an answer.',
  headline: 'p99At50',
  metrics: [
    {
      id: 'most',
      label: 'Most',
      unit: '/s',
      better: 'higher',
      about:
        'Right responses per second in the closed loop before: what the shares are of, for this target alone.',
      wallClock: true,
    },
    ...latency('median', 'Median', 'From when it was due to its last byte; half took longer.'),
    ...latency('p99', '99 %', 'From when it was due to its last byte; one in a hundred took longer.'),
    {
      id: 'lateAt50',
      label: 'Sent late',
      unit: 'ms',
      better: 'lower',
      about:
        'How late the client sent half of them at 50 %: its own clock, and waiting for a free connection. It is in the latencies.',
    },
    cpuPerRequest,
  ],
  job: ({ warmUp, search, milliseconds }) => ({
    kind: 'arrivals',
    connections,
    warmUp,
    search,
    shares,
    seconds: milliseconds / 1000,
    bytes,
  }),
  values({ outcome: { values, exchanges }, used }) {
    const ids = ['most', 'lateAt50', ...percents.flatMap((one) => [`medianAt${one}`, `p99At${one}`])]
    return {
      ...Object.fromEntries(ids.map((id) => [id, values[id] ?? null])),
      cpuPerRequest: used ? (used.cpu / exchanges) * 1e6 : null,
    }
  },
}
