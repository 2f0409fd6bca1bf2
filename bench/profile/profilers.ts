/** What `--profile` looks at a target with: Node's own profilers, and those of clinic. */

import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import type { StartOptions } from '@relayrace/fixtures/target'

export interface Profiler {
  readonly name: string
  readonly about: string
  /** The program it needs, if it does not come with Node. */
  readonly program?: string
  /** How the target is started under it. What it finds goes into the folder when the target ends. */
  start(folder: string): StartOptions
  /** Makes of the folder what can be opened: whole paths. */
  results(folder: string): Promise<readonly string[]>
}

const clinicProgram = path.resolve(
  import.meta.dirname,
  '../../fixtures/peers/clinic/node_modules/clinic/bin.js',
)

export const profilers: readonly Profiler[] = [
  node('cpu', 'where processor time goes', '.cpuprofile', ['--cpu-prof', '--cpu-prof-dir']),
  node('heap', 'what is allocated on the V8 heap', '.heapprofile', ['--heap-prof', '--heap-prof-dir']),
  clinic('doctor', 'processor, memory, event loop and handles over time, with advice'),
  clinic('flame', 'where processor time goes, as a flame graph'),
  clinic('bubbleprof', 'where asynchronous operations wait'),
  clinic('heapprofiler', 'what is allocated, as a flame graph'),
]

function node(name: string, about: string, ending: string, [flag, place]: [string, string]): Profiler {
  const inOrder = new URL('end-in-order.ts', import.meta.url)
  return {
    name,
    about: `${about} (Node’s own, ${ending})`,
    start: (folder) => ({ env: { NODE_OPTIONS: `${flag} "${place}=${folder}" --import=${inOrder}` } }),
    results: (folder) => filesIn(folder, ending),
  }
}

function clinic(name: string, about: string): Profiler {
  const clinic = [process.execPath, clinicProgram, name]
  return {
    name,
    about: `${about} (clinic)`,
    program: clinicProgram,
    start: (folder) => ({
      prefix: [...clinic, '--collect-only', '--dest', folder, '--'],
      env: quiet,
    }),
    async results(folder) {
      const [data] = await filesIn(folder, `.clinic-${name}`)
      if (data === undefined) return []
      const [file = '', ...args] = [...clinic, '--visualize-only', data]
      await promisify(execFile)(file, args, { env: { ...process.env, ...quiet } })
      return filesIn(folder, '.html')
    },
  }
}

/** Without a terminal clinic asks a question about statistics of its use, and then does nothing. */
const quiet = { NO_INSIGHT: '1', NO_UPDATE_NOTIFIER: '1' }

async function filesIn(folder: string, ending: string): Promise<string[]> {
  const names = await readdir(folder)
  return names.filter((name) => name.endsWith(ending)).map((name) => path.join(folder, name))
}
