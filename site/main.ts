/** `npm run site`: installs what the site needs, writes its pages, builds it and follows its links. `-- --serve` shows it. */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { deadLinks } from './links.ts'
import { gather, root } from './pages.ts'

const here = import.meta.dirname
const cache = path.join(here, '.cache')
const pagesFolder = path.join(cache, 'pages')
const built = path.join(cache, 'dist')

const { values } = parseArgs({ options: { serve: { type: 'boolean' }, port: { type: 'string' } } })

install()
writePages()
const { writeApi } = await import('./api.ts')
await writeApi(path.join(pagesFolder, 'api'))
run('vitepress', 'build', '.')
const dead = deadLinks(built)
for (const link of dead) console.error(`dead link: ${link}`)
if (dead.length > 0) process.exit(1)
console.log(`built: ${path.relative(process.cwd(), built)}`)
if (values.serve === true) {
  const { serve } = await import('./serve.ts')
  console.log((await serve(built, Number(values.port ?? 4173))).href)
}

/** When the lockfile is another than last time. */
function install(): void {
  const stampFile = path.join(cache, 'installed')
  const stamp = createHash('sha256')
    .update(readFileSync(path.join(here, 'pnpm-lock.yaml')))
    .digest('hex')
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return
  const { packageManager } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  const pnpm = [
    '--yes',
    '--loglevel=error',
    packageManager,
    'install',
    '--frozen-lockfile',
    '--reporter=silent',
  ]
  const { status } = spawnSync('npx', pnpm, { cwd: here, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
  mkdirSync(cache, { recursive: true })
  writeFileSync(stampFile, stamp)
}

function writePages(): void {
  const { pages, copies, dead } = gather()
  for (const link of dead) console.error(`dead link: ${link}`)
  if (dead.length > 0) process.exit(1)
  rmSync(pagesFolder, { recursive: true, force: true })
  for (const { place, text } of pages) write(path.join(pagesFolder, place), text)
  for (const { source, place, asset } of copies) {
    const to = path.join(pagesFolder, asset ? '' : 'public', place)
    mkdirSync(path.dirname(to), { recursive: true })
    cpSync(path.join(root, source), to)
  }
}

function write(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, text)
}

function run(command: string, ...args: string[]): void {
  const { status } = spawnSync(path.join(here, 'node_modules/.bin', command), args, {
    cwd: here,
    stdio: 'inherit',
  })
  if (status !== 0) process.exit(status ?? 1)
}
