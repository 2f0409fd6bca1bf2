/** Writes what all strategies share, their options and errors, from the README of the gateway into theirs. */

import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const packages = path.join(import.meta.dirname, '../packages')
const shared = /(?<=<!-- shared:begin -->\n).*(?=<!-- shared:end -->)/s

const source = readFileSync(path.join(packages, 'gateway/README.md'), 'utf8').match(shared)?.[0]
if (source === undefined)
  throw new Error('packages/gateway/README.md has no part between shared:begin and shared:end')
for (const name of ['pipe-proxy', 'reverse-proxy', 'dispatch-proxy', 'fetch-proxy', 'duplex-server']) {
  const file = path.join(packages, name, 'README.md')
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace(shared, () => source),
  )
}
