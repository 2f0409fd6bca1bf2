/**
 * A gateway in a process of its own that says what it holds: `node --expose-gc leaks-program.ts MODULE UPSTREAM`. MODULE
 * exports one `create…`. Answers each message with its counts, after it has collected its garbage.
 */

import { readdirSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Gateway, Strategy } from '../src/index.ts'

/** What a gateway holds when nobody uses it. */
export interface Held {
  readonly inFlight: number
  readonly connections: number
  readonly descriptors: number
  /** What keeps a process alive, by its kind: sockets, timers and so on. */
  readonly resources: Readonly<Record<string, number>>
  /** Of the process. */
  readonly listeners: number
  /** Bytes. */
  readonly heap: number
  /** Of Node, about listeners for instance. */
  readonly warnings: readonly string[]
}

const [module = '', name = '', upstream = ''] = process.argv.slice(2)
const warnings: string[] = []
process.on('warning', ({ message }) => warnings.push(message))
const exports: Record<string, Strategy<Gateway>> = await import(module)
const gateway = (exports[name] as Strategy<Gateway>)({ upstream, timeouts: { requestBody: 5_000 } })
const { url } = await gateway.listen()

process.on('message', async () => {
  // What is collected may let go of what is collected after it.
  for (let times = 0; times < 6; times++) {
    global.gc?.()
    await nextTurn()
  }
  const held: Held = {
    inFlight: gateway.inFlight,
    connections: gateway.pool.connections,
    descriptors: readdirSync('/proc/self/fd').length,
    resources: counts(process.getActiveResourcesInfo()),
    listeners: process.eventNames().reduce((sum, event) => sum + process.listenerCount(event as string), 0),
    heap: process.memoryUsage().heapUsed,
    warnings,
  }
  process.send?.(held)
})
process.send?.(url.href)

function counts(kinds: readonly string[]): Record<string, number> {
  const found: Record<string, number> = {}
  for (const kind of kinds.toSorted()) found[kind] = (found[kind] ?? 0) + 1
  return found
}
