/** docs/requirements.md, made of the table and of the tests as they are written. */

import { globSync } from 'node:fs'
import path from 'node:path'
import { cases } from '@relayrace/conformance'
import { deviations } from '@relayrace/fixtures/deviations'
import { findTarget } from '@relayrace/fixtures/targets'
import { scenarios } from '../../bench/scenarios/index.ts'
import { root } from '../workspace.ts'
import { exceptions, groups, type Requirement, type StrategyName, strategies } from './table.ts'
import { testsOf, type Written, withShared } from './tests.ts'

export const document: string = path.join(root, 'docs/requirements.md')

/** A test or a case that shows a requirement. */
interface Proof {
  /** As it stands in the document. */
  readonly text: string
  /** Undefined for what is no case of the suite. */
  readonly test?: Written
  readonly on: readonly StrategyName[]
}

export interface Shown {
  readonly requirement: Requirement
  readonly proofs: readonly Proof[]
  /** What the table names and nobody has. */
  readonly gone: readonly string[]
  /** Strategies on which nothing shows it. */
  readonly unshown: readonly StrategyName[]
}

const files = globSync(
  '{packages/*/test/*.ts,packages/promises/src/*.ts,{bench,examples,fixtures}/**/*.test.ts}',
  { cwd: root, exclude: ['**/node_modules'] },
).toSorted()
const written = new Map(files.map((file) => [file, testsOf(file)] as const))

/** Which strategies run a file: it is theirs, or one of theirs imports it. */
const runs = new Map<string, StrategyName[]>()
for (const strategy of strategies) {
  for (const file of files.filter((name) => name.startsWith(`packages/${strategy}/test/`))) {
    if (!file.endsWith('.test.ts')) continue
    for (const one of withShared(file)) {
      const all = runs.get(one) ?? []
      if (!all.includes(strategy)) runs.set(one, [...all, strategy])
    }
  }
}

/** The lists of `packages/strategies` and of `packages/gateway/test/programs.ts`, which tables are made of. */
const named = new Map<string, readonly string[]>([
  ['onNodeHttp', strategies.filter((name) => name !== 'duplex-server')],
  ['strategies', strategies],
])

function strategiesOf(test: Written): readonly StrategyName[] {
  const exception = exceptions.find((one) => test.name.startsWith(one.test))
  if (exception) return exception.on
  for (const table of test.tables) {
    const names = typeof table === 'string' ? named.get(table) : table
    const found = strategies.filter((name) => names?.includes(name))
    if (found.length > 0) return found
  }
  return runs.get(test.file) ?? []
}

function ofCase(id: string): readonly StrategyName[] {
  const { needs = [], unseen } = cases.find((one) => one.id === id) ?? { unseen: 'gone' }
  if (unseen !== undefined) return []
  return strategies.filter((name) => {
    const { has = [], lacks = [] } = findTarget(name)
    const able = needs.every((need) =>
      need === 'trailers' || need === 'informational' || need === 'upgrade'
        ? !lacks.includes(need)
        : has.includes(need),
    )
    return able && deviations[name]?.[id] === undefined
  })
}

/** Everything that shows a requirement, and what is missing of it. */
export function show(requirement: Requirement): Shown {
  const { letter, on = strategies, not = {} } = requirement
  const begins = new RegExp(`^${letter} `)
  const gone: string[] = []
  const tests = [...written.values()]
    .flat()
    .filter(({ titles }) => titles.some((title) => begins.test(title)))
  for (const [file, names] of Object.entries(requirement.tests ?? {})) {
    const all = written.get(file) ?? []
    if (all.length === 0) gone.push(file)
    for (const name of names) {
      if (!all.some((test) => within(test, name))) gone.push(`${file}: ${name}`)
    }
    tests.push(
      ...all.filter(
        (test) => !tests.includes(test) && (names.length === 0 || names.some((name) => within(test, name))),
      ),
    )
  }
  for (const id of requirement.cases ?? []) if (ofCase(id).length === 0) gone.push(id)
  for (const name of requirement.scenarios ?? []) {
    if (!scenarios.some((scenario) => scenario.name === name)) gone.push(name)
  }
  const possible = on.filter((name) => not[name] === undefined)
  const proofs = [
    ...tests.map((test) => ({
      text: test.name,
      test,
      on: possible.filter((name) => strategiesOf(test).includes(name)),
    })),
    ...(requirement.cases ?? []).map((id) => ({
      text: id,
      on: possible.filter((name) => ofCase(id).includes(name)),
    })),
  ]
  const unshown = on.filter((name) => !proofs.some((proof) => proof.on.includes(name)))
  return { requirement, proofs, gone, unshown }
}

/** The test itself, or one of what is described under that name. */
function within(test: Written, name: string): boolean {
  return test.name === name || test.name.startsWith(`${name} › `)
}

export function write(): string {
  const lines = [
    '# What is required, and what shows it',
    '',
    '<!-- Written by `npm run requirements`, from checks/requirements/table.ts and the titles of tests. -->',
    '',
    'Each requirement has a letter, and most tests that show it begin with it: `npm test -- -t "A5 "` runs those of A5, for',
    'all strategies. Cases are those of the [conformance suite](../packages/conformance), scenarios those of the',
    '[bench](../bench): a case gives a verdict, a scenario a figure. Behind each stands on which strategies it is run; what',
    'is shown nowhere says so. `npm run requirements` writes this page.',
  ]
  for (const { title, requirements } of groups) {
    lines.push('', `## ${title}`)
    for (const requirement of requirements) lines.push('', ...section(show(requirement)))
  }
  return `${lines.join('\n')}\n`
}

function section({ requirement, proofs, unshown }: Shown): string[] {
  const { letter, title, not = {}, missing, scenarios: names = [] } = requirement
  const lines = [`### ${letter}`, '', `${escaped(title)}.`, '']
  for (const name of unshown)
    lines.push(`- **not shown** on ${name}: ${not[name] ?? 'there is nothing that would'}`)
  if (missing !== undefined) lines.push(`- **not shown**: ${missing}`)
  const byFile = Map.groupBy(
    proofs.filter(({ test }) => test !== undefined),
    ({ test }) => test?.file ?? '',
  )
  for (const [file, tests] of byFile) {
    const byPlace = Map.groupBy(tests, ({ on }) => places(on))
    for (const [where, found] of byPlace) {
      lines.push(`- [${path.basename(file)} of ${owner(file)}](../${file})${where}`)
      lines.push(...new Set(found.map(({ text }) => `  - ${escaped(text)}`)))
    }
  }
  const judged = Map.groupBy(
    proofs.filter(({ test }) => test === undefined),
    ({ on }) => places(on),
  )
  for (const [where, found] of judged)
    lines.push(`- cases ${found.map(({ text }) => text).join(', ')}${where}`)
  if (names.length > 0) lines.push(`- scenarios ${names.map((name) => `\`${name}\``).join(', ')}`)
  return lines
}

function places(on: readonly StrategyName[]): string {
  if (on.length === 0) return ''
  return on.length === strategies.length ? ', on all five' : `, on ${on.join(', ')}`
}

const owner = (file: string): string => file.replace(/^packages\//, '').split('/')[0] ?? ''

/** As text, not as Markdown. */
const escaped = (text: string): string => text.replaceAll(/[<>*_`[\]\\|]/g, '\\$&')
