/** An HTTP gateway on http-proxy-3, held to the contract. */

export * from '@relayrace/gateway'
export { createReverseProxy } from './reverse.ts'
