/** Starts a program again and again with a few descriptors more each time, until there are enough. */

import { closeSync, openSync } from 'node:fs'
import { program } from '../../src/index.ts'

const taken: number[] = []
try {
  for (;;) taken.push(openSync('/dev/null', 'r'))
} catch {
  // There are none left.
}
const give = (count: number): void => {
  for (const one of taken.splice(0, count)) closeSync(one)
}
const app = program({
  command: process.execPath,
  args: ['-e', "setInterval(() => {}, 1000); console.log('up')"],
  ready: { line: 'up' },
  socket: 'auto',
  restart: false,
  log() {},
})
for (const more of [0, 3, 2, taken.length]) {
  give(more)
  await app.start().then(
    () => console.log('ready'),
    ({ message }: Error) => console.log(/could not be started/.exec(message)?.[0] ?? message),
  )
}
await app.close()
console.log('closed')
