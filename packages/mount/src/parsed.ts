/** Content that a parser has read, written again. */

interface Content {
  readonly bytes: Buffer
  /** Those of the request, for what is sent now. */
  readonly fields: string[]
}

/** They say how the bytes were framed or coded, or what they were to the bit. */
const ofOldBytes: ReadonlySet<string> = new Set([
  'content-length',
  'transfer-encoding',
  'content-encoding',
  'content-md5',
  'content-digest',
  'repr-digest',
  'digest',
  'trailer',
  'expect',
])

/**
 * @returns undefined when there was no content.
 * @throws Error when it cannot be written as it was meant.
 */
export function contentAgain(raw: readonly string[], body: unknown): Content | undefined {
  if (!hadContent(raw)) return undefined
  const bytes = write(fieldOf(raw, 'content-type') ?? '', body)
  const fields: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (!ofOldBytes.has(name.toLowerCase())) fields.push(name, raw[i + 1] as string)
  }
  fields.push('Content-Length', String(bytes.length))
  return { bytes, fields }
}

function hadContent(raw: readonly string[]): boolean {
  return fieldOf(raw, 'transfer-encoding') !== undefined || Number(fieldOf(raw, 'content-length') ?? 0) > 0
}

function write(type: string, body: unknown): Buffer {
  if (body instanceof Uint8Array) return Buffer.from(body)
  const [, media = '', parameters = ''] = /^\s*([^;\s]*)(.*)$/s.exec(type.toLowerCase()) ?? []
  const [, charset = 'utf-8'] = /;\s*charset="?([^;"\s]*)/.exec(parameters) ?? []
  if (charset !== 'utf-8') throw refused(`its charset was ${charset}`)
  if (/^application\/(?:json|[^/]+\+json)$/.test(media)) return json(body)
  if (media === 'application/x-www-form-urlencoded') return form(body)
  throw refused(media === '' ? 'it has no Content-Type' : `it was ${media}`)
}

function json(body: unknown): Buffer {
  // Parsed, or the text itself.
  if (typeof body === 'string') throw refused('it was read as text')
  const text = JSON.stringify(body)
  if (text === undefined) throw refused('there is no JSON for what was made of it')
  return Buffer.from(text)
}

function form(body: unknown): Buffer {
  if (typeof body !== 'object' || body === null) throw refused('it was not read as a form')
  const pairs = Object.entries(body)
  for (const [name, value] of pairs) {
    // `a=1&a=2`, `a[]=1&a[]=2` and `a[0]=1` have become the same, depending on the parser.
    if (typeof value !== 'string') throw refused(`the form had ${name} several times, or in parts`)
  }
  return Buffer.from(String(new URLSearchParams(pairs)))
}

function fieldOf(raw: readonly string[], name: string): string | undefined {
  const at = raw.findIndex((field, i) => i % 2 === 0 && field.toLowerCase() === name)
  return at < 0 ? undefined : raw[at + 1]
}

function refused(why: string): Error {
  return new Error(
    `The content of the request has been read already, and cannot be sent on: ${why}. Mount the gateway in front of body parsers`,
  )
}
