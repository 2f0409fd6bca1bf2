import { type Bulk, bulkScales, firstByte, transferMetrics, transferValues } from './bulk.ts'
import { type Scenario, size } from './scenario.ts'

export const download: Scenario<Bulk> = {
  name: 'download',
  title: 'One download',
  question: 'What does it cost to relay one large response, and does memory grow with it?',
  scales: bulkScales,
  load: (scale) => `One client takes one body of ${size(scale.size)} as fast as it comes.`,
  expects: 'Status 200, the Content-Length of the origin, and every byte in its place.',
  wrong: 'Another status or length, a body that ends early or late, one wrong byte, ten seconds of silence.',
  headline: 'cpuPerGiB',
  metrics: [...transferMetrics, firstByte],
  job: (scale) => ({ kind: 'download', streams: 1, bytes: scale.size, warmUp: scale.warmUp }),
  values: (sample) => ({ ...transferValues(sample), firstByte: sample.outcome.values.firstByte ?? null }),
}
