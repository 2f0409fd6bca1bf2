/** What the facts of a machine mean for figures from it, and how to mend what spoils them. */

import { formatSize } from '@relayrace/fixtures/payloads'
import { percent } from '../report/numbers.ts'
import { type Facts, read } from './facts.ts'

export interface Finding {
  readonly about: string
  /** `bad` spoils figures, `note` is to be known, `good` is as it should be. */
  readonly level: 'good' | 'note' | 'bad'
  readonly says: string
  /** What to do about it. */
  readonly mend?: string
}

type Judge = (facts: Facts) => Finding | readonly Finding[]

const MiB = 1024 ** 2
const GiB = 1024 ** 3

const find = (about: string, level: Finding['level'], says: string, mend?: string): Finding => ({
  about,
  level,
  says,
  ...(mend !== undefined && { mend }),
})

const numbers = (text: string | undefined): number[] => text?.trim().split(/\s+/).map(Number) ?? []

const size = (bytes: number): string =>
  bytes >= GiB ? `${(bytes / GiB).toFixed(1)} GiB` : formatSize(Math.round(bytes / 1024) * 1024)

const platform: Judge = ({ platform: name, node }) =>
  name === 'linux'
    ? find('platform', 'good', `Linux, Node ${node}`)
    : find(
        'platform',
        'bad',
        `${name}: processor time and memory of targets are read from /proc, which only Linux has`,
        'measure on Linux: a virtual machine does, a container on this machine as well',
      )

const processors: Judge = ({ processors: count, model, pinned }) => {
  const says = `${count} of ${model}`
  if (count < 2) {
    return find(
      'processors',
      'bad',
      `${says}: client, origin and proxy take turns`,
      'two at least, four are better',
    )
  }
  if (!pinned) {
    return find(
      'processors',
      'note',
      `${says}, and no role can be held to its own`,
      'install taskset (util-linux)',
    )
  }
  return count < 4
    ? find(
        'processors',
        'note',
        `${says}: client and origin share one, so wall-clock figures are theirs as well`,
        'compare processor time; four processors give each role its own',
      )
    : find('processors', 'good', says)
}

const cgroups: Judge = ({ limits }) => {
  const why = limits?.passedOver.map(({ name, why }) => `not ${name}: ${why}`).join('; ') ?? ''
  if (limits === undefined || limits.name === 'watchdog') {
    return find(
      'control groups',
      'note',
      `none can be had, so ceilings are held by a watchdog, which only kills (${why})`,
      'run as root, or in a group that is delegated to you: systemd-run --user --scope -p Delegate=yes',
    )
  }
  return limits.name === 'cgroup v2'
    ? find('control groups', 'good', 'version 2, which counts TCP buffers as well')
    : find(
        'control groups',
        'note',
        `${limits.name}, whose limits do not count TCP buffers (${why})`,
        'boot with systemd.unified_cgroup_hierarchy=1',
      )
}

const memory: Judge = ({ memory: total, files }) => {
  const kib = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(files[read.meminfo] ?? '')?.[1] ?? Number.NaN) * 1024
  const [free, swapped] = [kib('MemAvailable'), kib('SwapTotal') - kib('SwapFree')]
  const findings = [
    free < 2 * GiB
      ? find(
          'memory',
          'bad',
          `${size(free)} of ${size(total)} to be had`,
          'end what holds it: 2 GiB at least are needed',
        )
      : find('memory', 'good', `${Number.isNaN(free) ? '' : `${size(free)} of `}${size(total)} to be had`),
  ]
  return swapped > 64 * MiB
    ? [
        ...findings,
        find('swap', 'bad', `${size(swapped)} are swapped out`, 'swapoff -a, when there is memory for it'),
      ]
    : findings
}

const ports: Judge = ({ files }) => {
  const [from, to] = numbers(files[read.ports])
  if (from === undefined || to === undefined) return []
  const count = to - from + 1
  const waiting = Number(/^TCP:.* tw (\d+)/m.exec(files[read.sockstat] ?? '')?.[1] ?? 0)
  return [
    count < 16_384
      ? find(
          'ports',
          'bad',
          `${count} for connections that are made`,
          'sysctl -w net.ipv4.ip_local_port_range="10240 65535"',
        )
      : find('ports', 'good', `${count} for connections that are made`),
    waiting > count / 5
      ? find(
          'TIME_WAIT',
          'bad',
          `${waiting} connections, ${percent(waiting / count)} of the ports`,
          'wait a minute: the kernel forgets them after 60 s',
        )
      : find('TIME_WAIT', 'good', `${waiting} connections`),
  ]
}

