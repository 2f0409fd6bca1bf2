/** The field lines of a message (RFC 9110 §5), kept as they came: order, case and repeats. */

const tokenShape = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly the characters that must not pass
const unsafeValue = /[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]/

/**
 * A handle on Node's `rawHeaders` layout, `[name, value, name, value, …]`.
 *
 * Names compare without case. The array given is owned from then on: pass a copy to keep the original.
 */
export class Fields implements Iterable<[name: string, value: string]> {
  readonly raw: string[]

  constructor(raw: string[] = []) {
    this.raw = raw
  }

  /** A value for a name, or several, each a line of its own. @throws TypeError like `append`. */
  static from(
    lines:
      | Iterable<readonly [name: string, value: string]>
      | Readonly<Record<string, string | readonly string[]>>,
  ): Fields {
    const fields = new Fields()
    for (const [name, value] of Symbol.iterator in lines ? lines : Object.entries(lines))
      if (Array.isArray(value)) for (const one of value) fields.append(name, one)
      else fields.append(name, value as string)
    return fields
  }

  /** The value of the first line with that name. */
  get(name: string): string | undefined {
    const { raw } = this
    const lower = name.toLowerCase()
    for (let i = 0; i < raw.length; i += 2) if (is(raw[i] as string, lower)) return raw[i + 1]
    return undefined
  }

  /** The values of all lines with that name, in order. */
  all(name: string): string[] {
    const { raw } = this
    const lower = name.toLowerCase()
    const values: string[] = []
    for (let i = 0; i < raw.length; i += 2) if (is(raw[i] as string, lower)) values.push(raw[i + 1] as string)
    return values
  }

  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  /** The members of a comma-separated list of tokens over all lines of that name, lower-cased (RFC 9110 §5.6.1). */
  tokens(name: string): string[] {
    return this.all(name).flatMap(listOfTokens)
  }

  /** @throws TypeError when the name is no token or the value could end a line (RFC 9110 §5.5). */
  append(name: string, value: string): void {
    check(name, value)
    this.raw.push(name, value)
  }

  /** Replaces every line of that name by one, in the place of the first. Throws like `append`. */
  set(name: string, value: string): void {
    check(name, value)
    const { raw } = this
    const lower = name.toLowerCase()
    for (let i = 0; i < raw.length; i += 2) {
      if (!is(raw[i] as string, lower)) continue
      raw[i + 1] = value
      this.#remove(lower, i + 2)
      return
    }
    raw.push(name, value)
  }

  delete(name: string): void {
    this.#remove(name.toLowerCase(), 0)
  }

  copy(): Fields {
    return new Fields(this.raw.slice())
  }

  *[Symbol.iterator](): Iterator<[name: string, value: string]> {
    for (let i = 0; i < this.raw.length; i += 2) yield [this.raw[i] as string, this.raw[i + 1] as string]
  }

  #remove(lower: string, from: number): void {
    const { raw } = this
    let kept = from
    for (let i = from; i < raw.length; i += 2) {
      if (is(raw[i] as string, lower)) continue
      raw[kept++] = raw[i] as string
      raw[kept++] = raw[i + 1] as string
    }
    raw.length = kept
  }
}

const is = (name: string, lower: string): boolean =>
  name.length === lower.length && name.toLowerCase() === lower

function check(name: string, value: string): void {
  if (typeof name !== 'string')
    throw new TypeError(`Field name is no string: ${String(name)}; such as "Cache-Control"`)
  if (typeof value !== 'string')
    throw new TypeError(`Field value of ${name} is no string: write String(value), or delete the field`)
  if (!tokenShape.test(name))
    throw new TypeError(
      `Field name is not a token: ${JSON.stringify(name)}; it has letters, digits and dashes`,
    )
  if (unsafeValue.test(value))
    throw new TypeError(
      `Field value of ${name} has a character that is not allowed: encode what is no Latin-1, and leave out line breaks`,
    )
}

/**
 * A copy of what an application has left, which may be anything: who goes on with it has nobody else write to it.
 * @throws TypeError unless these are fields that can be sent.
 */
export function checkedFields(given: unknown): Fields {
  if (!(given instanceof Fields) || !Array.isArray(given.raw) || given.raw.length % 2 !== 0)
    throw new TypeError(
      'The fields of a head are a Fields, with a value for each name: change those that are there, or use Fields.from({ … })',
    )
  const fields = new Fields(given.raw.slice())
  for (const [name, value] of fields) check(name, value)
  return fields
}

/**
 * What an application has left of fields that were fit to be sent, with nobody else to write to it. Lines that were there
 * are not looked at again; new ones say nothing of framing, which is not an application's affair.
 * @param before As they were, without framing either: given away.
 * @throws TypeError unless these are fields that can be sent.
 */
export function leftOf(given: unknown, before: string[]): Fields {
  if (!(given instanceof Fields) || !Array.isArray(given.raw) || given.raw.length % 2 !== 0)
    throw new TypeError('The fields of a head are a Fields, with a value for each name')
  const { raw } = given
  if (isSame(raw, before)) return new Fields(before)
  const kept: string[] = []
  let next = 0
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const value = raw[i + 1] as string
    const at = lineIn(before, next, name, value)
    if (at === -1) {
      check(name, value)
      if (framing.has(name)) continue
    } else next = at + 2
    kept.push(name, value)
  }
  return new Fields(kept)
}

