/** Keeps tables in documents equal to the newest results in bench/results. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { alternativesSection } from './alternatives.ts'
import { memorySection } from './memory.ts'
import { begin, end, type Kept, newestResults, readmeSection, withTable } from './readme.ts'

/** What is written, and where. */
export const documents: readonly { file: string; from: string; section: (kept: Kept) => string }[] = [
  { file: 'README.md', from: 'bench/results', section: readmeSection },
  { file: 'docs/memory.md', from: 'bench/results', section: memorySection },
  { file: 'docs/alternatives.md', from: 'bench/results/alternatives', section: alternativesSection },
]

/** Says what it did. */
export function writeDocuments(): string {
  const said = documents.map(({ file, from, section }) => {
    const kept = newestResults(from)
    if (!kept) return `There are no results in ${from}: ${file} stays as it is.`
    const place = path.resolve(import.meta.dirname, '../..', file)
    const after = withTable(existsSync(place) ? readFileSync(place, 'utf8') : '', section(kept))
    if (after === undefined) return `${file} has no lines ${begin} and ${end}: nothing to write between.`
    writeFileSync(place, after)
    return `${file} shows ${kept.folder}.`
  })
  return said.join('\n')
}
