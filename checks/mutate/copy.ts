/** A copy of the working tree in which anything may be broken. */

import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

export interface Copy {
  readonly folder: string
  remove(): void
}

/** All that git would keep, as it is now. What is installed is shared; links between our packages stay in the copy. */
export function copyOf(root: string): Copy {
  const folder = mkdtempSync(path.join(tmpdir(), 'mutate-'))
  const listing = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
  const files = listing.split('\0').filter((file) => file !== '' && existsSync(path.join(root, file)))
  for (const file of files) {
    cpSync(path.join(root, file), path.join(folder, file), { recursive: true, verbatimSymlinks: true })
  }
  for (const shared of ['node_modules', '.cache']) {
    if (existsSync(path.join(root, shared)))
      symlinkSync(path.join(root, shared), path.join(folder, shared), 'dir')
  }
  // The site has a store of its own, and nothing in it is broken for a test.
  const workspaces = files
    .filter((file) => /^.+\/package\.json$/.test(file) && file !== 'site/package.json')
    .map((file) => path.dirname(file))
  for (const workspace of workspaces) {
    const installed = path.join(workspace, 'node_modules')
    if (existsSync(path.join(root, installed)))
      cpSync(path.join(root, installed), path.join(folder, installed), {
        recursive: true,
        verbatimSymlinks: true,
      })
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }) }
}
