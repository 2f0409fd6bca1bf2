/** What a gateway could do instead of asking a separate program over TCP: `--by` says what. */

import { parseArgs } from 'node:util'

const ways: Readonly<Record<string, (port: number) => Promise<URL>>> = {
  tcp: async (port) => (await import('./hop.ts')).start('tcp', port),
  unix: async (port) => (await import('./hop.ts')).start('unix', port),
  messages: async (port) => (await import('./messages.ts')).start(port),
  'hand-off': async (port) => (await import('./hand-off.ts')).start(port),
  'redirect-302': async (port) => (await import('./redirect.ts')).start(302, port),
  'redirect-307': async (port) => (await import('./redirect.ts')).start(307, port),
  'redirect-308': async (port) => (await import('./redirect.ts')).start(308, port),
}
const { by } = parseArgs({ options: { by: { type: 'string', default: 'unix' } } }).values
const start = Object.hasOwn(ways, by) ? ways[by] : undefined
if (start === undefined) throw new TypeError(`--by is one of ${Object.keys(ways).join(', ')}`)
console.log(`${by} at ${await start(Number(process.env.PORT ?? 8080))}`)
