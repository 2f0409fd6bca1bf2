/** The providers in the order in which they are preferred, by their names on the command line. */

import { cgroupV1 } from './cgroup-v1.ts'
import { cgroupV2 } from './cgroup-v2.ts'
import type { Candidate } from './provider.ts'
import { watchdog } from './watchdog.ts'

export const chain: ReadonlyMap<string, Candidate> = new Map(
  [cgroupV2, cgroupV1, watchdog].map((one) => [one.name.replace(' ', '-'), one]),
)
