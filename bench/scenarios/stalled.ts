import { peakMemory } from './bulk.ts'
import { KiB, kibEach, MiB, type Scenario, size } from './scenario.ts'

const after = 64 * KiB
const bytes = 64 * MiB

export const stalled: Scenario<{ streams: number }> = {
  name: 'stalled',
  title: 'Readers that stop reading',
  question: 'How much memory does each client cost that asks for a large body and then does not read it?',
  scales: {
    smoke: { streams: 50 },
    quick: { streams: 200 },
    full: { streams: 200 },
  },
  load: (scale) =>
    `${scale.streams} clients ask for ${size(bytes)} each, read ${size(after)} and stop. When memory no longer moves it is read off. Then each takes ${size(after)} more and leaves.`,
  expects: 'Every stream begins, waits without being cut, and goes on with the right bytes.',
  wrong:
    'A stream that does not begin (a queue in front of the origin), is cut while it waits, or goes on wrong.',
  headline: 'processPerStream',
  metrics: [
    {
      id: 'processPerStream',
      label: 'In the proxy',
      unit: 'KiB/stream',
      better: 'lower',
      about: 'Growth of the proxy’s proportional set size, divided by the number of stalled streams.',
    },
    {
      id: 'kernelPerStream',
      label: 'In TCP buffers',
      unit: 'KiB/stream',
      better: 'lower',
      about:
        'Growth of all TCP buffers of the machine, both hops and all ends together. It is not in the memory of any process.',
    },
    {
      id: 'pulledPerStream',
      label: 'Pulled ahead',
      unit: 'KiB/stream',
      better: 'lower',
      about:
        'What the origin has handed out and nobody has read: in the proxy, on its disk, and in the buffers of both hops. Beyond 4 GiB in all, or after 8 s, we stop looking.',
    },
    {
      id: 'leftPerStream',
      label: 'Left behind',
      unit: '/stream',
      better: 'lower',
      about:
        'Descriptors that the proxy holds when all clients have left, beyond those of before, by the number of streams.',
    },
    peakMemory,
  ],
  job: (scale) => ({ kind: 'stall', streams: scale.streams, bytes, after, warmUp: 16 * MiB }),
  values({ outcome, used, held, left }) {
    const each = kibEach(outcome.exchanges)
    return {
      processPerStream: used ? each(held?.process) : null,
      kernelPerStream: each(held?.kernel),
      pulledPerStream: each(held && held.pulled - outcome.exchanges * after),
      leftPerStream: left === undefined ? null : left / outcome.exchanges,
      peakMemory: used ? used.peak / MiB : null,
    }
  },
}
