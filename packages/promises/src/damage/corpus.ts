/** The messages that mutations start from, as `corpus.txt` has them. */

import { readFileSync } from 'node:fs'

export interface Entry {
  readonly kind: 'request' | 'response'
  readonly title: string
  /** One character per byte. */
  readonly text: string
}

export function readCorpus(): Entry[] {
  const file = readFileSync(new URL('corpus.txt', import.meta.url), 'utf8')
  const entries: Entry[] = []
  for (const part of file.split(/^== /m).slice(1)) {
    const [, kind, title = '', body = ''] = /^(request|response): (.*)\n([\s\S]*)\n$/.exec(part) ?? []
    if (kind !== 'request' && kind !== 'response') throw new Error(`Not an entry: ${part}`)
    entries.push({ kind, title, text: bytesOf(body) })
  }
  return entries
}

function bytesOf(body: string): string {
  const lines = body.split('\n')
  return lines
    .map((line, i) => {
      const open = /(?:^|[^\\])(?:\\\\)*\\$/.test(line)
      return plain(open ? line.slice(0, -1) : line) + (open || i === lines.length - 1 ? '' : '\r\n')
    })
    .join('')
}

const single: Readonly<Record<string, string>> = {
  r: '\r',
  n: '\n',
  t: '\t',
  '0': '\0',
  '\\': '\\',
  '"': '"',
}

function plain(line: string): string {
  return line.replace(
    /\\(?:x([0-9a-f]{2})|\{(.*?)\*(\d+)\}|(.))/gi,
    (all, hex?: string, text?: string, times?: string, letter?: string) => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
      if (text !== undefined) return plain(text).repeat(Number(times))
      const byte = single[letter as string]
      if (byte === undefined) throw new Error(`Not an escape in the corpus: ${all}`)
      return byte
    },
  )
}
