// Publishes the packages whose version npm has not yet. With --dry-run everything is done but that, in a clone of the last
// commit, with the versions and changelogs that the changesets come to.
import { execFileSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')
const x = ['scripts/x.mjs']
const run = (cwd, command, ...args) => execFileSync(command, args, { cwd, stdio: 'inherit' })
const packed = [process.execPath, ...x, 'turbo', 'run', 'lint:pkg', '--output-logs=errors-only']

if (process.argv.includes('--dry-run')) {
  const clone = mkdtempSync(path.join(tmpdir(), 'release-'))
  try {
    dryRun(clone)
  } finally {
    rmSync(clone, { recursive: true, force: true })
  }
} else {
  run(root, ...packed)
  run(root, process.execPath, ...x, 'changeset', 'publish')
}

function dryRun(clone) {
  run(root, 'git', 'clone', '--quiet', root, clone)
  run(clone, process.execPath, ...x, 'changeset', 'version')
  run(clone, ...packed)
  for (const tarball of globSync('packages/*/.pack/package.tgz', { cwd: clone }).toSorted()) {
    const folder = path.join(clone, tarball, '../..')
    const { name, version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'))
    if (!readFileSync(path.join(folder, 'CHANGELOG.md'), 'utf8').includes(`## ${version}\n`))
      throw new Error(`${name}: ${version} is not in its CHANGELOG.md: add a changeset`)
    // Only the workflow can say where a package was built.
    run(clone, 'npm', 'publish', tarball, '--dry-run', '--provenance=false', '--loglevel=error')
  }
}
