/** An HTTP gateway on undici's fetch and WHATWG streams. */

export * from '@relayrace/gateway/contract'
export { createFetchProxy } from './fetch-proxy.ts'
