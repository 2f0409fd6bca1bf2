/** `--list`: what can be measured, against what, and how long it takes. */

import { styleText } from 'node:util'
import type { ListedTarget } from '@relayrace/fixtures/target'
import { faults, targets as inUse, soundRelay } from '@relayrace/fixtures/targets'
import { presets } from './presets.ts'
import type { TargetRecord } from './report/results.ts'
import { scenarios } from './scenarios/index.ts'
import { scaleOf } from './scenarios/scenario.ts'

export interface Listing {
  readonly targets: readonly {
    name: string
    kind: ListedTarget['kind']
    about: string
    version: string | null
    install: string
  }[]
  readonly scenarios: readonly {
    name: string
    title: string
    question: string
    load: string
    byName: boolean
  }[]
  readonly presets: readonly { name: string; about: string; rounds: number; targets: readonly string[] }[]
}

const targets = [...inUse, soundRelay, ...faults]

export async function listing(): Promise<Listing> {
  return {
    targets: await Promise.all(
      targets.map(async (target) => {
        const { name, kind, about, install } = target
        return { name, kind, about, version: (await target.version()) ?? null, install }
      }),
    ),
    scenarios: scenarios.map((scenario) => {
      const { name, title, question, byName = false } = scenario
      return { name, title, question, byName, load: scenario.load(scaleOf(scenario, 'quick')) }
    }),
    presets: presets.map((preset) => ({
      name: preset.name,
      about: preset.about,
      rounds: preset.rounds,
      targets: targets.filter(preset.includes).map(({ name }) => name),
    })),
  }
}

export function listingText(list: Listing, colour: boolean): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    colour ? styleText(style, text) : text
  const width = Math.max(
    ...list.targets.map(({ name }) => name.length),
    ...list.scenarios.map(({ name }) => name.length),
  )
  const line = (name: string, text: string): string => `  ${name.padEnd(width)}  ${text}`
  const kinds = {
    strategy: 'Ours',
    peer: 'Peers',
    mount: 'Ours in something else, measured by name',
    alternative: 'Instead of a proxy, measured by name',
    fault: 'Planted faults, measured by name: the bench has to name them',
    control: 'Controls, which do not compete',
  } as const
  const targetLines = (Object.keys(kinds) as ListedTarget['kind'][]).flatMap((kind) => [
    paint('bold', kinds[kind]),
    ...list.targets
      .filter((target) => target.kind === kind)
      .map(({ name, version, install, about }) =>
        version === null
          ? line(name, paint('yellow', `not installed: ${install}`))
          : line(name, `${about} ${paint('dim', `(${version})`)}`),
      ),
    '',
  ])
  const scenarioLines = (wanted: boolean): string[] =>
    list.scenarios.filter(({ byName }) => byName === wanted).map(({ name, question }) => line(name, question))
  return [
    ...targetLines,
    paint('bold', 'Scenarios'),
    ...scenarioLines(false),
    '',
    paint('bold', 'Scenarios that are asked by name'),
    ...scenarioLines(true),
    '',
    paint('bold', 'Presets'),
    ...list.presets.map(({ name, about }) => line(name, about)),
    '',
  ].join('\n')
}

/** What is known of a target before it is measured; whether it can be. */
export async function recordOf(target: ListedTarget): Promise<TargetRecord> {
  const { name, kind, about, install, runs } = target
  const record = { name, kind, about, install, ...(runs && { runs }) }
  try {
    const version = await target.version()
    if (version === undefined) return { ...record, version: null, absent: `not installed; ${install}` }
    return { ...record, version, absent: null }
  } catch (error) {
    return { ...record, version: null, absent: `cannot be run: ${(error as Error).message.split('\n')[0]}` }
  }
}
