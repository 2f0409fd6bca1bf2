/** Where this process stands among the control groups, read from what /proc says. */

import path from 'node:path'

/**
 * The folder of our own memory group. Groups for targets are made below it, so that what holds for us holds for them.
 * `mounts` is /proc/self/mountinfo, `own` is /proc/self/cgroup. Undefined when there is no such hierarchy.
 */
export function ownFolder(version: 1 | 2, mounts: string, own: string): string | undefined {
  const place = placeOf(version, own)
  if (place === undefined) return undefined
  for (const line of mounts.split('\n')) {
    const [before = '', after = ''] = line.split(' - ')
    const [, , , root = '/', point = ''] = before.split(' ')
    const [type, , options = ''] = after.split(' ')
    const fits =
      version === 2 ? type === 'cgroup2' : type === 'cgroup' && options.split(',').includes('memory')
    // In a container the mount may begin somewhere below the top.
    if (fits) return path.join(point, place.startsWith(root) ? place.slice(root.length) : place)
  }
  return undefined
}

/** Lines are `number:controllers:place`; the one of version 2 is `0::place`. */
function placeOf(version: 1 | 2, own: string): string | undefined {
  for (const line of own.trim().split('\n')) {
    const [, controllers = '', ...place] = line.split(':')
    const fits = version === 2 ? line.startsWith('0::') : controllers.split(',').includes('memory')
    if (fits) return place.join(':')
  }
  return undefined
}
