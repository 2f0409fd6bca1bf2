/** What a machine says of itself, as it says it. */

import { availableParallelism, cpus, totalmem } from 'node:os'
import { readProc } from '@relayrace/fixtures/proc'
import type { ListedTarget } from '@relayrace/fixtures/target'
import { chain } from '../ceilings/chain.ts'
import { type Choice, chooseProvider } from '../ceilings/provider.ts'
import { recordOf } from '../listing.ts'
import { listenForNoise } from '../measure/machine.ts'
import { pinning } from '../measure/pinning.ts'
import type { NoiseRecord, TargetRecord } from '../report/results.ts'

export interface Facts {
  readonly platform: string
  readonly node: string
  readonly processors: number
  readonly model: string
  readonly memory: number
  /** Whether roles can be held to processors of their own. */
  readonly pinned: boolean
  /** Who would hold a memory limit, and why nobody before it in the chain. */
  readonly limits: { readonly name: string; readonly passedOver: Choice['passedOver'] } | undefined
  readonly noise: NoiseRecord
  /** Files by their path; what is not there is missing. */
  readonly files: Readonly<Record<string, string>>
  readonly targets: readonly TargetRecord[]
}

export const read = {
  meminfo: '/proc/meminfo',
  limits: '/proc/self/limits',
  sockstat: '/proc/net/sockstat',
  ports: '/proc/sys/net/ipv4/ip_local_port_range',
  rmem: '/proc/sys/net/ipv4/tcp_rmem',
  wmem: '/proc/sys/net/ipv4/tcp_wmem',
  mem: '/proc/sys/net/ipv4/tcp_mem',
  somaxconn: '/proc/sys/net/core/somaxconn',
  cpuPressure: '/proc/pressure/cpu',
  memoryPressure: '/proc/pressure/memory',
  ioPressure: '/proc/pressure/io',
  governor: '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor',
} as const

export async function factsOf(targets: readonly ListedTarget[], listenFor: number): Promise<Facts> {
  // First, for asking targets for their versions is noise as well.
  const noise = await listenForNoise(listenFor)
  return {
    platform: process.platform,
    node: process.version,
    processors: availableParallelism(),
    model: cpus()[0]?.model.trim() || 'unknown',
    memory: totalmem(),
    pinned: pinning() !== undefined,
    limits: await chooseProvider([...chain.values()]).then(
      ({ provider: { name }, passedOver }) => ({ name, passedOver }),
      () => undefined,
    ),
    noise,
    files: Object.fromEntries(
      Object.values(read).flatMap((file) => {
        const text = readProc(file)
        return text === undefined ? [] : [[file, text]]
      }),
    ),
    targets: await Promise.all(targets.map(recordOf)),
  }
}
