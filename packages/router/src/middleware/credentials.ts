/** What a request says of who asks (RFC 9110 §11.6.2), and how it is told that this will not do. */

import type { Fields, Reply } from '@relayrace/gateway'

/** The credentials of a scheme; undefined when there are none, or several, which two readers could tell apart. */
export function credentials(fields: Fields, scheme: string): string | undefined {
  const values = fields.all('authorization')
  const [value = ''] = values
  const space = value.indexOf(' ')
  if (values.length !== 1 || value.slice(0, space).toLowerCase() !== scheme) return undefined
  return value.slice(space).trim() || undefined
}

export function unauthorized(challenge: string): Reply {
  return {
    status: 401,
    fields: { 'WWW-Authenticate': challenge, 'Content-Type': 'text/plain; charset=utf-8' },
    body: 'Unauthorized\n',
  }
}

/** @throws TypeError for what cannot stand in quotes. */
export function quoted(text: string): string {
  if (!/^[\t\x20-\x7e]*$/.test(text))
    throw new TypeError(`A realm is printable ASCII: ${JSON.stringify(text)}`)
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`
}

/** @throws TypeError for an empty secret: whoever sends nothing would have it. */
export function filled(secret: string, what: string): string {
  if (secret === '') throw new TypeError(`A ${what} is not empty: is the variable set that it comes from?`)
  return secret
}
