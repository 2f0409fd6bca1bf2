/** All strategies by name, for what is tested on each of them. */

import { createDispatchProxy } from '@relayrace/dispatch-proxy'
import { createDuplexGateway } from '@relayrace/duplex-server'
import { createFetchProxy } from '@relayrace/fetch-proxy'
import type { HttpGateway, Strategy } from '@relayrace/gateway'
import { createPipeProxy } from '@relayrace/pipe-proxy'
import { createReverseProxy } from '@relayrace/reverse-proxy'

/** Those that stand in a server of node:http, whoever has made it. */
export const onNodeHttp: readonly (readonly [name: string, create: Strategy<HttpGateway>])[] = [
  ['pipe-proxy', createPipeProxy],
  ['reverse-proxy', createReverseProxy],
  ['dispatch-proxy', createDispatchProxy],
  ['fetch-proxy', createFetchProxy],
]

export const strategies: readonly (readonly [name: string, create: Strategy])[] = [
  ...onNodeHttp,
  ['duplex-server', createDuplexGateway],
]
