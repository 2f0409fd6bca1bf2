/** What the options of http-proxy change in a response head: cookies, and where redirects lead. */

import type { ResponseHead } from '@relayrace/gateway'
import type { ServerOptions, Target } from './options.ts'

export function rewriteCookies({ fields }: ResponseHead, options: ServerOptions): void {
  const changes = [
    ['domain', options.cookieDomainRewrite],
    ['path', options.cookiePathRewrite],
  ] as const
  for (const [attribute, change] of changes) {
    if (change === undefined || change === false) continue
    const table = typeof change === 'string' ? { '*': change } : change
    const cookies = fields.all('set-cookie').map((cookie) => rewritten(cookie, attribute, table))
    fields.delete('set-cookie')
    for (const cookie of cookies) fields.append('Set-Cookie', cookie)
  }
}

/** @param table Of what there is; `*` is for all others, and nothing takes the attribute away. */
function rewritten(
  cookie: string,
  attribute: string,
  table: Readonly<Record<string, string | null>>,
): string {
  return cookie.replace(
    new RegExp(`(;\\s*${attribute}=)([^;]+)`, 'i'),
    (all, before: string, value: string) => {
      const known = Object.hasOwn(table, value) ? value : '*'
      if (!Object.hasOwn(table, known)) return all
      const other = table[known]
      return other ? `${before}${other}` : ''
    },
  )
}

const redirecting: ReadonlySet<number> = new Set([201, 301, 302, 307, 308])

/** Only of a redirect that leads to the target. */
export function rewriteLocation(
  { status, fields }: ResponseHead,
  { hostRewrite, autoRewrite, protocolRewrite }: ServerOptions,
  target: Target,
  authority: string,
): void {
  if (!(hostRewrite || autoRewrite || protocolRewrite) || !redirecting.has(status)) return
  const url = URL.parse(fields.get('location') ?? '')
  if (url === null || url.host !== target.host) return
  if (hostRewrite) url.host = hostRewrite
  else if (autoRewrite) url.host = authority
  if (protocolRewrite) url.protocol = protocolRewrite
  fields.set('Location', url.href)
}

const followed: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** Where a redirect leads, if it is one that can be followed. */
export function redirectOf(status: number, location: string | undefined, from: string): URL | undefined {
  if (!followed.has(status) || location === undefined) return undefined
  const url = URL.parse(location, from)
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url : undefined
}
