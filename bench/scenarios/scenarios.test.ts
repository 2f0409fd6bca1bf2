import { expect, test } from 'vitest'
import { scenarios } from './index.ts'
import { GiB, KiB, type Measured, MiB } from './scenario.ts'

/** Figures of which no two are alike, so that none can stand for another. */
const sample: Measured = {
  outcome: {
    seconds: 4,
    bytes: 2 * GiB,
    exchanges: 10,
    problems: {},
    values: {
      firstByte: 11,
      firstByteWorst: 12,
      unevenness: 13,
      delayMedian: 14,
      delay99: 15,
      delayWorst: 16,
      events: 20,
      messages: 40,
      tripMedian: 0.25,
      trip99: 0.5,
      latencyMedian: 17,
      latency99: 18,
      most: 19,
      medianAt25: 21,
      medianAt50: 22,
      medianAt80: 23,
      p99At25: 24,
      p99At50: 25,
      p99At80: 26,
      lateAt50: 27,
      answeredAt: 1_234,
      answerAfter: 28,
      packed: GiB / 2,
    },
  },
  used: {
    user: 1,
    system: 2,
    cpu: 3,
    peak: 50 * MiB,
    resident: 40 * MiB,
    anonymous: 30 * MiB,
    voluntarySwitches: 600,
    involuntarySwitches: 70,
  },
  left: 5,
  spawnedAt: 1_200,
  held: { process: 1000 * KiB, kernel: 2000 * KiB, pulled: 10 * (64 + 300) * KiB } as Measured['held'],
}

const transfer = { cpuPerGiB: 1.5, userPerGiB: 0.5, goodput: 0.5, peakMemory: 50, switchesPerGiB: 300 }
const shaken = { cpuPerHandshake: 300_000, rate: 2.5, latencyMedian: 17, latency99: 18, peakMemory: 50 }
const expected: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  download: { ...transfer, firstByte: 11 },
  'tls-download': { ...transfer, firstByte: 11 },
  'tls-upload': { ...transfer, answerAfter: 28 },
  'workers-1': { cpuPerRequest: 300_000, rate: 2.5, peakMemory: 50 },
  'workers-2': { cpuPerRequest: 300_000, rate: 2.5, peakMemory: 50 },
  transformed: { ...transfer, packedTo: 25 },
  h2: { cpuPerRequest: 300_000, rate: 2.5, latencyMedian: 17, latency99: 18, peakMemory: 50 },
  'h2-download': { ...transfer, firstByte: 11 },
  handshakes: shaken,
  'handshakes-resumed': shaken,
  parallel: { ...transfer, unevenness: 13, firstByteWorst: 12 },
  stalled: {
    processPerStream: 100,
    kernelPerStream: 200,
    pulledPerStream: 300,
    leftPerStream: 0.5,
    peakMemory: 50,
  },
  aborts: {
    // The clients of this sample have read more than was sent.
    wastedPerClient: 0,
    leftPerClient: 0.5,
    cpuPerClient: 300_000,
    processGrowth: 1000 / 1024,
    peakMemory: 50,
  },
  slow: { processPerStream: 100, kernelPerStream: 200, peakMemory: 50 },
  'beside-stalled': { ...transfer, unevenness: 13 },
  'both-ways': { ...transfer, unevenness: 13 },
  small: { cpuPerRequest: 300_000, rate: 2.5, latencyMedian: 17, latency99: 18, peakMemory: 50 },
  saturated: { cpuPerRequest: 300_000, rate: 2.5, peakMemory: 50 },
  arrivals: {
    most: 19,
    medianAt25: 21,
    medianAt50: 22,
    medianAt80: 23,
    p99At25: 24,
    p99At50: 25,
    p99At80: 26,
    lateAt50: 27,
    cpuPerRequest: 300_000,
  },
  idle: { processPerConnection: 200, peakMemory: 50 },
  events: { delayMedian: 14, delay99: 15, delayWorst: 16, cpuPerEvent: 150_000 },
  websocket: { cpuPerMessage: 75_000, tripMedian: 250, trip99: 500, processPerConnection: 100 },
  'cold-start': { firstAnswer: 34, cpuToRest: 3_000, resident: 40, anonymous: 30 },
  echo: { tripMedian: 250, trip99: 500, cpuPerTrip: 300_000 },
}

test.each(scenarios.filter(({ name }) => name in expected))(
  '$name makes of a sample what it says',
  (scenario) => {
    expect(scenario.values(sample)).toEqual(expected[scenario.name])
  },
)

test('what the origin has sent beyond what clients have read was fetched for nobody', () => {
  const aborts = scenarios.find(({ name }) => name === 'aborts')
  const outcome = { ...sample.outcome, bytes: 640 * KiB }
  expect(aborts?.values({ ...sample, outcome })).toMatchObject({ wastedPerClient: 300 })
})

test.each(scenarios)('$name has a value for each metric and a metric for each value', (scenario) => {
  expect(Object.keys(scenario.values(sample)).toSorted()).toEqual(
    scenario.metrics.map(({ id }) => id).toSorted(),
  )
  expect(scenario.metrics.map(({ id }) => id)).toContain(scenario.headline)
})

test.each(scenarios)('$name makes up no processor time where none was measured', (scenario) => {
  const { peakMemory, cpuPerGiB } = scenario.values({ ...sample, used: undefined })
  expect([peakMemory ?? null, cpuPerGiB ?? null]).toEqual([null, null])
})
