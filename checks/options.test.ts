/** The table of options in the README is the one in the types: nothing is missing, and each default is the one there is. */

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { defaultLimits, defaultPool, defaultTimeouts } from '@relayrace/gateway'
import { parseSync } from 'oxc-parser'
import { describe, expect, test } from 'vitest'
import { root } from './workspace.ts'

const source = path.join(root, 'packages/gateway/src/contract/gateway.ts')
const [, table = ''] =
  /^## Options$(.*?)^## /ms.exec(readFileSync(path.join(root, 'packages/gateway/README.md'), 'utf8')) ?? []

/** Which default the table has for each option, as it is written there. */
const documented = new Map(
  [...table.matchAll(/^\| (`.*?) \| (.*?) \|/gm)].flatMap(([, names = '', defaults = '']) => {
    const [first = '', ...others] = names.split(', ').map((name) => name.replaceAll(/`|\(.*\)?/g, ''))
    const group = first.includes('.') ? first.slice(0, first.indexOf('.')) : ''
    const all = [first, ...others.filter((name) => name.startsWith('.')).map((name) => `${group}${name}`)]
    const written = defaults.split(', ')
    return all.map((name, i) => [name, written.length === 1 ? defaults : (written[i] ?? '')] as const)
  }),
)

function membersOf(name: string): string[] {
  const { program } = parseSync(source, readFileSync(source, 'utf8'))
  for (const statement of program.body) {
    const declared = statement.type === 'ExportNamedDeclaration' ? statement.declaration : undefined
    if (declared?.type !== 'TSInterfaceDeclaration' || declared.id.name !== name) continue
    return declared.body.body.flatMap((member) =>
      member.type === 'TSPropertySignature' && member.key.type === 'Identifier' ? [member.key.name] : [],
    )
  }
  throw new Error(`${source} declares no ${name}`)
}

const groups = { timeouts: defaultTimeouts, limits: defaultLimits, pool: defaultPool }
const written = (value: number): string =>
  value === Number.POSITIVE_INFINITY ? '`Infinity`' : value.toLocaleString('en').replaceAll(',', ' ')

describe('the options in the README', () => {
  test('are those of the types', () => {
    const single = membersOf('GatewayOptions').filter((name) => !(name in groups))
    const grouped = [
      ...membersOf('Timeouts').map((name) => `timeouts.${name}`),
      ...membersOf('Limits').map((name) => `limits.${name}`),
      ...membersOf('Pool').map((name) => `pool.${name}`),
    ]
    expect([...documented.keys()].toSorted()).toEqual([...single, ...grouped].toSorted())
  })

  test.each(
    Object.entries(groups).flatMap(([group, defaults]) =>
      Object.entries(defaults).map(
        ([name, value]) => [`${group}.${name}`, written(value as number)] as const,
      ),
    ),
  )('%s has the default that is used: %s', (name, value) => {
    expect(documented.get(name)).toBe(value)
  })
})
