import { type Bulk, bulkScales, transferMetrics, transferValues } from './bulk.ts'
import { unevenness } from './parallel.ts'
import { KiB, MiB, type Scenario, size } from './scenario.ts'

const streams = 7
const stalled = { streams: 1, bytes: 64 * MiB, after: 64 * KiB }

export const besideStalled: Scenario<Bulk> = {
  name: 'beside-stalled',
  title: 'One stalled among fast ones',
  question: 'Does a client that has stopped reading slow the others down?',
  byName: true,
  scales: bulkScales,
  load: (scale) =>
    `One client asks for ${size(stalled.bytes)}, reads ${size(stalled.after)} and stops. Then ${streams} others take ${size(Math.ceil(scale.size / streams))} each, all at once. At last the first reads on.`,
  expects: 'As with one download, for each; the stalled one is not cut, and goes on with the right bytes.',
  wrong: 'As with one download; also a stalled stream that is cut, or goes on wrong.',
  headline: 'cpuPerGiB',
  metrics: [...transferMetrics, unevenness],
  job: (scale) => ({
    kind: 'beside',
    stalled,
    streams,
    bytes: Math.ceil(scale.size / streams),
    warmUp: scale.warmUp,
  }),
  values: (sample) => ({ ...transferValues(sample), unevenness: sample.outcome.values.unevenness ?? null }),
}
