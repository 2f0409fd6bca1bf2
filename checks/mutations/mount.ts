/** A gateway in somebody else's framework. */

import { type Mutation, type SeenBy, tests } from './mutation.ts'

const mounted = (name: string): SeenBy =>
  tests('packages/mount', ['mounts', 'parsed'], `^pipe-proxy .*(?:${name})`)
const prefixes = tests('packages/mount', 'prefix')

const fault = (file: string, breaks: string, old: string, changed: string, seenBy: SeenBy): Mutation => ({
  file: `packages/mount/src/${file}.ts`,
  breaks,
  old,
  new: changed,
  seenBy,
})

export const mount: readonly Mutation[] = [
  fault('prefix', '/apis is below /api', 'if (!/^(?:[/?]|$)/.test(rest)) return undefined', '', prefixes),
  fault('prefix', 'A prefix that Fastify has decoded stays', '(?:/+[^/?]+){', '(?:/+[^/?%]+){', prefixes),
  fault(
    'mount',
    'Hooks see no whole target',
    'request.originalUrl = original',
    '',
    mounted('without the prefix that hooks can see'),
  ),
  fault(
    'upgrades',
    'Hot module replacement is answered by the mount',
    "server.listenerCount('upgrade') > 1",
    'false',
    mounted('stays with Vite'),
  ),
  fault(
    'upgrades',
    'An upgrade behind a request that is under way loses its connection',
    'before?.closed === false',
    'false as boolean && before !== undefined',
    mounted('waits for the answer'),
  ),
  fault(
    'upgrades',
    'A connection whose upgrade was refused stays open',
    "response.once('finish', () => listenOn(socket))",
    '',
    mounted('is refused as the request is'),
  ),
  fault(
    'mount',
    'An upgrade that has passed the framework is relayed as a request',
    'if (upgrade === undefined) return',
    'if (upgrade !== null) return',
    mounted('becomes a tunnel'),
  ),
  fault(
    'hono',
    'Hono answers once more after the gateway has',
    'void response.body',
    '',
    mounted('Hono.*waits for the answer'),
  ),
  fault(
    'fastify',
    'Fastify parses what is to be relayed',
    'app.removeAllContentTypeParsers()',
    '',
    mounted('Fastify.*an upload'),
  ),
  fault(
    'parsed',
    'What was packed is called so when it goes on unpacked',
    "  'content-encoding',\n",
    '',
    mounted('what was packed'),
  ),
  fault(
    'parsed',
    'A form is sent on as something that it may not have been',
    "if (typeof value !== 'string') throw",
    'if (value === null) throw',
    mounted('several things could have been meant'),
  ),
  fault(
    'parsed',
    'Text in another charset is sent on as UTF-8, and called by the old name',
    "if (charset !== 'utf-8') throw",
    "if (charset === '') throw",
    mounted('utf-16'),
  ),
  {
    file: 'packages/mount/src/mount.ts',
    breaks: 'What was parsed no longer says under which path it was asked for',
    old: '  if (originalUrl !== undefined) sent.originalUrl = originalUrl\n',
    new: '',
    seenBy: mounted('still says what was asked for'),
  },
  {
    file: 'packages/mount/src/hono.ts',
    breaks: 'Where there is only fetch, keepPrefix is forgotten',
    old: 'keepPrefix || url === req.url ? req.raw',
    new: 'url === req.url ? req.raw',
    seenBy: tests('packages/mount', 'fetch'),
  },
  {
    file: 'packages/mount/src/upgrades.ts',
    breaks: 'A refused upgrade keeps its socket in memory for seconds',
    old: "  socket.once('close', () => clearTimeout(timer))\n",
    new: '  void timer\n',
    seenBy: tests('packages/mount', 'test/upgrades'),
  },
]
