/** A case that nobody has seen fail shows nothing. */

import { expect, test } from 'vitest'
import { cases } from '../src/index.ts'
import * as caught from './broken/caught.ts'

/** In each line of a table the last is what fails. */
const seen = new Set(
  Object.values(caught)
    .flat()
    .flatMap((line) => (typeof line === 'string' ? line : (line.at(-1) ?? []))),
)

test.for(cases.filter(({ unseen }) => unseen === undefined).map(({ id }) => id))(
  '%s has been seen failing on a broken target',
  (id) => {
    expect([...seen]).toContain(id)
  },
)

test('nothing is expected of a case that there is not', () => {
  const ids = cases.map(({ id }) => id)
  expect([...seen].filter((id) => !ids.includes(id))).toEqual([])
})
