/** How much is measured: from a look whether all works to figures fit to be published. */

import type { ListedTarget } from '@relayrace/fixtures/target'
import type { ScaleName } from './scenarios/scenario.ts'

export interface Preset {
  readonly name: string
  /** What it is for and how long it takes on two cores. */
  readonly about: string
  readonly rounds: number
  readonly scale: ScaleName
  /** Refuses a machine on which other programs run. */
  readonly quiet: boolean
  includes(target: ListedTarget): boolean
}

const foremost = ['direct', 'nginx', 'go-reverseproxy', 'http-proxy-3']

export const presets: readonly Preset[] = [
  {
    name: 'smoke',
    about: 'does everything run? About a minute. One round of small sizes; its figures mean nothing',
    rounds: 1,
    quiet: false,
    includes: ({ kind, name }) => kind === 'strategy' || name === 'direct' || name === 'c-relay',
    scale: 'smoke',
  },
  {
    name: 'quick',
    about: 'the default: a first answer in about five minutes. Strategies and the best-known peers',
    rounds: 2,
    quiet: false,
    includes: ({ kind, name }) => kind === 'strategy' || foremost.includes(name),
    scale: 'quick',
  },
  {
    name: 'standard',
    about: 'all targets but those measured by name, ten rounds, intervals on every ratio. About two hours',
    rounds: 10,
    quiet: false,
    includes: ({ kind }) => kind !== 'mount' && kind !== 'alternative',
    scale: 'full',
  },
  {
    name: 'publish',
    about:
      'figures to stand by: all targets but those measured by name, thirty rounds, only on a quiet machine. A night',
    rounds: 30,
    quiet: true,
    includes: ({ kind }) => kind !== 'mount' && kind !== 'alternative',
    scale: 'full',
  },
]
