import { peakMemory } from './bulk.ts'
import { KiB, MiB, type Scenario, size } from './scenario.ts'

const bytes = 64 * MiB
const after = [0, 1, 64 * KiB, 512 * KiB]
const atATime = 32

export const aborts: Scenario<{ clients: number }> = {
  name: 'aborts',
  title: 'Clients that leave',
  question: 'What is fetched for nobody when clients leave in the middle, and is anything left behind?',
  byName: true,
  scales: { smoke: { clients: 100 }, quick: { clients: 1_000 }, full: { clients: 2_000 } },
  load: (scale) =>
    `${scale.clients} clients, ${atATime} at a time, ask for ${size(bytes)} each and leave: by turns as soon as they have asked, with the first byte, after ${size(64 * KiB)} and after ${size(512 * KiB)}. When nothing moves any more, descriptors and what the origin has sent are read off, and one more client takes a whole body.`,
  expects: 'What comes until then is right, and the body after the storm comes whole.',
  wrong: 'Wrong bytes, another status, a connection that ends first, no answer afterwards.',
  headline: 'wastedPerClient',
  metrics: [
    {
      id: 'wastedPerClient',
      label: 'Fetched for nobody',
      unit: 'KiB/client',
      better: 'lower',
      about:
        'What the origin has sent and no client has read, by the number of clients. What lay in the buffers of the kernel is in it: see direct.',
    },
    {
      id: 'leftPerClient',
      label: 'Left behind',
      unit: '/client',
      better: 'lower',
      about:
        'Descriptors that the proxy holds when all have left, beyond those of before, by the number of clients. One in twenty is a leak.',
    },
    {
      id: 'cpuPerClient',
      label: 'CPU',
      unit: 'µs/client',
      better: 'lower',
      about:
        'Processor time of the proxy, that of the body after the storm included, by the number of clients.',
    },
    {
      id: 'processGrowth',
      label: 'Grown by',
      unit: 'MiB',
      better: 'lower',
      about:
        'Growth of the proxy’s proportional set size from before the first came to after the last had left.',
    },
    peakMemory,
  ],
  job: ({ clients }) => ({ kind: 'leave', clients, atATime, bytes, after, warmUp: 8 * MiB }),
  values({ outcome, used, held, left }) {
    const clients = outcome.exchanges
    const grown = used ? (held?.process ?? null) : null
    return {
      wastedPerClient: held ? Math.max(0, held.pulled - outcome.bytes) / clients / KiB : null,
      leftPerClient: left === undefined ? null : left / clients,
      cpuPerClient: used ? (used.cpu / clients) * 1e6 : null,
      processGrowth: grown === null ? null : grown / MiB,
      peakMemory: used ? used.peak / MiB : null,
    }
  },
}
