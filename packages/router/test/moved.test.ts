/** What a service says of places is said of others: of several that fit, the longest counts, in whatever order they stand. */

import { Fields, type ResponseHead } from '@relayrace/gateway'
import { expect, test } from 'vitest'
import { rewriteCookies, rewriteLocation } from '../src/middleware/index.ts'

const places = [
  ['/', '/app/'],
  ['/deep/', '/elsewhere/'],
] as const

test.each([
  ['the shortest first', places],
  ['the longest first', places.toReversed()],
])('%s', (_, table) => {
  const fields = Fields.from({
    Location: '/deep/x',
    'Content-Location': '/x',
    'Set-Cookie': ['a=1; Path=/deep/x', 'b=2; Path=/deep', 'c=3; Path=/x'],
  })
  const head: ResponseHead = { status: 302, reason: '', fields }
  rewriteLocation(Object.fromEntries(table))(head)
  rewriteCookies({ path: Object.fromEntries(table) })(head)
  expect(
    Object.fromEntries(['location', 'content-location'].map((name) => [name, fields.get(name)])),
  ).toEqual({
    location: '/elsewhere/x',
    'content-location': '/app/x',
  })
  expect(fields.all('set-cookie')).toEqual([
    'a=1; Path=/elsewhere/x',
    'b=2; Path=/elsewhere/',
    'c=3; Path=/app/x',
  ])
})
