/** Cookies of a service that does not know where it stands (RFC 6265 §4.1). */

import type { ResponseHead } from '@relayrace/gateway'

export interface CookieRewrite {
  /** What Domain becomes; `false` takes it away, so that a cookie is for the host that the client has asked. */
  readonly domain?: string | false
  /** What a Path begins with, and what it then begins with: `{ '/': '/api/app1/' }`. The longest one counts. */
  readonly path?: Readonly<Record<string, string>>
}

/** For `modifyResponse`. What is not named stays byte for byte. */
export function rewriteCookies({ domain, path = {} }: CookieRewrite): (head: ResponseHead) => void {
  const prefixes = Object.entries(path).toSorted(([one], [other]) => other.length - one.length)
  return ({ fields }) => {
    const cookies = fields.all('set-cookie')
    if (cookies.length === 0) return
    fields.delete('Set-Cookie')
    for (const cookie of cookies) {
      const [pair = '', ...attributes] = cookie.split(';')
      const kept = attributes.flatMap((attribute) => {
        const [, before = '', name = '', value = ''] = /^(\s*([^=\s]*)\s*=\s*)(.*?)\s*$/.exec(attribute) ?? []
        switch (name.toLowerCase()) {
          case 'domain':
            return domain === undefined ? attribute : domain === false ? [] : before + domain
          case 'path':
            return before + moved(value, prefixes)
          default:
            return attribute
        }
      })
      fields.append('Set-Cookie', [pair, ...kept].join(';'))
    }
  }
}

/** @param prefixes The longest first. */
export function moved(place: string, prefixes: readonly (readonly [string, string])[]): string {
  for (const [from, to] of prefixes) {
    if (place.startsWith(from)) return to + place.slice(from.length)
    // `/app` is where `/app/` is.
    if (from.endsWith('/') && place === from.slice(0, -1)) return to
  }
  return place
}
