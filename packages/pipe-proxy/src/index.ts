/** An HTTP gateway on node:http and stream.pipeline. */

export type { GatewayOptions, HttpGateway } from '@relayrace/gateway'
export { createPipeProxy } from './pipe.ts'
