/** The services, as far as their languages are here. Each is started by the first request for it. */

import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Program, program } from '@relayrace/programs'

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

export function services(): Readonly<Record<string, Program>> {
  const apps: Record<string, Program> = {
    app1: program({
      name: 'app1',
      command: process.execPath,
      args: [file('services/echo.mjs')],
      instances: 2,
    }),
  }
  if (answers('python3', '--version'))
    apps.app2 = program({
      name: 'app2',
      command: 'python3',
      args: ['-u', file('services/events.py'), '{port}'],
      ready: { line: 'listening' },
      stop: { drain: 1_000 }, // events do not end by themselves
    })
  if (answers('go', 'version'))
    apps.app3 = program({ name: 'app3', command: built('services/bytes.go'), socket: 'auto', idle: 60_000 })
  return apps
}

function answers(command: string, arg: string): boolean {
  try {
    execFileSync(command, [arg], { stdio: 'ignore', timeout: 10_000 })
    return true
  } catch {
    console.error(`There is no ${command}, so a service is left out.`)
    return false
  }
}

function built(source: string): string {
  const output = file('../../.cache/programs/bytes')
  const env = {
    ...process.env,
    GOCACHE: file('../../.cache/peers/go-cache'),
    GOPROXY: 'off',
    CGO_ENABLED: '0',
  }
  execFileSync('go', ['build', '-o', output, file(source)], { env, stdio: 'inherit' })
  return output
}
