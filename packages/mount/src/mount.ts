/** One request, from a framework to a gateway. */

import { IncomingMessage, type ServerResponse } from 'node:http'
import type { HttpGateway } from '@relayrace/gateway'
import { contentAgain } from './parsed.ts'
import { upgradeOf } from './upgrades.ts'

export interface MountOptions {
  /** The gateway sees the prefix as well. By default it does not, and `request.originalTarget` has it. */
  readonly keepPrefix?: boolean
  /**
   * Content that a parser in front has read is written again: JSON, forms without arrays, and bytes; what it was is known
   * no more closely. Anything else goes to the framework's error handler. By default the gateway answers 500 to all of it.
   */
  readonly replayParsed?: boolean
}

/** As frameworks leave it. */
export type MountedRequest = IncomingMessage & { originalUrl?: string | undefined }

/** What the gateway is asked for, instead of what came. */
export function retarget(request: MountedRequest, original: string, target: string): void {
  request.originalUrl = original
  request.url = target
}

/**
 * @param body What a parser in front has made of the content, if it may be sent on.
 * @throws Error when it cannot be.
 */
export function relay(
  gateway: HttpGateway,
  request: MountedRequest,
  response: ServerResponse,
  body?: unknown,
): Promise<void> {
  const upgrade = upgradeOf(request)
  if (upgrade === undefined) return gateway.handle(again(request, body), response)
  if (response.headersSent) {
    request.socket.destroy()
    return Promise.resolve()
  }
  response.detachSocket(request.socket)
  return gateway.upgrade(request, upgrade.socket, upgrade.head)
}

/** The request, with its content once more if somebody has read that. */
function again(request: MountedRequest, body: unknown): MountedRequest {
  if (body === undefined || !request.readableEnded) return request
  const content = contentAgain(request.rawHeaders, body)
  if (content === undefined) return request
  const { method, url, originalUrl, httpVersion, httpVersionMajor, httpVersionMinor } = request
  const sent: MountedRequest = new IncomingMessage(request.socket)
  Object.assign(sent, { method, url, httpVersion, httpVersionMajor, httpVersionMinor, complete: true })
  if (originalUrl !== undefined) sent.originalUrl = originalUrl
  sent.rawHeaders = content.fields
  sent.push(content.bytes)
  sent.push(null)
  return sent
}
