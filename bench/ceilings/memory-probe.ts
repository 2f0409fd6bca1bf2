/** Loaded into a Node target that is watched and not timed: leaves what V8 holds in a file, now and at most. */

import { renameSync, writeFileSync } from 'node:fs'

const file = process.env.RELAYRACE_MEMORY
const most = { heap: 0, external: 0 }

if (file !== undefined) {
  setInterval(() => {
    const { heapUsed, external } = process.memoryUsage()
    most.heap = Math.max(most.heap, heapUsed)
    most.external = Math.max(most.external, external)
    writeFileSync(`${file}.part`, JSON.stringify({ now: { heap: heapUsed, external }, most }))
    renameSync(`${file}.part`, file)
  }, 50).unref()
}