const buffers: Judge = ({ files }) => {
  const [receive = Number.NaN, send = Number.NaN] = [read.rmem, read.wmem].map(
    (name) => numbers(files[name])[2],
  )
  if (Number.isNaN(receive + send)) return []
  const hop = receive + send
  const limit = (numbers(files[read.mem])[2] ?? Number.NaN) * 4096
  const says = `up to ${size(receive)} received and ${size(send)} sent for each socket, ${size(limit)} in all`
  return hop > 16 * MiB
    ? find(
        'TCP buffers',
        'note',
        `${says}: a reader that stalls is not noticed before ${size(2 * hop)} have left the origin`,
        'to see less hidden: sysctl -w net.ipv4.tcp_rmem="4096 131072 6291456"; figures then differ from those of other machines',
      )
    : find('TCP buffers', 'good', says)
}

const backlog: Judge = ({ files }) => {
  const [most] = numbers(files[read.somaxconn])
  if (most === undefined) return []
  return most < 1024
    ? find(
        'backlog',
        'bad',
        `${most} connections that nobody has accepted`,
        'sysctl -w net.core.somaxconn=4096',
      )
    : find('backlog', 'good', `${most} connections that nobody has accepted`)
}

/** The bench holds two sockets for each idle connection in the proxy, and others in the client and the origin. */
const mostDescriptors = 8_192

const descriptors: Judge = ({ files }) => {
  const [, soft = ''] = /^Max open files\s+(\S+)/m.exec(files[read.limits] ?? '') ?? []
  if (soft === '') return []
  return Number(soft) < mostDescriptors
    ? find('descriptors', 'bad', `${soft} for a process`, `ulimit -n ${mostDescriptors}`)
    : find('descriptors', 'good', `${soft} for a process`)
}

const quiet: Judge = ({ noise }) =>
  noise.objections.length > 0
    ? noise.objections.map((objection) =>
        find(
          'quiet',
          'bad',
          objection,
          /host/.test(objection)
            ? 'another hour, or a machine of its own'
            : 'end what runs beside it: top shows it',
        ),
      )
    : find(
        'quiet',
        'good',
        `processors busy ${percent(noise.busyShare)}, taken by the host ${percent(noise.stealShare)} of the time`,
      )

const pressure: Judge = ({ files }) =>
  (['memory', 'io'] as const).flatMap((kind) => {
    const text = files[kind === 'io' ? read.ioPressure : read.memoryPressure]
    const share = Number(/^some .*avg10=([\d.]+)/m.exec(text ?? '')?.[1] ?? Number.NaN) / 100
    return share > 0.05
      ? find(
          `${kind} pressure`,
          'bad',
          `tasks wait for ${kind} ${percent(share)} of the time`,
          'end what runs beside it',
        )
      : []
  })

const stall: Judge = ({ files }) =>
  files[read.cpuPressure] === undefined
    ? find(
        'pressure',
        'note',
        'the kernel does not tell who waits for a processor: a busy machine may be taken for a quiet one',
        'boot with psi=1',
      )
    : []

const governor: Judge = ({ files }) => {
  const name = files[read.governor]?.trim()
  if (name === undefined) {
    return find(
      'governor',
      'note',
      'the frequency of processors is not ours to set here, as on most virtual machines',
    )
  }
  return name === 'performance'
    ? find('governor', 'good', name)
    : find(
        'governor',
        'bad',
        `${name}: the frequency changes with the load`,
        'cpupower frequency-set -g performance',
      )
}

const targets: Judge = ({ targets: all }) =>
  all.map(({ name, version, absent, install }) =>
    absent === null
      ? find(name, 'good', version ?? 'there')
      : find(name, 'note', absent.replace(/;.*/s, ''), install),
  )

const judges: readonly Judge[] = [
  ...[platform, processors, cgroups, memory, ports, buffers, backlog, descriptors],
  ...[quiet, stall, pressure, governor, targets],
]

export const findings = (facts: Facts): readonly Finding[] => judges.flatMap((judge) => judge(facts))
