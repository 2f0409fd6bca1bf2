import { type Bulk, bulkScales, transferMetrics, transferValues } from './bulk.ts'
import { KiB, MiB, type Scenario, size } from './scenario.ts'

interface Chunks extends Pick<Scenario<Bulk>, 'name' | 'title' | 'question' | 'scales'> {
  /** Bytes in each. */
  readonly chunk: number
}

/** Never more than the most that makes sense in such chunks. */
const bytes = ({ size, most = size }: Bulk): number => Math.min(size, most)

const inChunks = ({ chunk, ...asked }: Chunks): Scenario<Bulk> => ({
  ...asked,
  load: (scale) => `One client takes ${size(bytes(scale))} in chunked coding, ${size(chunk)} a chunk.`,
  expects: 'Status 200, sound chunked coding with its last chunk, every byte in its place.',
  wrong: 'As with one download; also a chunk size that cannot be read, or a missing last chunk.',
  headline: 'cpuPerGiB',
  metrics: transferMetrics,
  job: (scale) => ({
    kind: 'download',
    streams: 1,
    bytes: bytes(scale),
    warmUp: (scale.warmUp * bytes(scale)) / scale.size,
    chunk,
  }),
  values: transferValues,
})

export const chunked: Scenario<Bulk> = inChunks({
  name: 'chunked',
  title: 'A body of unknown length in small chunks',
  question: 'What does it cost when the length is not known and the pieces are small?',
  chunk: 4 * KiB,
  scales: {
    smoke: { ...bulkScales.smoke, most: 16 * MiB },
    quick: { ...bulkScales.quick, most: 128 * MiB },
    full: { ...bulkScales.full, most: 256 * MiB },
  },
})

export const chunkedLarge: Scenario<Bulk> = inChunks({
  name: 'chunked-large',
  title: 'A body of unknown length in large chunks',
  question: 'What does it cost, beside a download of known length, when files are sent in chunked coding?',
  chunk: 64 * KiB,
  scales: bulkScales,
})
