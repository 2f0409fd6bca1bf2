/** An HTTP gateway on undici's fetch and WHATWG streams. */

export type { FetchGateway, GatewayOptions } from '@relayrace/gateway'
export { appendForwarded, preserveHost, setForwarded } from '@relayrace/gateway'
export { createFetchProxy } from './fetch-proxy.ts'
