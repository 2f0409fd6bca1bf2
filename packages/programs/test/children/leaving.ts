/** Starts a program that has a child of its own, says who they are, and stays until it is ended itself. */

import { program } from '../../src/index.ts'

const script = `
  const { spawn } = require('node:child_process')
  const below = spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('up')"])
  below.stdout.once('data', () => console.log('below', below.pid))
  process.on('SIGTERM', () => {})
  setInterval(() => {}, 1000)
`
const app = program({
  command: process.execPath,
  args: ['-e', script],
  socket: 'auto',
  // A name that no shell knows.
  env: process.argv[2] === 'odd' ? { 'a.b': 'c' } : {},
  ready: { line: 'below' },
  log: ({ stream, text }) => stream === 'stdout' && console.log(text),
})
await app.start()
const [instance] = app.state().instances
console.log(`ready ${JSON.stringify({ pid: instance?.pid, origin: instance?.origin })}`)
