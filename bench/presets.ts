/** How much is measured: from a look whether all works to figures fit to be published. */

import type { ListedTarget } from '@relayrace/fixtures/target'
import { GiB, MiB, type Scale } from './scenarios/scenario.ts'

export interface Preset {
  readonly name: string
  /** What it is for and how long it takes on two cores. */
  readonly about: string
  readonly rounds: number
  readonly scale: Scale
  /** Refuses a machine on which other programs run. */
  readonly quiet: boolean
  includes(target: ListedTarget): boolean
}

const foremost = ['direct', 'nginx', 'go-reverseproxy', 'http-proxy-3']

const full: Scale = {
  size: GiB,
  warmUp: 256 * MiB,
  chunkedSize: 256 * MiB,
  stalledStreams: 200,
  requests: 20_000,
  warmUpRequests: 60_000,
  idleConnections: 2_000,
  events: 100,
  trips: 1_000,
}

export const presets: readonly Preset[] = [
  {
    name: 'smoke',
    about: 'does everything run? About a minute. One round of small sizes; its figures mean nothing',
    rounds: 1,
    quiet: false,
    includes: ({ kind, name }) => kind === 'strategy' || name === 'direct' || name === 'c-relay',
    scale: {
      size: 64 * MiB,
      warmUp: 8 * MiB,
      chunkedSize: 16 * MiB,
      stalledStreams: 50,
      requests: 1_000,
      warmUpRequests: 500,
      idleConnections: 100,
      events: 20,
      trips: 100,
    },
  },
  {
    name: 'quick',
    about: 'the default: a first answer in about five minutes. Strategies and the best-known peers',
    rounds: 2,
    quiet: false,
    includes: ({ kind, name }) => kind === 'strategy' || foremost.includes(name),
    scale: {
      size: GiB,
      warmUp: 64 * MiB,
      chunkedSize: 128 * MiB,
      stalledStreams: 200,
      requests: 8_000,
      warmUpRequests: 30_000,
      idleConnections: 1_000,
      events: 50,
      trips: 500,
    },
  },
  {
    name: 'standard',
    about: 'all targets but mounts, ten rounds, intervals on every ratio. About two hours',
    rounds: 10,
    quiet: false,
    includes: ({ kind }) => kind !== 'mount',
    scale: full,
  },
  {
    name: 'publish',
    about: 'figures to stand by: all targets but mounts, thirty rounds, only on a quiet machine. A night',
    rounds: 30,
    quiet: true,
    includes: ({ kind }) => kind !== 'mount',
    scale: full,
  },
]
