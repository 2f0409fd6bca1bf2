import { peakMemory } from './bulk.ts'
import { kibEach, MiB, type Scenario, size } from './scenario.ts'

const bytes = 16 * MiB
/** Of a modem of 56 kbit/s. */
const rate = 7_000

export const slow: Scenario<{ streams: number }> = {
  name: 'slow',
  title: 'Readers at the rate of a modem',
  question: 'How much memory does each client cost that reads a large body slowly?',
  byName: true,
  scales: { smoke: { streams: 20 }, quick: { streams: 200 }, full: { streams: 500 } },
  load: (scale) =>
    `${scale.streams} clients ask for ${size(bytes)} each and, when all have begun, take ${rate} bytes a second each. After two seconds, and no later than eight more, memory is read off, while they read on. Then they leave.`,
  expects: 'Every stream begins, is not cut, and has the right bytes.',
  wrong: 'A stream that does not begin, is cut, or has wrong bytes.',
  headline: 'processPerStream',
  metrics: [
    {
      id: 'processPerStream',
      label: 'In the proxy',
      unit: 'KiB/stream',
      better: 'lower',
      about: 'Growth of the proxy’s proportional set size, divided by the number of readers.',
    },
    {
      id: 'kernelPerStream',
      label: 'In TCP buffers',
      unit: 'KiB/stream',
      better: 'lower',
      about: 'Growth of all TCP buffers of the machine, both hops and all ends together.',
    },
    peakMemory,
  ],
  job: ({ streams }) => ({ kind: 'slow', streams, bytes, rate, seconds: 2, warmUp: 16 * MiB }),
  values({ outcome, used, held }) {
    const each = kibEach(outcome.exchanges)
    return {
      processPerStream: used ? each(held?.process) : null,
      kernelPerStream: each(held?.kernel),
      peakMemory: used ? used.peak / MiB : null,
    }
  },
}
