/** Redirects of a service that does not know where it stands. */

import type { ResponseHead } from '@relayrace/gateway'
import { moved } from './cookies.ts'

/**
 * For `modifyResponse`: what Location and Content-Location begin with, and what they then begin with, as in
 * `{ 'http://127.0.0.1:9001/': '/api/app1/', '/': '/api/app1/' }`. The longest one counts. What is relative stays, and so
 * does what leads elsewhere.
 */
export function rewriteLocation(places: Readonly<Record<string, string>>): (head: ResponseHead) => void {
  const prefixes = Object.entries(places).toSorted(([one], [other]) => other.length - one.length)
  const paths = prefixes.filter(([from]) => from.startsWith('/'))
  const others = prefixes.filter(([from]) => !from.startsWith('/'))
  return ({ fields }) => {
    for (const name of ['Location', 'Content-Location']) {
      const place = fields.get(name)
      if (place === undefined) continue
      // Two slashes name another host (RFC 3986 §4.2); some clients take a backslash for one.
      const here = /^\/(?![/\\])/.test(place)
      const there = moved(place, here ? paths : others)
      // Nor may a path become such a name on its way.
      if (there !== place) fields.set(name, there.replace(/^\/[/\\]+/, '/'))
    }
  }
}
