/** In Vite's development and preview servers. */

import type { Server, ServerResponse } from 'node:http'
import type { HttpGateway } from '@relayrace/gateway'
import type { Connect, Plugin } from 'vite'
import { type MountOptions, relay, retarget } from './mount.ts'
import { checkPrefix, cut } from './prefix.ts'
import { passUpgrades } from './upgrades.ts'

export interface ViteMountOptions extends Pick<MountOptions, 'keepPrefix'> {
  /** As `/api`. The rest is Vite's, and so is the WebSocket of its hot module replacement. */
  readonly prefix: string
}

/** `plugins: [viteGateway(gateway, { prefix: '/api' })]`. */
export function viteGateway(gateway: HttpGateway, { prefix, keepPrefix = false }: ViteMountOptions): Plugin {
  checkPrefix(String(prefix))

  function handle(request: Connect.IncomingMessage, response: ServerResponse, next: () => void): void {
    const { url = '' } = request
    const target = cut(url, prefix)
    if (target === undefined) {
      next()
      return
    }
    retarget(request, url, keepPrefix ? url : target)
    relay(gateway, request, response)
  }

  function configure(server: { middlewares: Connect.Server; httpServer: unknown }): void {
    server.middlewares.use(handle)
    // In middleware mode the server is somebody else's.
    if (server.httpServer) passUpgrades(server.httpServer as Server, { prefix })
  }

  return { name: 'relayrace', configureServer: configure, configurePreviewServer: configure }
}
