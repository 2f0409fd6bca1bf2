import { transferMetrics, transferValues } from './bulk.ts'
import { KiB, type Scenario, size } from './scenario.ts'

const chunk = 4 * KiB

export const chunked: Scenario = {
  name: 'chunked',
  title: 'A body of unknown length in small chunks',
  question: 'What does it cost when the length is not known and the pieces are small?',
  load: (scale) => `One client takes ${size(scale.chunkedSize)} in chunked coding, ${size(chunk)} a chunk.`,
  expects: 'Status 200, sound chunked coding with its last chunk, every byte in its place.',
  wrong: 'As with one download; also a chunk size that cannot be read, or a missing last chunk.',
  headline: 'cpuPerGiB',
  metrics: transferMetrics,
  job: (scale) => ({
    kind: 'download',
    streams: 1,
    bytes: scale.chunkedSize,
    warmUp: scale.warmUp / 4,
    chunk,
  }),
  values: transferValues,
}
