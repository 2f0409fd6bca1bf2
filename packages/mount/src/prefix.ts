/** Prefixes of request targets, cut byte for byte: nothing is decoded or cleaned. */

/** Of the absolute form. */
const authority = /^(?:[a-z][a-z\d+.-]*:\/\/[^/?]*)?/i

/** What is left of a target below a prefix; undefined if it is not below it: `/apis` is not below `/api`. */
export function cut(target: string, prefix: string): string | undefined {
  const from = authority.exec(target)?.[0].length ?? 0
  if (!target.startsWith(prefix, from)) return undefined
  const rest = target.slice(from + prefix.length)
  if (!/^(?:[/?]|$)/.test(rest)) return undefined
  return target.slice(0, from) + rooted(rest)
}

/** The same for a router that has decoded the path: in whatever spelling, a prefix is as many segments. */
export function cutSegments(target: string, prefix: string): string {
  const count = prefix.split('/').filter((segment) => segment !== '').length
  // `OPTIONS *`, and `http://a` for it.
  if (count === 0) return target
  const from = authority.exec(target)?.[0].length ?? 0
  const rest = target.slice(from).replace(new RegExp(`^(?:/+[^/?]+){${count}}`), '')
  return target.slice(0, from) + rooted(rest)
}

const rooted = (rest: string): string => (rest.startsWith('/') ? rest : `/${rest}`)

/** @throws TypeError unless it is one that something can be below. */
export function checkPrefix(prefix: string | undefined): void {
  if (prefix === undefined || /^(?:\/[^/?#\s]+)+$/.test(prefix)) return
  throw new TypeError(`Option prefix has to be like /api, without a slash at its end; it is ${prefix}`)
}
