import { type Bulk, bulkScales, transferMetrics, transferValues } from './bulk.ts'
import { unevenness } from './parallel.ts'
import { type Scenario, size } from './scenario.ts'

export const bothWays: Scenario<Bulk> = {
  name: 'both-ways',
  title: 'An upload and a download at once',
  question: 'What does it cost when as much goes up as comes down, and does one wait for the other?',
  byName: true,
  scales: bulkScales,
  load: (scale) =>
    `One client takes ${size(scale.size / 2)} while another sends as much, ${size(scale.size)} together.`,
  expects: 'As with one download and one upload.',
  wrong: 'As with one download and one upload.',
  headline: 'cpuPerGiB',
  metrics: [...transferMetrics, unevenness],
  job: (scale) => ({ kind: 'both', bytes: Math.ceil(scale.size / 2), warmUp: scale.warmUp }),
  values: (sample) => ({ ...transferValues(sample), unevenness: sample.outcome.values.unevenness ?? null }),
}
