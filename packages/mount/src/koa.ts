/** In Koa, which has no paths: what is not below the prefix goes on to the next middleware. */

import type { ServerResponse } from 'node:http'
import type { HttpGateway } from '@relayrace/gateway'
import { type MountedRequest, type MountOptions, relay, retarget } from './mount.ts'
import { checkPrefix, cut } from './prefix.ts'

export interface KoaMountOptions extends MountOptions {
  /** As `/api`. Default: everything goes to the gateway. */
  readonly prefix?: string
}

/** What is used of a context. */
export interface KoaContext {
  readonly req: MountedRequest
  readonly res: ServerResponse
  readonly originalUrl: string
  readonly request: object
  respond?: boolean
}

/** `app.use(koaGateway(gateway, { prefix: '/api' }))`. */
export function koaGateway(
  gateway: HttpGateway,
  { prefix, keepPrefix = false, replayParsed = false }: KoaMountOptions = {},
): (context: KoaContext, next: () => Promise<unknown>) => Promise<unknown> {
  checkPrefix(prefix)
  return async (context, next) => {
    const { req, res, originalUrl, request } = context
    const { url = '' } = req
    const target = prefix === undefined ? url : cut(url, prefix)
    if (target === undefined) return next()
    retarget(req, originalUrl, keepPrefix ? originalUrl : target)
    const relayed = relay(gateway, req, res, replayParsed ? (request as { body?: unknown }).body : undefined)
    context.respond = false
    return relayed
  }
}
