import { KiB, type Scenario } from './scenario.ts'

const bytes = 100

export const websocket: Scenario<{ connections: number; messages: number; warmUpMessages: number }> = {
  name: 'websocket',
  title: 'WebSockets',
  question: 'What does a message through a WebSocket cost, and what does one that is silent hold?',
  scales: {
    smoke: { connections: 20, messages: 400, warmUpMessages: 100 },
    quick: { connections: 200, messages: 20_000, warmUpMessages: 5_000 },
    full: { connections: 500, messages: 100_000, warmUpMessages: 20_000 },
  },
  load: (scale) =>
    `${scale.connections} WebSockets, which together send ${scale.messages} messages of ${bytes} bytes. Each waits for its message to come back before it sends the next. Then all are silent, and memory is read off.`,
  expects: 'The handshake, and every message, with the same bytes.',
  wrong: 'A refused upgrade, wrong bytes, a connection that ends.',
  headline: 'cpuPerMessage',
  metrics: [
    {
      id: 'cpuPerMessage',
      label: 'CPU',
      unit: 'µs/message',
      better: 'lower',
      about: 'Processor time of the proxy per message, there and back; handshakes are in it.',
    },
    {
      id: 'tripMedian',
      label: 'Median turn',
      unit: 'µs',
      better: 'lower',
      about:
        'From the client’s write to its read. With all connections busy, so it is waiting time above all.',
    },
    { id: 'trip99', label: '99 %', unit: 'µs', better: 'lower', about: 'One turn in a hundred took longer.' },
    {
      id: 'processPerConnection',
      label: 'Silent',
      unit: 'KiB/connection',
      better: 'lower',
      about: 'Growth of the proxy’s proportional set size when all are silent, divided by their number.',
    },
  ],
  job: (scale) => ({
    kind: 'messages',
    connections: scale.connections,
    amount: scale.messages,
    bytes,
    warmUp: scale.warmUpMessages,
  }),
  values({ outcome, used, held }) {
    const { tripMedian, trip99, messages = Number.NaN } = outcome.values
    const process = held?.process ?? null
    return {
      cpuPerMessage: used ? (used.cpu / messages) * 1e6 : null,
      tripMedian: tripMedian === undefined ? null : tripMedian * 1000,
      trip99: trip99 === undefined ? null : trip99 * 1000,
      processPerConnection: used && process !== null ? process / outcome.exchanges / KiB : null,
    }
  },
}
