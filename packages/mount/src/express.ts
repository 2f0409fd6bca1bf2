/** In Express and Connect, which take away the path that a middleware is mounted at. */

import type { ServerResponse } from 'node:http'
import type { HttpGateway } from '@relayrace/gateway'
import { type MountedRequest, type MountOptions, relay, retarget } from './mount.ts'

/** Of Express 4 and 5, and of Connect. */
export type ExpressHandler = (
  request: MountedRequest & { body?: unknown },
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

/** `app.use('/api', expressGateway(gateway))`. */
export function expressGateway(
  gateway: HttpGateway,
  { keepPrefix = false, replayParsed = false }: MountOptions = {},
): ExpressHandler {
  return (request, response, next) => {
    const { url = '', originalUrl = url, body } = request
    if (keepPrefix) retarget(request, originalUrl, originalUrl)
    try {
      relay(gateway, request, response, replayParsed ? body : undefined)
    } catch (error) {
      next(error)
    }
  }
}
