import type { Scenario } from './scenario.ts'

const streams = 8
const interval = 10

export const events: Scenario<{ events: number }> = {
  name: 'events',
  title: 'Live events',
  question: 'How late is a live event when it has come through the proxy?',
  scales: {
    smoke: { events: 20 },
    quick: { events: 50 },
    full: { events: 100 },
  },
  load: (scale) =>
    `${streams} readers of event streams; each stream sends ${scale.events} events, one every ${interval} ms. Each event says when it was sent.`,
  expects: 'Every event, in order, each as soon as it was sent.',
  wrong: 'A lost event, another order, a stream that does not begin within ten seconds.',
  headline: 'delayMedian',
  metrics: [
    {
      id: 'delayMedian',
      label: 'Median delay',
      unit: 'ms',
      better: 'lower',
      about: 'From the origin’s write to the client’s read. Compare with `direct`, where there is no proxy.',
    },
    {
      id: 'delay99',
      label: '99 %',
      unit: 'ms',
      better: 'lower',
      about: 'One event in a hundred was later than this.',
    },
    { id: 'delayWorst', label: 'Worst', unit: 'ms', better: 'lower', about: 'The latest event of all.' },
    {
      id: 'cpuPerEvent',
      label: 'CPU',
      unit: 'µs/event',
      better: 'lower',
      about: 'Processor time of the proxy per event.',
    },
  ],
  job: (scale) => ({ kind: 'events', streams, count: scale.events, interval }),
  values: ({ outcome, used }) => ({
    delayMedian: outcome.values.delayMedian ?? null,
    delay99: outcome.values.delay99 ?? null,
    delayWorst: outcome.values.delayWorst ?? null,
    cpuPerEvent: used ? (used.cpu / (outcome.values.events ?? Number.NaN)) * 1e6 : null,
  }),
}
