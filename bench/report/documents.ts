/** Keeps the tables in README.md and in docs/memory.md equal to the newest results in bench/results. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { memorySection } from './memory.ts'
import { begin, end, type Kept, newestResults, readmeSection, withTable } from './readme.ts'

/** What is written, and where. */
export const documents: readonly { file: string; section: (kept: Kept) => string }[] = [
  { file: 'README.md', section: readmeSection },
  { file: 'docs/memory.md', section: memorySection },
]

/** Says what it did. */
export function writeDocuments(): string {
  const kept = newestResults()
  if (!kept) return 'There are no results in bench/results: the documents stay as they are.'
  const said = documents.map(({ file, section }) => {
    const place = path.resolve(import.meta.dirname, '../..', file)
    const after = withTable(existsSync(place) ? readFileSync(place, 'utf8') : '', section(kept))
    if (after === undefined) return `${file} has no lines ${begin} and ${end}: nothing to write between.`
    writeFileSync(place, after)
    return `${file} shows ${kept.folder}.`
  })
  return said.join('\n')
}
