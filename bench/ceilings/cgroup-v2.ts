/** Limits by a control group of version 2: `memory.max`. */

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { makeGroup, removeLeftOvers } from './group-folder.ts'
import { ownFolder } from './mounts.ts'
import type { Candidate, Group } from './provider.ts'

export const cgroupV2: Candidate = {
  name: 'cgroup v2',
  async open() {
    const own = ownFolder(
      2,
      readFileSync('/proc/self/mountinfo', 'utf8'),
      readFileSync('/proc/self/cgroup', 'utf8'),
    )
    if (own === undefined) throw new Error('no such hierarchy is mounted')
    const parent = parentFor(own)
    removeLeftOvers(parent)
    const group = async (limit: number | undefined): Promise<Group> => {
      const made = makeGroup(parent)
      try {
        made.write('memory.max', limit === undefined ? 'max' : `${limit}`)
        if (made.read('memory.swap.max') !== undefined) made.write('memory.swap.max', '0')
      } catch (error) {
        await made[Symbol.asyncDispose]()
        throw error
      }
      const number = (file: string, pattern: RegExp): number | null => {
        const [, digits] = pattern.exec(made.read(file) ?? '') ?? []
        return digits === undefined ? null : Number(digits)
      }
      return {
        prefix: made.prefix,
        pids: made.pids,
        killed: () => number('memory.events', /^oom_kill (\d+)/m) ?? 0,
        hits: () => number('memory.events', /^max (\d+)/m) ?? 0,
        peak: () => number('memory.peak', /^(\d+)/),
        tcp: () => number('memory.stat', /^sock (\d+)/m),
        [Symbol.asyncDispose]: made[Symbol.asyncDispose],
      }
    }
    await using _trial = await group(undefined)
    return {
      name: 'cgroup v2',
      counts:
        'the memory of all processes of the target that is no file, what the kernel keeps for them, the file pages they were the first to touch, and the TCP buffers of their sockets',
      tcpIsCounted: true,
      group,
    }
  },
}

/** A group with processes in it cannot have limited children, unless it is the root: then they stand beside it. */
function parentFor(own: string): string {
  const controllers = (folder: string, file: string): string[] => {
    try {
      return readFileSync(path.join(folder, file), 'utf8').trim().split(/\s+/)
    } catch {
      return []
    }
  }
  if (!controllers(own, 'cgroup.controllers').includes('memory')) {
    throw new Error('it has no memory controller')
  }
  if (controllers(own, 'cgroup.subtree_control').includes('memory')) return own
  const above = path.dirname(own)
  const limited = controllers(own, 'memory.max')[0] !== 'max'
  if (limited || !controllers(above, 'cgroup.subtree_control').includes('memory')) {
    throw new Error('no limited group can be made beside or below our own')
  }
  return above
}
