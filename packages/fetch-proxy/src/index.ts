/** An HTTP gateway on undici's fetch and WHATWG streams. */

export * from '@relayrace/gateway'
export { createFetchProxy } from './fetch-proxy.ts'
