/** An HTTP gateway on node:http and stream.pipeline. */

export * from '@relayrace/gateway/contract'
export { createPipeProxy } from './pipe.ts'
