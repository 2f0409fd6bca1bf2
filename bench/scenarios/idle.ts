import { peakMemory } from './bulk.ts'
import { KiB, MiB, type Scenario, size } from './scenario.ts'

const bytes = KiB
const warmUp = 2_000

export const idle: Scenario<{ connections: number }> = {
  name: 'idle',
  title: 'Connections that are kept',
  question: 'How much memory does each client cost that keeps its connection and does not use it?',
  scales: {
    smoke: { connections: 100 },
    quick: { connections: 1_000 },
    full: { connections: 2_000 },
  },
  load: (scale) =>
    `${scale.connections} clients, one after another, ask for ${size(bytes)} and keep their connection. When memory no longer moves it is read off. Then each asks once more and leaves.`,
  expects: 'Every connection is kept, and answers again.',
  wrong: 'A connection that is closed meanwhile, or a wrong response.',
  headline: 'processPerConnection',
  metrics: [
    {
      id: 'processPerConnection',
      label: 'In the proxy',
      unit: 'KiB/connection',
      better: 'lower',
      about: 'Growth of the proxy’s proportional set size, divided by the number of connections.',
    },
    peakMemory,
  ],
  job: (scale) => ({ kind: 'idle', connections: scale.connections, bytes, warmUp }),
  values({ outcome, used, held }) {
    const process = used ? held?.process : undefined
    return {
      // Each connection has two exchanges.
      processPerConnection:
        process === undefined || process === null ? null : process / (outcome.exchanges / 2) / KiB,
      peakMemory: used ? used.peak / MiB : null,
    }
  },
}
