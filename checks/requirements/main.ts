/** Writes docs/requirements.md; with `--check` it says whether that is as it has to be, and changes nothing. */

import { readFileSync, writeFileSync } from 'node:fs'
import { document, write } from './document.ts'

if (!process.argv.includes('--check')) writeFileSync(document, write())
else if (readFileSync(document, 'utf8') !== write()) {
  console.error('docs/requirements.md is not what the tests say: npm run requirements')
  process.exitCode = 1
}
