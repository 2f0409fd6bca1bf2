/** Holds the target to one processor and everything else to the others, so that they do not take turns on one. */

import { execFileSync } from 'node:child_process'
import { readProc } from '@relayrace/fixtures/proc'
import type { Pinning } from '../report/results.ts'
import { heldTo } from '../sample.ts'

/** Undefined where there is nothing to share out, or no `taskset` to do it with. */
export function pinning(): Pinning | undefined {
  const allowed = allowedProcessors()
  const last = allowed.at(-1)
  if (last === undefined || allowed.length < 2) return undefined
  try {
    const [file = '', ...args] = heldTo(`${last}`)
    execFileSync(file, [...args, 'true'], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  return { target: `${last}`, others: allowed.slice(0, -1).join(',') }
}

/** The processors this process may use, which need not be all there are. */
function allowedProcessors(): number[] {
  const [, list = ''] = /^Cpus_allowed_list:\s+(\S+)/m.exec(readProc('/proc/self/status') ?? '') ?? []
  return list.split(',').flatMap((range) => {
    const [from, to = from] = range.split('-').map(Number)
    return from === undefined || to === undefined || Number.isNaN(from)
      ? []
      : Array.from({ length: to - from + 1 }, (_, index) => from + index)
  })
}
