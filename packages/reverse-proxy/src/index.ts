/** An HTTP gateway on http-proxy-3, held to the contract. */

export type { GatewayOptions, HttpGateway } from '@relayrace/gateway'
export { appendForwarded, preserveHost, setForwarded } from '@relayrace/gateway'
export { createReverseProxy } from './reverse.ts'
