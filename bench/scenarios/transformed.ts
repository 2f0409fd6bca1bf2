import { type Bulk, transferMetrics, transferValues } from './bulk.ts'
import { MiB, type Scenario, size } from './scenario.ts'

export const transformed: Scenario<Bulk> = {
  name: 'transformed',
  title: 'Text that is packed on its way',
  question: 'What does it cost when the proxy changes what passes: gzip of a large text?',
  byName: true,
  way: 'gzip',
  scales: {
    smoke: { size: 8 * MiB, warmUp: MiB },
    quick: { size: 128 * MiB, warmUp: 16 * MiB },
    full: { size: 256 * MiB, warmUp: 64 * MiB },
  },
  load: (scale) =>
    `One client takes a text of ${size(scale.size)} that the proxy packs by gzip at level 1, and unpacks it. Ours do it by a hook in their own process, with zlib of Node.js.`,
  expects: 'Status 200, Content-Encoding: gzip, and unpacked every byte in its place.',
  wrong:
    'Another status, a body that is not packed, cannot be unpacked, or is another one; ten seconds of silence.',
  headline: 'cpuPerGiB',
  metrics: [
    ...transferMetrics,
    {
      id: 'packedTo',
      label: 'Packed to',
      unit: '%',
      better: 'lower',
      about: 'What the client got, as a share of the text. Who packs better has worked more for it.',
    },
  ],
  job: (scale) => ({ kind: 'unpack', bytes: scale.size, warmUp: scale.warmUp }),
  values(sample) {
    const { bytes, values } = sample.outcome
    return {
      ...transferValues(sample),
      packedTo: values.packed === undefined ? null : (values.packed / bytes) * 100,
    }
  },
}
