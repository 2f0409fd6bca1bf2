/** Where numbers come from: machine, versions, source. */

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { fileURLToPath } from 'node:url'
import { canMeasure, readProc } from '@relayrace/fixtures/proc'
import type { Environment } from '../report/results.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

export function provenance(): Environment {
  const commit = git('rev-parse', 'HEAD')
  // Results are no source: the newest ones replace those of the same day.
  const changes = git('status', '--porcelain', '--untracked-files=no', '--', '.', ':!bench/results')
  const processor = cpus()[0]?.model.trim() || 'unknown'
  return {
    machine: `${availableParallelism()}-core ${arch()} ${type()}`,
    processor,
    processors: availableParallelism(),
    memory: totalmem(),
    kernel: `${type()} ${release()}`,
    distribution: /^PRETTY_NAME="?([^"\n]*)/m.exec(readProc('/etc/os-release') ?? '')?.[1] ?? null,
    hypervisor: /^flags.*\bhypervisor\b/m.test(readProc('/proc/cpuinfo') ?? '') ? 'yes' : null,
    node: process.version,
    v8: process.versions.v8,
    libuv: process.versions.uv,
    commit,
    dirty: changes === null ? null : changes !== '',
    lockfile: hash(readProc(`${root}pnpm-lock.yaml`)),
    sysctls: Object.fromEntries(
      [
        'net/ipv4/tcp_rmem',
        'net/ipv4/tcp_wmem',
        'net/core/somaxconn',
        'net/ipv4/ip_local_port_range',
      ].flatMap((name) => {
        const value = readProc(`/proc/sys/${name}`)
        return value === undefined ? [] : [[name.replaceAll('/', '.'), value.trim().replaceAll(/\s+/g, ' ')]]
      }),
    ),
    notMeasured: canMeasure
      ? []
      : [
          'processor time, memory and context switches of the targets: they are read from /proc, which only Linux has',
        ],
  }
}

/** A word for this machine that can be in a folder's name, such as `2-core-x64-linux`. */
export const machineWord = (): string => `${availableParallelism()}-core-${arch()}-${process.platform}`

function git(...args: string[]): string | null {
  try {
    return execFileSync('git', args, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return null
  }
}

const hash = (text: string | undefined): string | null =>
  text === undefined ? null : createHash('sha256').update(text).digest('hex').slice(0, 16)
