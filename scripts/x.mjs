#!/usr/bin/env node
// Runs a command inside the pinned toolchain, installing that toolchain first when node_modules does not match
// pnpm-lock.yaml. Needs only npm and any Node.js >= 18: pnpm comes from the "packageManager" field (through npx), the
// Node.js that runs the command from the node-* optional dependencies.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const windows = process.platform === 'win32'
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const read = (file) => readFileSync(path.join(root, file))
const { packageManager } = JSON.parse(read('package.json'))
const stampFile = path.join(root, 'node_modules', '.toolchain-stamp')
const stamp = createHash('sha256')
  .update(read('pnpm-lock.yaml'))
  .update(read('pnpm-workspace.yaml'))
  .digest('hex')
const pinnedNode = path.join(root, 'node_modules', '.bin', 'node')
const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' }
// Started by a pnpm that is already on the machine: use that one.
const underPnpm = /^pnpm\//.test(env.npm_config_user_agent ?? '')
const pnpm = underPnpm ? ['pnpm'] : ['npx', '--yes', '--loglevel=error', packageManager]

/** Ends this process as the command ended, unless it succeeded. Signals reach the command; it decides what they mean. */
async function run([command, ...args]) {
  const child = spawn(command, args, { cwd: root, stdio: 'inherit', shell: windows, env })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  const [code, signal] = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (...how) => resolve(how))
  })
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(name)
  if (signal) process.exit(128 + constants.signals[signal])
  if (code !== 0) process.exit(code)
}

if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) {
  await run([...pnpm, 'install', '--frozen-lockfile'])
  writeFileSync(stampFile, stamp)
}
const command = process.argv.slice(2)
// Our own programs run without pnpm in between, so that a Ctrl-C reaches them and they have time to tidy up.
if (command[0] === 'node' && existsSync(pinnedNode)) await run([pinnedNode, ...command.slice(1)])
else if (command.length > 0) await run([...pnpm, 'exec', ...command])
