/** Limits by a control group of version 1: `memory.limit_in_bytes`. TCP buffers are counted beside it. */

import { readFileSync } from 'node:fs'
import { makeGroup, removeLeftOvers } from './group-folder.ts'
import { ownFolder } from './mounts.ts'
import type { Candidate, Group } from './provider.ts'

/** The kernel counts TCP buffers by group only where there is a limit for them. This one limits nothing. */
const tcpLimit = `${2 ** 50}`

export const cgroupV1: Candidate = {
  name: 'cgroup v1',
  async open() {
    const parent = ownFolder(
      1,
      readFileSync('/proc/self/mountinfo', 'utf8'),
      readFileSync('/proc/self/cgroup', 'utf8'),
    )
    if (parent === undefined) throw new Error('no memory hierarchy is mounted')
    removeLeftOvers(parent)
    const group = async (limit: number | undefined): Promise<Group> => {
      const made = makeGroup(parent)
      try {
        if (made.read('memory.kmem.tcp.limit_in_bytes') !== undefined) {
          made.write('memory.kmem.tcp.limit_in_bytes', tcpLimit)
        }
        if (limit !== undefined) {
          made.write('memory.limit_in_bytes', `${limit}`)
          // With swap the limit would be on memory alone, and what is beyond it only slower.
          if (made.read('memory.memsw.limit_in_bytes') !== undefined) {
            made.write('memory.memsw.limit_in_bytes', `${limit}`)
          }
        }
      } catch (error) {
        await made[Symbol.asyncDispose]()
        throw error
      }
      const number = (file: string): number | null => {
        const text = made.read(file)
        return text === undefined ? null : Number(text)
      }
      return {
        prefix: made.prefix,
        pids: made.pids,
        killed: () => Number(/^oom_kill (\d+)/m.exec(made.read('memory.oom_control') ?? '')?.[1] ?? 0),
        hits: () => number('memory.failcnt') ?? 0,
        peak: () => number('memory.max_usage_in_bytes'),
        tcp: () => number('memory.kmem.tcp.usage_in_bytes'),
        [Symbol.asyncDispose]: made[Symbol.asyncDispose],
      }
    }
    await using trial = await group(1024 ** 3)
    const tcpByGroup = trial.tcp() !== null
    return {
      name: 'cgroup v1',
      counts: `the memory of all processes of the target that is no file, what the kernel keeps for them, and the file pages they were the first to touch; not the TCP buffers of their sockets${tcpByGroup ? ', which are counted beside it' : ''}`,
      tcpIsCounted: false,
      group,
    }
  },
}
