/** What must be true after every run, whatever the case was about: nothing is held, nothing is broken. */

import { setTimeout as pause } from 'node:timers/promises'
import { heldConnections } from '@relayrace/fixtures/proc'
import { atLimit, type Client, connect, Late, Missed, type Origin } from '@relayrace/fixtures/wire'
import { get, reply } from './case.ts'
import { check, Failed } from './expect.ts'

/** How long the target may take to let go of something. */
const patience = 3000

/** Throws `Failed` when something is left over. The clients are closed already. */
export async function settleUpstream(origin: Origin): Promise<void> {
  await Promise.all(
    origin.connections.map(async (connection) => {
      connection.resume()
      // Over TLS it takes a moment until the last write is known to be done.
      let over = false
      const forget = atLimit(patience, () => {
        over = true
      })
      while (connection.busy && !connection.ending && !over) await pause(5)
      forget()
      const { busy } = connection
      // An idle connection may stay open until the origin closes it.
      if (!busy) connection.end()
      try {
        await connection.ended({ within: busy ? 0 : patience })
      } catch (error) {
        if (!(error instanceof Missed)) throw error
        throw new Late(
          busy
            ? `afterwards: the upstream connection stayed open ${patience} ms after the client had left`
            : `afterwards: the upstream connection stayed open ${patience} ms after the origin's FIN`,
        )
      } finally {
        connection.close()
      }
    }),
  )
}

/** Throws `Failed` when a harmless request does not get its answer. */
export async function probe(origin: Origin, target: URL, signal?: AbortSignal): Promise<void> {
  let client: Client | undefined
  try {
    client = await connect(target, { patience, ...(signal ? { signal } : {}) })
    await ownAnswer(origin, client)
  } catch (error) {
    if (!(error instanceof Missed || error instanceof Failed)) throw error
    throw new Failed(`afterwards: the next request on a new connection failed: ${error.message}`, {
      cause: error,
    })
  } finally {
    client?.close()
  }
}

/** Another request on a connection gets its own answer, or the connection is closed without one. */
export async function anotherRequest(origin: Origin, client: Client): Promise<void> {
  const silent = (): boolean => client.ending !== undefined && client.untaken.length === 0
  if (silent()) return
  try {
    await ownAnswer(origin, client)
  } catch (error) {
    if (!(error instanceof Missed || error instanceof Failed)) throw error
    if (error instanceof Missed && silent()) return
    throw new Failed(`the next request on the same connection failed: ${error.message}`, { cause: error })
  }
}

let asked = 0

async function ownAnswer(origin: Origin, client: Client): Promise<void> {
  const path = `/relayrace-${++asked}`
  const over = new AbortController()
  const { signal } = over
  const serve = async (): Promise<never> => {
    for (;;) {
      const { message, send, done } = await origin.request({ signal, within: 2 * patience })
      if (message.target.split('?')[0]?.endsWith(path)) await send(reply(path))
      // The head of a request that was refused in its middle may arrive late.
      else {
        const { verdict, startLine } = await done({ signal })
        check(verdict !== 'complete', `the origin received "${startLine}", which nobody sent as a request`)
      }
    }
  }
  client.send(get(path))
  try {
    const response = await Promise.race([client.response({ signal, within: patience }), serve()])
    const own = response.verdict === 'complete' && response.status === 200 && response.text === path
    check(own, `it got another answer than its own: ${response}`)
  } finally {
    over.abort()
  }
}

/** Throws `Failed` when the target still holds connections of clients that have left. */
export async function settleClients(port: number, before: number): Promise<void> {
  let over = false
  const forget = atLimit(patience, () => {
    over = true
  })
  try {
    for (;;) {
      const held = (await heldConnections(port)) ?? []
      if (held.length <= before) return
      if (over)
        throw new Late(
          `afterwards: ${held.length - before} connections of clients were held ${patience} ms after they had left, in ${[...new Set(held)].join(' and ')}`,
        )
      await pause(10)
    }
  } finally {
    forget()
  }
}

/** Node's warnings, panics of Go, workers that died under their master. */
const warnings =
  /^.*(?:MaxListenersExceededWarning|UnhandledPromiseRejection|PromiseRejectionHandled|TimeoutOverflowWarning|Uncaught|panic|exited on signal|core dumped).*$/m

/** Throws `Failed` when the target has complained about itself. */
export function settleComplaints(said: string): void {
  const line = warnings.exec(said)?.[0]
  check(line === undefined, `afterwards: it warned on standard error: ${line?.trim().slice(0, 200)}`)
}
