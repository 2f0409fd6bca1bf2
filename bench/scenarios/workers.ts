import { saturated } from './saturated.ts'
import type { Scenario } from './scenario.ts'
import { cpuPerRequest, rate } from './small.ts'

/** What is said of the clock is worth something where there are processors for all of them. */
const withWorkers = (workers: 1 | 2): typeof saturated => ({
  ...saturated,
  name: `workers-${workers}`,
  title: workers === 1 ? 'Small requests, one process' : 'Small requests, two processes',
  question:
    workers === 1
      ? 'What can one process do when nobody is held to a processor? The measure for two'
      : 'What do two processes add to one, and what does each request cost then?',
  byName: true,
  way: 'workers',
  workers,
  load: (scale) =>
    `${saturated.load(scale)} The proxy has ${workers === 1 ? 'one process' : 'two processes'} to move the bytes in; it, client and origin go where the kernel puts them.`,
  headline: 'rate',
  metrics: [rate, cpuPerRequest, ...saturated.metrics.filter(({ id }) => id === 'peakMemory')],
})

export const workers1: Scenario<{ requests: number; warmUp: number }> = withWorkers(1)
export const workers2: Scenario<{ requests: number; warmUp: number }> = withWorkers(2)
