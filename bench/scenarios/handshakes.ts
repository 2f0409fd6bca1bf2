import { peakMemory } from './bulk.ts'
import { KiB, MiB, type Scenario, size } from './scenario.ts'
import { sameTls } from './secure.ts'
import { rate } from './small.ts'

const bytes = KiB
const atATime = 8

interface Clients {
  readonly clients: number
  readonly warmUp: number
  readonly [other: string]: number
}

const shaking = (
  resumed: boolean,
  asked: Pick<Scenario, 'name' | 'title' | 'question'>,
): Scenario<Clients> => ({
  ...asked,
  byName: true,
  way: 'tls',
  scales: {
    smoke: { clients: 100, warmUp: 50 },
    quick: { clients: 1_500, warmUp: 500 },
    full: { clients: 4_000, warmUp: 1_000 },
  },
  load: (scale) =>
    `${scale.clients} clients, ${atATime} at a time, connect, ${resumed ? 'go on with a TLS session of before' : 'shake hands in full'}, ask for ${size(bytes)} and leave, after ${scale.warmUp} that do not count. ${sameTls}.`,
  expects: `Each handshake is ${resumed ? 'resumed' : 'a full one'}; each response has status 200, the right length and the right bytes.`,
  wrong: `A handshake that fails${resumed ? ' or is not resumed' : ''}, a wrong response, ten seconds of silence.`,
  headline: 'cpuPerHandshake',
  metrics: [
    {
      id: 'cpuPerHandshake',
      label: 'CPU',
      unit: 'µs/client',
      better: 'lower',
      about:
        'Processor time of the proxy per client that was served: its connection, its handshake, its request.',
    },
    rate,
    {
      id: 'latencyMedian',
      label: 'Median',
      unit: 'ms',
      better: 'lower',
      about: `From the start of the connect to the end of the response, with ${atATime} at a time. Our client’s part of the handshake is in it.`,
      wallClock: true,
    },
    {
      id: 'latency99',
      label: '99 %',
      unit: 'ms',
      better: 'lower',
      about: 'One client in a hundred took longer.',
      wallClock: true,
    },
    peakMemory,
  ],
  job: ({ clients, warmUp }) => ({ kind: 'handshakes', clients, atATime, bytes, resumed, warmUp }),
  values: ({ outcome, used }) => ({
    cpuPerHandshake: used ? (used.cpu / outcome.exchanges) * 1e6 : null,
    rate: outcome.exchanges / outcome.seconds,
    latencyMedian: outcome.values.latencyMedian ?? null,
    latency99: outcome.values.latency99 ?? null,
    peakMemory: used ? used.peak / MiB : null,
  }),
})

export const handshakes: Scenario<Clients> = shaking(false, {
  name: 'handshakes',
  title: 'TLS handshakes',
  question: 'What does a client cost that is new, and shakes hands in full?',
})

export const handshakesResumed: Scenario<Clients> = shaking(true, {
  name: 'handshakes-resumed',
  title: 'TLS handshakes, resumed',
  question: 'What does a client cost that was here before, and goes on with its session?',
})
