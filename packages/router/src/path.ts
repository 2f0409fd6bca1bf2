/** What a path means when a route is looked for. It decides the match; what is forwarded stays as it came. */

/** The segments of a path in their normal form (RFC 3986 §6.2.2). The last one is empty behind a trailing slash. */
export interface Segments {
  readonly names: readonly string[]
  /** Where in the path each of them ends. */
  readonly ends: readonly number[]
  /** Where the first one begins: behind dot segments that lead above the root. */
  readonly from: number
}

/** @returns undefined when two readers could see different segments in it. */
export function segmentsOf(path: string): Segments | undefined {
  const length = withoutQuery(path)
  if (!unusual.test(path)) return split(path, length)
  const cleaned = path.slice(0, length)
  if (isAmbiguous(cleaned)) return undefined
  return cleanUp(cleaned)
}

/** What follows the first segments of a path, byte for byte: with the slash before it, and its query. */
export function beyond(path: string, count: number): string {
  const { ends, from } = segmentsOf(path) as Segments
  if (count > 0) return path.slice(ends[count - 1])
  const rest = path.slice(from)
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** A path is looked at again only if it may have something to be cleaned. */
const unusual = /[%\\]|\/\.|\/\//

/**
 * Dot segments that only some servers take for such, and those beside empty segments, which some servers merge and some do
 * not: where one reader is at home, another one may be elsewhere.
 */
function isAmbiguous(path: string): boolean {
  return oddDots.test(path) || (path.includes('//') && dots.test(path))
}

const oddDots =
  /(?:\\|%2f|%5c)(?:\.|%2e){1,2}(?=$|\/|\\|;|%2f|%5c|%3b)|\/(?:\.|%2e){1,2}(?:\\|;|%2f|%5c|%3b)/i
const dots = /\/(?:\.|%2e){1,2}(?:\/|$)/i

function split(path: string, length: number): Segments {
  const names: string[] = []
  const ends: number[] = []
  for (let from = 1; from <= length; ) {
    const slash = path.indexOf('/', from)
    const end = slash === -1 || slash > length ? length : slash
    names.push(path.slice(from, end))
    ends.push(end)
    from = end + 1
  }
  return { names, ends, from: 0 }
}

function cleanUp(path: string): Segments {
  const names: string[] = []
  const ends: number[] = []
  let from = 0
  const raw = split(path, path.length)
  for (const [i, given] of raw.names.entries()) {
    const name = normal(given)
    const last = i === raw.names.length - 1
    const dots = name === '.' || name === '..'
    if (name === '..') {
      if (names.length === 0) from = raw.ends[i] as number
      names.pop()
      ends.pop()
    }
    if (dots || name === '') {
      if (!last) continue
      names.push('')
    } else names.push(name)
    ends.push(raw.ends[i] as number)
  }
  return { names, ends, from }
}

/** Unreserved characters stand for themselves, and encodings are in upper case. `%2F` stays: it separates nothing. */
function normal(segment: string): string {
  if (!segment.includes('%')) return segment
  return segment.replace(/%[0-9a-f]{2}/gi, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
    return /[\w.~-]/.test(character) ? character : encoded.toUpperCase()
  })
}

function withoutQuery(path: string): number {
  const mark = path.indexOf('?')
  return mark === -1 ? path.length : mark
}
