import { describe, expect, test } from 'vitest'
import type { State } from './gateway.ts'
import { differences } from './soak.ts'

const MiB = 1024 * 1024
const before: State = {
  begun: 10,
  ended: 10,
  endedAgain: 0,
  inFlight: 0,
  underWay: [],
  connections: 0,
  descriptors: 20,
  listeners: 5,
  heap: 30 * MiB,
  resources: { TCPServerWrap: 4 },
  warnings: [],
}

describe('what a load leaves', () => {
  test('is nothing when all is as before, though the heap breathes and timers come and go', () => {
    const resources = { TCPServerWrap: 4, Timeout: 3 }
    const after = { ...before, begun: 99, ended: 99, heap: 33 * MiB, resources }
    expect(differences(before, after)).toEqual([])
  })

  test.each<[string, Partial<State>]>([
    ['an exchange under way', { inFlight: 1 }],
    ['an upstream connection', { connections: 1 }],
    ['an exchange that never ended', { begun: 11 }],
    ['an exchange that ended twice', { endedAgain: 1 }],
    ['a descriptor', { descriptors: 21 }],
    ['a listener', { listeners: 6 }],
    ['a socket', { resources: { TCPServerWrap: 4, TCPSocketWrap: 1 } }],
    ['a heap that has grown by 5 MiB', { heap: 35 * MiB }],
    ['a warning', { warnings: ['MaxListenersExceededWarning'] }],
  ])('is told: %s', (_, left) => {
    expect(differences(before, { ...before, ...left })).toHaveLength(1)
  })
})
