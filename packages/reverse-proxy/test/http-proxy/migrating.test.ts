/** What docs/migrating.md says of http-proxy-3 is complete, and each row of it has a test. */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { describe, expect, test } from 'vitest'

const here = (name: string): string => readFileSync(path.join(import.meta.dirname, name), 'utf8')
const section =
  /^## From http-proxy-3$(.*?)^## /ms.exec(`${here('../../../../docs/migrating.md')}\n## `)?.[1] ?? ''
const rows = [...section.matchAll(/^\| (`[^|]+`) \|([^|]*)\|/gm)].map(([, names = '', text = '']) => ({
  names: [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name as string),
  text,
}))

/** Titles of tests and of groups of them. */
const titlesIn = (...files: string[]): string[] =>
  files.flatMap((file) =>
    [...here(file).matchAll(/\b(?:test|describe)\(\s*'([^']+)'|^ {4}\['([^']+)', \{/gm)].map(
      ([, title, row]) => (title ?? row) as string,
    ),
  )

const tested = titlesIn('options.test.ts', 'events.test.ts')
const refused = [...titlesIn('stricter.test.ts'), 'before', 'after']

test('has a row for each option of http-proxy-3', () => {
  const main = createRequire(import.meta.url).resolve('http-proxy-3')
  const types = readFileSync(path.join(path.dirname(main), 'http-proxy', 'index.d.ts'), 'utf8')
  const [, options = ''] = /export interface ServerOptions \{(.*?)^\}/ms.exec(types) ?? []
  const theirs = [...options.matchAll(/^ {4}(\w+)\?:/gm)].map(([, name]) => name)
  expect(theirs.length).toBeGreaterThan(20)
  expect(theirs.filter((name) => !rows.some(({ names }) => names.includes(name as string)))).toEqual([])
})

describe.each(rows.flatMap(({ names, text }) => names.map((name) => [name, text] as const)))(
  '%s',
  (name, text) => {
    test('has a test with its name', () => {
      const titles = text.includes('a `TypeError`') ? refused : tested
      const word = new RegExp(`(?<!\\w)${name}(?!\\w)`)
      expect(titles.filter((title) => word.test(title)).length).toBeGreaterThan(0)
    })
  },
)
