/** npm, as users have it: what it installs is what they get. */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const cli = (process.env.PATH ?? '')
  .split(path.delimiter)
  .map((folder) => path.join(folder, 'npm'))
  .find((file) => existsSync(file))

const quiet = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']

/** Installs into a folder, under a Node.js of one's choice. What fails is thrown with what npm says. */
export function install(folder: string, packages: readonly string[], node: string = process.execPath): void {
  if (cli === undefined) throw new Error('There is no npm on the PATH: install it')
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }')
  const argv = [realpathSync(cli), 'install', ...quiet, ...packages]
  const { status, stdout, stderr } = spawnSync(node, argv, { cwd: folder, encoding: 'utf8' })
  if (status !== 0) throw new Error(`npm cannot install ${packages.join(' ')}:\n${stdout}${stderr}`)
}

/** Installs into a folder that is kept, unless it has been done. */
export function installOnce(folder: string, packages: readonly string[]): void {
  const done = path.join(folder, 'installed')
  if (existsSync(done)) return
  install(folder, packages)
  writeFileSync(done, '')
}
