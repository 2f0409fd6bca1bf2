/**
 * A gateway in a process of its own that says what it holds: `node --expose-gc leaks-program.ts MODULE UPSTREAM`. MODULE
 * exports one `create…`. Answers each message with its counts, after it has collected its garbage.
 */

import { type Held, held } from '@relayrace/fixtures/held'
import type { Gateway, Strategy } from '@relayrace/gateway'

/** What a gateway holds when nobody uses it. */
export interface State extends Held {
  readonly inFlight: number
  readonly connections: number
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
  const { inFlight } = gateway
  const state: State = { ...(await held()), inFlight, connections: gateway.pool.connections, warnings }
  process.send?.(state)
})
process.send?.(url.href)