function isSame(raw: readonly string[], before: readonly string[]): boolean {
  if (raw.length !== before.length) return false
  for (let i = 0; i < raw.length; i++) if (raw[i] !== before[i]) return false
  return true
}

/** Where that line is, from there on; -1 for nowhere. */
function lineIn(raw: readonly string[], from: number, name: string, value: string): number {
  for (let i = from; i < raw.length; i += 2) if (raw[i] === name && raw[i + 1] === value) return i
  return -1
}

export function isToken(text: string): boolean {
  return tokenShape.test(text)
}

/** Without the optional whitespace around it: space and tab only (RFC 9110 §5.6.3), where `trim` takes U+00A0 as well. */
export function withoutSpace(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isSpace(text.charCodeAt(from))) from++
  while (to > from && isSpace(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}

const isSpace = (code: number): boolean => code === 0x20 || code === 0x09

export function listOfTokens(value: string): string[] {
  const members: string[] = []
  for (const member of value.split(',')) {
    const token = withoutSpace(member).toLowerCase()
    if (token !== '') members.push(token)
  }
  return members
}

/** A fixed set of field names. Most that it is asked for have a length that none of its own has. */
export class FieldNames implements Iterable<string> {
  readonly #names: ReadonlySet<string>
  readonly #lengths: boolean[] = []
  /** By the first letter, as a code of the small one. */
  readonly #beginnings: ReadonlyMap<number, readonly string[]>
  readonly #also: FieldNames | undefined

  /**
   * @param names Lower-cased.
   * @param more Whatever begins as `beginnings` do, an underscore being a dash; and what another one has.
   */
  constructor(
    names: Iterable<string>,
    more: { readonly beginnings?: readonly string[]; readonly also?: FieldNames } = {},
  ) {
    this.#names = new Set(names)
    this.#also = more.also
    this.#beginnings = Map.groupBy(more.beginnings ?? [], (beginning) => beginning.charCodeAt(0))
    for (const { length } of this.#names) {
      while (this.#lengths.length <= length) this.#lengths.push(false)
      this.#lengths[length] = true
    }
  }

  /** In whatever case. */
  has(name: string): boolean {
    if (this.#lengths[name.length] === true && this.#names.has(name.toLowerCase())) return true
    const beginnings = this.#beginnings.get(name.charCodeAt(0) | 0x20)
    if (beginnings?.some((beginning) => begins(name, beginning)) === true) return true
    return this.#also?.has(name) === true
  }

  [Symbol.iterator](): Iterator<string> {
    return this.#names.values()
  }
}

/** Makes nothing in order to compare: it is asked of every field that comes. */
function begins(name: string, beginning: string): boolean {
  if (name.length < beginning.length) return false
  for (let i = 0; i < beginning.length; i++) {
    const code = name.charCodeAt(i)
    const expected = beginning.charCodeAt(i)
    if (code === expected) continue
    // A capital letter, or an underscore where a dash is meant.
    if (code >= 0x41 && code <= 0x5a ? code + 0x20 !== expected : code !== 0x5f || expected !== 0x2d)
      return false
  }
  return true
}

/**
 * Fields that concern one connection only (RFC 9110 §7.6.1), and those that the next connection's framing decides.
 * `TE` and `Trailer` are here because an intermediary states its own; `Proxy-*` because they are meant for this hop.
 */
const hopByHop: FieldNames = new FieldNames([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** What says how a message is delimited, and how long its connection lasts: stated by whoever writes it. */
export const framingFields = [
  'transfer-encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'te',
  'trailer',
] as const

const framing: FieldNames = new FieldNames(framingFields)

/** What Connection nominates in vain: without these a message would lose its meaning, so they are end-to-end always. */
const notNominable: FieldNames = new FieldNames([
  'host',
  'content-length',
  'content-type',
  'date',
  'set-cookie',
])

/** The connection options of a message, lower-cased, over all its Connection lines. */
export function connectionOptions(raw: readonly string[]): string[] {
  let options: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    if (!is(raw[i] as string, 'connection')) continue
    const tokens = listOfTokens(raw[i + 1] as string)
    options = options.length === 0 ? tokens : options.concat(tokens)
  }
  return options
}

/** As many names are found as quickly in a list as in a set. */
const few = 8

/**
 * The fields that may pass an intermediary: all but the hop-by-hop ones, those that Connection nominates, and those
 * named in `without`.
 */
export function endToEnd(raw: readonly string[], without?: FieldNames): Fields {
  const options = connectionOptions(raw)
  const nominated = options.length > few ? new Set(options) : options
  const named = (name: string): boolean =>
    nominated instanceof Set ? nominated.has(name) : nominated.includes(name)
  const kept: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (hopByHop.has(name)) continue
    if (without?.has(name)) continue
    if (options.length > 0 && named(name.toLowerCase()) && !notNominable.has(name)) continue
    kept.push(name, raw[i + 1] as string)
  }
  return new Fields(kept)
}
