/** What the command makes of a configuration, and what it tells of itself. */

import { type Mutation, tests } from './mutation.ts'

export const relayrace: readonly Mutation[] = [
  {
    file: 'packages/relayrace/src/metrics.ts',
    breaks: 'The time to a head is told in milliseconds, as seconds',
    old: 'heads.observe({ route }, summary.timeToHead / 1_000)',
    new: 'heads.observe({ route }, summary.timeToHead)',
    seenBy: tests('packages/relayrace', 'test/metrics'),
  },
  {
    file: 'packages/relayrace/src/serve.ts',
    breaks: 'A reload cuts the connections to Redis that it goes on with',
    old: '      middlewares.close(others)\n',
    new: '      middlewares.close()\n',
    seenBy: tests('packages/relayrace', 'test/serve', 'after a reload, by Redis'),
  },
]
