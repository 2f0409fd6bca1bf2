/** The same service in three languages, as far as they are here. */

import { execFile } from 'node:child_process'
import { mkdir, rename, stat } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { ProgramOptions } from '../src/index.ts'
import { child, node } from './stage.ts'

const run = promisify(execFile)
const cache = fileURLToPath(new URL('../../../.cache/', import.meta.url))

/** Options, or why there are none. */
export type Language = ProgramOptions | string

export const inNode: ProgramOptions = { ...node, name: 'in-node' }

export async function inPython(): Promise<Language> {
  if (!(await answers('python3', '--version'))) return 'there is no python3'
  return { name: 'in-python', command: 'python3', args: ['-u', child('app.py'), '{port}'] }
}

/** Built when there is nothing newer than its source. It listens at a socket. */
export async function inGo(): Promise<Language> {
  if (!(await answers('go', 'version'))) return 'there is no go'
  const [source, program] = [child('main.go'), path.join(cache, 'programs', 'app')]
  const built = await stat(program).catch(() => undefined)
  if (built === undefined || built.mtimeMs < (await stat(source)).mtimeMs) {
    const fresh = `${program}.${process.pid}`
    await mkdir(path.dirname(program), { recursive: true })
    const env = { GOCACHE: path.join(cache, 'peers/go-cache'), GOPROXY: 'off', CGO_ENABLED: '0' }
    await run('go', ['build', '-o', fresh, source], { env: { ...process.env, ...env } })
    await rename(fresh, program)
  }
  return { name: 'in-go', command: program, socket: 'auto' }
}

async function answers(command: string, arg: string): Promise<boolean> {
  return run(command, [arg], { timeout: 10_000 }).then(
    () => true,
    () => false,
  )
}
