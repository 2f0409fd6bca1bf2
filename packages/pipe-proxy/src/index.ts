/** An HTTP gateway on node:http and stream.pipeline. */

export * from '@relayrace/gateway'
export { createPipeProxy } from './pipe.ts'
