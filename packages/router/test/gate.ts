/** A gate before a service, on a gateway of one strategy. */

import { type Client, connect, type Exchange, type Origin, startOrigin } from '@relayrace/fixtures/wire'
import type { GatewayOptions, Strategy } from '@relayrace/gateway'
import { get, reply, stageFor } from '@relayrace/promises/stage'
import { onTestFinished } from 'vitest'
import { createRouter, type Middleware, type RouterRoute } from '../src/index.ts'

export const upgrade = ['Connection: Upgrade', 'Upgrade: websocket'] as const

export interface Gate {
  readonly origin: Origin
  readonly visit: () => Promise<Client>
  /** Sends a request with these fields, and gives the status. Who is let in is answered by the origin. */
  readonly knock: (...fields: string[]) => Promise<number>
}

/** @returns what makes one, which goes with the test. */
export function gateFor(
  create: Strategy,
): (
  middleware: readonly Middleware[],
  route?: Partial<RouterRoute>,
  options?: Partial<GatewayOptions>,
) => Promise<Gate> {
  const made = stageFor(create)
  return async (middleware, route = {}, options = {}) => {
    const origin = await startOrigin()
    onTestFinished(() => origin[Symbol.asyncDispose]())
    const { upstream } = createRouter([{ path: '/', upstream: origin.url, middleware, ...route }])
    const { url } = await made({ ...options, upstream })
    const visit = async (): Promise<Client> => {
      const client = await connect(url)
      onTestFinished(() => client.close())
      return client
    }
    /** The next request, whoever sends it: who is refused sends none. */
    let next: Promise<Exchange> | undefined
    return {
      origin,
      visit,
      async knock(...fields) {
        const client = await visit()
        client.send(get('/', ...fields))
        const status = client.response().then((response) => response.status)
        next ??= origin.request({ within: 60_000 })
        next.catch(() => {})
        const asked = await Promise.race([next, status])
        if (typeof asked === 'number') return asked
        next = undefined
        await asked.send(reply('ok'))
        return status
      },
    }
  }
}

/** The status of a request, that of an upgrade, and how many of them the service heard of. */
export async function refused({ knock, origin }: Gate, ...fields: string[]): Promise<readonly number[]> {
  return [await knock(...fields), await knock(...upgrade, ...fields), origin.requests.length]
}
