/** `--resume FOLDER`: takes the samples that an interrupted run has not taken, if they would be of the same kind. */

import type { Environment, Results, TargetRecord } from './report/results.ts'

const alike = ['commit', 'dirty', 'lockfile', 'node', 'kernel', 'processor', 'processors', 'memory'] as const

interface Now {
  readonly environment: Environment
  readonly targets: readonly TargetRecord[]
  readonly scale: Results['scale']
  readonly base: string | null
  readonly pinning: Results['pinning']
}

/** Why samples of now cannot stand beside those of before. Empty is good. */
export function unlike(before: Results, now: Now): string[] {
  const changed = (what: string, was: unknown, is: unknown): string[] =>
    JSON.stringify(was) === JSON.stringify(is) ? [] : [`${what} was ${say(was)} and is ${say(is)}`]
  const versions = now.targets.flatMap(({ name, version }) => {
    const was = before.targets.find((target) => target.name === name)
    return was === undefined
      ? [`${name} was not among the targets`]
      : changed(`the version of ${name}`, was.version, version)
  })
  return [
    ...alike.flatMap((key) => changed(key, before.environment[key], now.environment[key])),
    ...versions,
    ...changed('how much is measured', before.scale, now.scale),
    ...changed('the base', before.base, now.base),
    ...changed('the processors', before.pinning, now.pinning),
  ]
}

const say = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
