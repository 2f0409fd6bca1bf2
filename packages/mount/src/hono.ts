/** In Hono: on Node.js by `node:http`, elsewhere by fetch. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FetchGateway, HttpGateway } from '@relayrace/gateway'
import type { Context, Handler } from 'hono'
import { type MountOptions, relay, retarget } from './mount.ts'
import { checkPrefix, cut } from './prefix.ts'

export interface HonoMountOptions extends MountOptions {
  /** Where it stands, as `/api`: Hono leaves paths as they are. What is not below it is none of the gateway's. */
  readonly prefix?: string
}

/** What @hono/node-server gives. */
interface Bindings {
  readonly incoming?: IncomingMessage
  readonly outgoing?: ServerResponse
}

/** `app.all('/api/*', honoGateway(gateway, { prefix: '/api' }))`. */
export function honoGateway(
  gateway: HttpGateway | Pick<FetchGateway, 'fetch'>,
  { prefix, keepPrefix = false, replayParsed = false }: HonoMountOptions = {},
): Handler {
  checkPrefix(prefix)
  const cutOff = (target: string): string | undefined => (prefix === undefined ? target : cut(target, prefix))

  async function byFetch({ req }: Context, fetch: FetchGateway['fetch']): Promise<Response | undefined> {
    const url = cutOff(req.url)
    if (url === undefined) return undefined
    return fetch(keepPrefix || url === req.url ? req.raw : new Request(url, req.raw))
  }

  return async (context, next) => {
    const { incoming, outgoing } = (context.env ?? {}) as Bindings
    if (incoming === undefined || outgoing === undefined || !('handle' in gateway)) {
      if ('fetch' in gateway) return (await byFetch(context, gateway.fetch)) ?? next()
      throw new TypeError(
        'Where there is no @hono/node-server it takes a gateway with fetch: createFetchHandler of @relayrace/fetch-proxy/fetch',
      )
    }
    const { url = '' } = incoming
    const target = cutOff(url)
    if (target === undefined) return next()
    retarget(incoming, url, keepPrefix ? url : target)
    // Hono has what was read of it, and gives it again.
    const parsed = replayParsed && incoming.readableEnded && context.req.raw.bodyUsed
    await relay(
      gateway,
      incoming,
      outgoing,
      parsed ? new Uint8Array(await context.req.arrayBuffer()) : undefined,
    )
    return alreadySent()
  }
}

/**
 * What @hono/node-server calls RESPONSE_ALREADY_SENT. It has put a Response of its own into the place of the platform's, in
 * which it looks for that only once somebody has asked for more than status and fields; that holds for copies too, which
 * Hono makes for HEAD.
 */
function alreadySent(): Response {
  const response = new Response(null, { headers: { 'x-hono-already-sent': 'true' } })
  void response.body
  return response
}
