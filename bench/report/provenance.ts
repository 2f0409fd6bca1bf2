/** Where figures come from, in the words of every page. */

import { escapeText } from '@relayrace/fixtures/escape'
import { percent } from './numbers.ts'
import type { Environment, NoiseRecord, Pinning, TargetRecord } from './results.ts'

export type Fact = readonly [name: string, value: string]

export function machineFacts(environment: Environment): Fact[] {
  return [
    [
      'Machine',
      `${environment.processor}, ${environment.processors} processors, ${(environment.memory / 1024 ** 3).toFixed(1)} GiB`,
    ],
    [
      'System',
      [environment.kernel, environment.distribution, environment.hypervisor && 'virtual machine']
        .filter(Boolean)
        .join(', '),
    ],
    ['Node', `${environment.node}, V8 ${environment.v8}, libuv ${environment.libuv}`],
  ]
}

export function sourceText({ commit, dirty }: Environment): string {
  return `${commit ?? 'no commit known'}${dirty ? ', with changes' : ''}`
}

export function processorsText(pinning: Pinning | null): string {
  return pinning
    ? `target on ${pinning.target}, client and origin on ${pinning.others}`
    : 'shared by all roles'
}

export function noiseText(noise: NoiseRecord): string {
  return `load ${noise.load1.toFixed(2)}, busy ${percent(noise.busyShare)}, stolen ${percent(noise.stealShare)}, tasks waiting ${percent(noise.pressureShare)}`
}

export function factList(facts: readonly Fact[]): string {
  return `<dl class="facts">${facts.map(([name, value]) => `<dt>${escapeText(name)}</dt><dd>${escapeText(value)}</dd>`).join('')}</dl>`
}

/** What was measured, or why not: a table. */
export function targetTable(targets: readonly TargetRecord[]): string {
  const rows = targets.map(
    ({ name, kind, about, version, absent }) =>
      `<tr class="${kind}"><th scope="row">${escapeText(name)}</th><td class="text">${escapeText(absent ?? version ?? '')}</td><td class="text">${escapeText(about)}</td></tr>`,
  )
  return `<table><thead><tr><th scope="col">Target</th><th scope="col" class="text">Version</th><th scope="col" class="text">What it is</th></tr></thead><tbody>${rows.join('')}</tbody></table>`
}
