/** What the command makes of a configuration, and what it tells of itself. */

import { type Mutation, tests } from './mutation.ts'

export const relayrace: readonly Mutation[] = [
  {
    file: 'packages/relayrace/src/admin.ts',
    breaks: 'Any page can read the state of a gateway by a name that leads to loopback',
    old: 'return isLoopback &&',
    new: 'return isLoopback && false &&',
    seenBy: tests('packages/relayrace', 'test/admin'),
  },
  {
    file: 'packages/relayrace/src/run.ts',
    breaks: 'A program whose admin port is taken says so and serves on',
    old: '    await stop()\n',
    new: '',
    seenBy: tests('packages/relayrace', 'test/program', 'admin port is taken'),
  },
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
  {
    file: 'packages/relayrace/src/targets.ts',
    breaks: 'A program that a reload has left out goes on',
    old: '    for (const [name, { it }] of this.#made) if (next.get(name)?.it !== it) void it.close()\n',
    new: '',
    seenBy: tests('packages/relayrace', 'test/serve', 'left out ends'),
  },
  {
    file: 'packages/relayrace/src/serve.ts',
    breaks: 'A connection to Redis keeps the process alive after the end',
    old: '  const closeParts = async (): Promise<void> => {\n    middlewares.close()\n',
    new: '  const closeParts = async (): Promise<void> => {\n',
    seenBy: tests('packages/relayrace', 'test/serve', 'no connection to Redis'),
  },
  {
    file: 'packages/relayrace/src/serve.ts',
    breaks: 'Each reload has all endpoints checked once more, for ever',
    old: '        for (const set of trial.all) void set.close()\n',
    new: '        void trial\n',
    seenBy: tests('packages/relayrace', 'test/serve', 'checked twice'),
  },
  {
    file: 'packages/relayrace/src/metrics.ts',
    breaks: 'An endpoint that is gone is up for ever',
    old: '      endpoints.reset()\n',
    new: '',
    seenBy: tests('packages/relayrace', 'test/metrics'),
  },
  {
    file: 'packages/relayrace/src/units.ts',
    breaks: 'An hour has six minutes',
    old: 'h: 3_600_000',
    new: 'h: 360_000',
    seenBy: tests('packages/relayrace', 'test/units'),
  },
  {
    file: 'packages/relayrace/src/metrics.ts',
    breaks: 'A client can make up as many series as it likes',
    old: "known.has(summary.method) ? summary.method : 'other'",
    new: 'summary.method',
    seenBy: tests('packages/relayrace', 'test/metrics'),
  },
]
