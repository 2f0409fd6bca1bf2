/** What can be told in options: a name that nobody knows, or a value of another kind, is no silent default. */

/** What an option may be: what `typeof` says, or `bytes`, which are text or bytes, or several of them. */
export type Kind = 'string' | 'number' | 'boolean' | 'object' | 'function' | 'bytes'

/** Every option that there is, and its kind; undefined where more is asked of it elsewhere. */
export type KnownOptions<T> = Readonly<Record<keyof T, Kind | undefined>>

/** @param group What stands before a name in messages, such as `tls.` @throws TypeError that names the option. */
export function checkOptions<T extends object>(given: T, known: KnownOptions<T>, group = ''): void {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(known, name)) throw unknownOption(name, Object.keys(known), group)
    const kind = known[name as keyof T]
    if (value === undefined || kind === undefined) continue
    if (kind === 'bytes' ? !isBytes(value) : typeof value !== kind || value === null)
      throw new TypeError(`Option ${group}${name} has to be ${kinds[kind]}`)
  }
}

const kinds: Readonly<Record<Kind, string>> = {
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  function: 'a function',
  bytes: 'text or bytes, or a list of them',
}

const isBytes = (value: unknown): boolean =>
  typeof value === 'string' || ArrayBuffer.isView(value) || Array.isArray(value)

/** Names the known one that is nearest, if one is near at all, and else all of them. */
export function unknownOption(name: string, known: readonly string[], group = ''): TypeError {
  const near = nearest(name, known)
  const hint = near === undefined ? '' : `Did you mean ${group}${near}?`
  return new TypeError(
    [`Unknown option ${group}${name}.`, hint, `Known: ${known.join(', ')}`].filter(Boolean).join(' '),
  )
}

/** Undefined when none is near at all. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const by = new Map(known.map((one) => [one, distance(name.toLowerCase(), one.toLowerCase())]))
  const [near, edits] = [...by].sort(([, one], [, other]) => one - other)[0] ?? ['', Number.POSITIVE_INFINITY]
  return edits <= Math.max(2, near.length / 3) ? near : undefined
}

/** Characters to put in, take out or replace, to make one of the other (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, i) => i)
  for (let i = 1; i <= one.length; i++) {
    const next = [i]
    for (let j = 1; j <= other.length; j++) {
      const replaced = (row[j - 1] as number) + (one[i - 1] === other[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[other.length] as number
}
