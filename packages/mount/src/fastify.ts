/** In Fastify, as a plugin: within it nothing is parsed, whatever the parsers of the application are. */

import type { HttpGateway } from '@relayrace/gateway'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { type MountOptions, relay, retarget } from './mount.ts'
import { cutSegments } from './prefix.ts'

export interface FastifyMountOptions extends Pick<MountOptions, 'keepPrefix'> {
  readonly gateway: HttpGateway
}

/** `app.register(gatewayPlugin, { gateway, prefix: '/api' })`. */
export const gatewayPlugin: FastifyPluginAsync<FastifyMountOptions> = async (
  app: FastifyInstance,
  { gateway, keepPrefix = false }: FastifyMountOptions,
): Promise<void> => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  const handler = ({ raw }: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const { url = '' } = raw
    reply.hijack()
    retarget(raw, url, keepPrefix ? url : cutSegments(url, app.prefix))
    return relay(gateway, raw, reply.raw)
  }
  app.all('/', handler)
  app.all('/*', handler)
}
