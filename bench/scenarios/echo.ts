import { KiB, type Scenario, size } from './scenario.ts'

const bytes = KiB

export const echo: Scenario<{ trips: number }> = {
  name: 'echo',
  title: 'Full duplex',
  question: 'Can request and response flow at the same time, and how long is one turn?',
  scales: {
    smoke: { trips: 100 },
    quick: { trips: 500 },
    full: { trips: 1_000 },
  },
  load: (scale) =>
    `One exchange. The client sends a chunk of ${size(bytes)} and waits until the origin’s echo of it is back, ${scale.trips} times or for four seconds.`,
  expects: 'Each chunk comes back while the request is still open, every byte in its place.',
  wrong: 'Three seconds without an echo: a proxy that first collects the request can never answer.',
  headline: 'tripMedian',
  metrics: [
    {
      id: 'tripMedian',
      label: 'Median turn',
      unit: 'µs',
      better: 'lower',
      about: 'From writing a chunk to having all of it back.',
    },
    { id: 'trip99', label: '99 %', unit: 'µs', better: 'lower', about: 'One turn in a hundred took longer.' },
    {
      id: 'cpuPerTrip',
      label: 'CPU',
      unit: 'µs/turn',
      better: 'lower',
      about: 'Processor time of the proxy per turn: two chunks carried.',
    },
  ],
  job: (scale) => ({ kind: 'echo', trips: scale.trips, bytes, warmUp: Math.ceil(scale.trips / 4) }),
  values: ({ outcome, used }) => ({
    tripMedian: (outcome.values.tripMedian ?? Number.NaN) * 1000,
    trip99: (outcome.values.trip99 ?? Number.NaN) * 1000,
    cpuPerTrip: used ? (used.cpu / outcome.exchanges) * 1e6 : null,
  }),
}
