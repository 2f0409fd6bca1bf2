import type { MetricRecord } from '../report/results.ts'
import { type Bulk, bulkScales, transferMetrics, transferValues } from './bulk.ts'
import { type Scenario, size } from './scenario.ts'

const streams = 8

export const unevenness: MetricRecord = {
  id: 'unevenness',
  label: 'Last to first',
  unit: '×',
  better: 'lower',
  about: 'When the slowest stream was done, as a multiple of when the fastest was. 1 is perfectly fair.',
}

export const parallel: Scenario<Bulk> = {
  name: 'parallel',
  title: 'Eight downloads at a time',
  question: 'Do several large responses share the proxy fairly, and what does each more cost in memory?',
  scales: bulkScales,
  load: (scale) =>
    `${streams} clients take ${size(scale.size / streams)} each, all different, all at once: ${size(scale.size)} together.`,
  expects: 'As with one download, for each of the eight.',
  wrong: 'As with one download; also bytes of one stream in another.',
  headline: 'cpuPerGiB',
  metrics: [
    ...transferMetrics,
    unevenness,
    {
      id: 'firstByteWorst',
      label: 'Worst first byte',
      unit: 'ms',
      better: 'lower',
      about: 'How long the unluckiest of the eight waited for its first byte.',
    },
  ],
  job: (scale) => ({
    kind: 'download',
    streams,
    bytes: Math.ceil(scale.size / streams),
    warmUp: scale.warmUp,
  }),
  values: (sample) => ({
    ...transferValues(sample),
    unevenness: sample.outcome.values.unevenness ?? null,
    firstByteWorst: sample.outcome.values.firstByteWorst ?? null,
  }),
}
